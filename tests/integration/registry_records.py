"""Records of registered Avro schemas: written to a partition, and read from a sink as whoever reads it would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import fastavro
from confluent_kafka import Producer

from registry.client import RegistryClient
from registry.wire import PREFIX_LENGTH, prefix, split
from tests.integration.clients import read_committed

PII = {"confluent:tags": ["PII"]}

V1: dict[str, Any] = {
    "type": "record",
    "name": "Customer",
    "fields": [{"name": "id", "type": "long"}, {"name": "email", "type": "string", **PII}],
}
HASH = {"transforms": "h", "transforms.h.type": "Hmac", "transforms.h.tags": "PII", "transforms.h.key": "ring"}


def with_field(schema: Mapping[str, Any], **field: Any) -> dict[str, Any]:
    """The next version of a record's schema: one field more."""
    return {**schema, "fields": [*schema["fields"], field]}


def framed(schema: Mapping[str, Any], schema_id: int, record: Mapping[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(dict(schema)), dict(record))
    return prefix(schema_id) + out.getvalue()


def write(bootstrap_servers: str, topic: str, values: Iterable[bytes], partition: int = 0) -> None:
    """Writes the values to one partition in order, together."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value=value, partition=partition)
    assert producer.flush(30) == 0


def records(bootstrap_servers: str, topic: str, client: RegistryClient) -> dict[int, list[dict[str, Any]]]:
    """The committed records of a topic, by partition in order."""
    found: dict[int, list[dict[str, Any]]] = {}
    for message in read_committed(bootstrap_servers, topic):
        value, partition = message.value(), message.partition()
        assert value is not None
        assert partition is not None
        schema = fastavro.parse_schema(json.loads(client.schema(split(value)).text))
        record: Any = fastavro.schemaless_reader(BytesIO(value[PREFIX_LENGTH:]), schema, None)
        found.setdefault(partition, []).append(record)
    return found
