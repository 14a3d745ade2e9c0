"""A schema that cannot be had holds its partitions alone, and only until the registry is back."""

from __future__ import annotations

import json
from pathlib import Path

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from tests.integration.conftest import TopicFactory
from tests.integration.programs import connector_file, program
from tests.integration.registry_records import HASH, V1, framed, records, with_field, write
from tests.integration.workers import committed_offsets, eventually

V2 = with_field(V1, name="city", type=["null", "string"], default=None)


def test_a_new_schema_during_an_outage_holds_its_partition_and_the_other_goes_on(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic(partitions=2)
    address = broker.bootstrap_servers
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        ids = [client.register(f"{source}-value", json.dumps(schema)) for schema in (V1, V2)]

        def send(partition: int, *numbers: int, version: int) -> None:
            schema = (V1, V2)[version - 1]
            record = {"email": "ada@example.com", "city": None}
            values = [framed(schema, ids[version - 1], {"id": number, **record}) for number in numbers]
            write(address, source, values, partition)

        def committed() -> dict[int, int]:
            return committed_offsets(address, f"streamveil-{source}", source, 2)

        send(0, 1, version=1)
        send(1, 2, version=1)
        with program(connector_file(tmp_path, broker, registry, source, HASH)) as running:
            eventually(lambda: committed() == {0: 1, 1: 1}, "the first records are through")
            registry.stop()
            send(0, *range(10, 15), version=1)
            send(0, 15, 16, version=2)
            send(0, *range(17, 20), version=1)
            eventually(lambda: b"partitions held" in running.said(), "the partition is held")
            for number in range(20, 26, 2):  # one after the other, so that they are not all in one batch
                send(1, number, number + 1, version=1)
                eventually(lambda: committed()[1] == 1 + number - 18, "the other goes on")  # noqa: B023  called at once
            assert committed()[0] == 6  # what came before the new schema is through
            registry.start()
            eventually(lambda: committed() == {0: 11, 1: 7}, "the held partition follows")
            assert running.stop() == 0

        sink = records(address, f"{source}.protected", client)

    assert not any("@" in record["email"] for partition in sink.values() for record in partition)
    delivered = {partition: [record["id"] for record in found] for partition, found in sink.items()}
    assert delivered == {0: [1, *range(10, 20)], 1: [2, *range(20, 26)]}
