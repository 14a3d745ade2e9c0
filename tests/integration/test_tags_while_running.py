"""Tags that are lost or edited while a connector runs on real Kafka."""

from __future__ import annotations

import json
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import KafkaException

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import prefix
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import connector_file, program
from tests.integration.workers import send

NAME, SSN = {"name": "name", "type": "string"}, {"name": "ssn", "type": "string"}
TAGGED = {"type": "record", "name": "Person", "fields": [NAME, {**SSN, "confluent:tags": ["PII"]}]}
PLAIN = {"type": "record", "name": "Person", "fields": [NAME, SSN]}
MASK = {"transforms": "mask", "transforms.mask.type": "MaskField", "transforms.mask.tags": "PII"}
_PATIENCE_S = 60.0


def test_a_schema_without_tags_stays_protected_and_a_new_tag_stops_the_next_record(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic()
    subject = f"{source}-value"
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        client.register(subject, json.dumps(TAGGED))
        schema_id = client.register(subject, json.dumps(PLAIN))

        def person(name: str) -> bytes:
            out = BytesIO()
            fastavro.schemaless_writer(out, fastavro.parse_schema(PLAIN), {"name": name, "ssn": "078-05-1120"})
            return prefix(schema_id) + out.getvalue()

        document = connector_file(tmp_path, broker, registry, source, {**MASK, "registry.refresh.ms": "200"})
        with program(document) as running:
            send(broker.bootstrap_servers, source, person("before"))
            (written,) = _records(broker, f"{source}.protected", 1)
            assert b"before" in written
            assert b"078-05" not in written

            client.register(subject, json.dumps(PLAIN), metadata={"tags": {"Person.name": ["NAME"]}})
            time.sleep(0.3)  # the interval, after which it asks again
            send(broker.bootstrap_servers, source, person("after"))
            assert running.exit_status() == 1
            assert b"name (NAME)" in running.said()
        assert len(_records(broker, f"{source}.protected", 1)) == 1


def _records(broker: Broker, topic: str, count: int) -> list[Any]:
    """The values in a topic, once there are so many."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            values = [message.value() for message in read_committed(broker.bootstrap_servers, topic)]
        except (KeyError, KafkaException):  # the topic is not there yet
            values = []
        if len(values) >= count:
            return values
        time.sleep(0.1)
    raise AssertionError(f"fewer than {count} records in {topic}")
