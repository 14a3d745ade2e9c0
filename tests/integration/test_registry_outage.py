"""A schema that cannot be had holds its partitions alone, and only until the registry is back."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Producer

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import PREFIX_LENGTH, prefix, split
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import connector_file, program
from tests.integration.workers import committed_offsets, eventually

V1 = {
    "type": "record",
    "name": "Customer",
    "fields": [{"name": "id", "type": "long"}, {"name": "email", "type": "string", "confluent:tags": ["PII"]}],
}
V2 = {**V1, "fields": [*V1["fields"], {"name": "city", "type": ["null", "string"], "default": None}]}
HASH = {"transforms": "h", "transforms.h.type": "Hmac", "transforms.h.tags": "PII", "transforms.h.key": "ring"}


def test_a_new_schema_during_an_outage_holds_its_partition_and_the_other_goes_on(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic(partitions=2)
    address = broker.bootstrap_servers
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        ids = [client.register(f"{source}-value", json.dumps(schema)) for schema in (V1, V2)]

        def send(partition: int, *numbers: int, version: int) -> None:
            schema, schema_id = ((V1, ids[0]), (V2, ids[1]))[version - 1]
            _send(address, source, partition, [prefix(schema_id) + _avro(schema, number) for number in numbers])

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
                eventually(lambda: committed()[1] == 1 + number - 18, "the other partition goes on")  # noqa: B023 called at once
            assert committed()[0] == 6  # what came before the new schema is through
            registry.start()
            eventually(lambda: committed() == {0: 11, 1: 7}, "the held partition follows")
            assert running.stop() == 0

        delivered = _delivered(address, f"{source}.protected", client)

    assert delivered == {0: [1, *range(10, 20)], 1: [2, *range(20, 26)]}


def _avro(schema: dict[str, Any], number: int) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {"id": number, "email": "ada@example.com"})
    return out.getvalue()


def _send(address: str, topic: str, partition: int, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value=value, partition=partition)
    assert producer.flush(30) == 0


def _delivered(address: str, topic: str, client: RegistryClient) -> dict[int, list[int]]:
    """The ids of the records in the topic, by partition in order."""
    found: dict[int, list[int]] = {}
    for message in read_committed(address, topic):
        value, partition = message.value(), message.partition()
        assert value is not None
        assert partition is not None
        schema = fastavro.parse_schema(json.loads(client.schema(split(value)).text))
        record: Any = fastavro.schemaless_reader(BytesIO(value[PREFIX_LENGTH:]), schema, None)
        assert "@" not in record["email"]
        found.setdefault(partition, []).append(record["id"])
    return found
