"""What the chain leaves uncovered is refused before a record is produced, wherever in the schema it lies."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import Consumer, TopicPartition

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import prefix
from tests.integration.conftest import TopicFactory
from tests.integration.programs import connector_file, program
from tests.integration.workers import committed_offsets, send

SSN = {"name": "ssn", "type": "string", "confluent:tags": ["PII"]}
PERSON = {"type": "record", "name": "Person", "fields": [SSN]}
NODE = {"type": "record", "name": "Node", "fields": [SSN, {"name": "next", "type": ["null", "Node"]}]}
SOMEONE = {"ssn": "078-05-1120"}


def _customer(**types: Any) -> dict[str, Any]:
    fields = [{"name": name, "type": type_} for name, type_ in types.items()]
    return {"type": "record", "name": "Customer", "fields": [{"name": "id", "type": "string"}, *fields]}


@pytest.mark.parametrize(
    ("schema", "record", "masked", "named"),
    [
        ({**_customer(), "fields": [*_customer()["fields"], SSN]}, SOMEONE, "id", "ssn (PII)"),
        (
            _customer(people={"type": "array", "items": ["null", PERSON]}),
            {"people": [None, SOMEONE]},
            "id",
            "people[*].ssn (PII)",
        ),
        (_customer(people={"type": "map", "values": PERSON}), {"people": {"a": SOMEONE}}, "id", "people{*}.ssn (PII)"),
        (_customer(node=NODE), {"node": {**SOMEONE, "next": None}}, "id, node.ssn", "node.next.ssn (PII"),
    ],
    ids=["field", "array of nullable records", "map", "recursive type masked at its first level alone"],
)
def test_a_tagged_field_that_no_transform_handles_is_refused_and_named_and_nothing_is_produced(
    broker: Broker,
    topic: TopicFactory,
    tmp_path: Path,
    schema: dict[str, Any],
    record: dict[str, Any],
    masked: str,
    named: str,
) -> None:
    source = topic()
    mask = {"transforms": "mask", "transforms.mask.type": "MaskField", "transforms.mask.fields": masked}
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        schema_id = client.register(f"{source}-value", json.dumps(schema))
        send(broker.bootstrap_servers, source, prefix(schema_id) + _avro(schema, {"id": "1", **record}))
        # Tolerance is for records in error; a schema that is not covered is none.
        tolerant = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": f"{source}.dead"}
        with program(connector_file(tmp_path, broker, registry, source, {**mask, **tolerant})) as running:
            assert running.exit_status() == 1
            said = running.said().decode()

        assert named in said
        assert not _was_written(broker, f"{source}.protected")
        assert not _was_written(broker, f"{source}.dead")
        assert client.versions(f"{source}-value") == [1]
        assert not [request for request in registry.requests if request.startswith("POST") and "protected" in request]
    assert committed_offsets(broker.bootstrap_servers, f"streamveil-{source}", source, 1) == {0: -1001}


def _avro(schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def _was_written(broker: Broker, topic: str) -> bool:
    """Whether there ever was anything in the topic: a record, committed or not, or the mark of a transaction."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "none"})
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        return any(consumer.get_watermark_offsets(TopicPartition(topic, number), 30) != (0, 0) for number in partitions)
    finally:
        consumer.close()
