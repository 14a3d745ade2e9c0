"""The whole program, with a chain that protects, through crashes: each record is in the sink once, and in order."""

from __future__ import annotations

import json
import random
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Producer

from connector.demo.customers import Encoder, customer, schema
from connector.demo.customers import connector as protecting_customers
from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import PREFIX_LENGTH, prefix, split
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import connector_file, program
from tests.integration.workers import all_committed, eventually

_RECORDS = 200_000
_PARTITIONS = 6
_KILLS = 5


def test_200000_customers_are_protected_once_and_in_order_through_five_kills(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic(partitions=_PARTITIONS)
    moments = random.Random()
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        _seed(broker, client, source)
        chain = {
            k: v for k, v in protecting_customers("", "", "", "", "")["config"].items() if k.startswith("transforms")
        }
        chain |= {"transforms.pseudonym.key": "ring", "transforms.token.key": "ring"}
        config = {**chain, "batch.max.records": "1000", "worker.id": "one"}
        document = connector_file(tmp_path, broker, registry, source, config)
        for _ in range(_KILLS):
            with program(document) as running:
                eventually(lambda running=running: b'"assigned"' in running.said(), "partitions are assigned")  # type: ignore[misc]  # mypy knows no lambda's default
                time.sleep(moments.uniform(0.02, 0.6))
                running.kill()
        assert not all_committed(broker.bootstrap_servers, source, _PARTITIONS), "the kills came too late to matter"

        with program(document) as running:
            eventually(lambda: all_committed(broker.bootstrap_servers, source, _PARTITIONS), "everything is committed")
            assert running.stop() == 0

        numbers, protected = _read(broker, client, f"{source}.protected")
    assert numbers == {partition: list(range(partition, _RECORDS, _PARTITIONS)) for partition in range(_PARTITIONS)}
    assert protected == _RECORDS


def _seed(broker: Broker, client: RegistryClient, source: str) -> None:
    """Customers 0, 1, 2 ... over the partitions in turn, in two versions of their schema."""
    encoder = Encoder({version: prefix(client.register(f"{source}-value", schema(version))) for version in (1, 2)})
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "queue.buffering.max.messages": _RECORDS,
            "enable.idempotence": True,  # else a retry may change the order
        }
    )
    for number in range(_RECORDS):
        producer.produce(source, encoder.encode(number), b"%d" % number, partition=number % _PARTITIONS)
    assert producer.flush(60) == 0


def _read(broker: Broker, client: RegistryClient, sink: str) -> tuple[dict[int, list[int]], int]:
    """The customers' numbers by partition in order, as key and value tell them, and how many are protected."""
    parsed: dict[int, Any] = {}
    numbers: dict[int, list[int]] = {}
    protected = 0
    for message in read_committed(broker.bootstrap_servers, sink):
        payload: Any = message.value()
        schema_id = split(payload)
        if schema_id not in parsed:
            parsed[schema_id] = fastavro.parse_schema(json.loads(client.schema(schema_id).text))
        record: Any = fastavro.schemaless_reader(BytesIO(payload[PREFIX_LENGTH:]), parsed[schema_id], None)
        assert message.key() == b"%d" % record["id"]
        numbers.setdefault(message.partition() or 0, []).append(record["id"])
        protected += _is_protected(record)
    return numbers, protected


def _is_protected(record: dict[str, Any]) -> bool:
    was = customer(record["id"])
    kept = ("id", "balance")
    pseudonyms = len(record["ssn"]) == 32 and record["email"].startswith("tok_")
    return pseudonyms and "card" not in record and record["name"] == "" and all(record[k] == was[k] for k in kept)
