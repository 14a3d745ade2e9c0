"""The benchmark's topics: seeding the source, making and counting sinks."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import fastavro
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.workload import CUSTOMER, PARTITIONS, TOPIC, customer, without_logical_types

_TIMEOUT_S = 60.0
_SLICE = 10_000
_ERRORS = 3


def create(bootstrap_servers: str, topic: str) -> None:
    """A topic with the workload's number of partitions."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": _ERRORS})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(_TIMEOUT_S)


def delete(bootstrap_servers: str, topic: str) -> None:
    """A topic and its data."""
    admin = AdminClient(
        {"bootstrap.servers": bootstrap_servers, "log_level": _ERRORS}
    )  # must live until the answer is there
    admin.delete_topics([topic])[topic].result(_TIMEOUT_S)


def seed(bootstrap_servers: str, prefix: bytes, records: int, on_progress: Callable[[int], None]) -> None:
    """Write that many customers to the source, keys = id, without transactions."""
    create(bootstrap_servers, TOPIC)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "log_level": _ERRORS,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    schema = fastavro.parse_schema(without_logical_types(CUSTOMER))
    for number in range(records):
        out = BytesIO()
        out.write(prefix)
        fastavro.schemaless_writer(out, schema, customer(number))
        producer.produce(TOPIC, out.getvalue(), b"%d" % number, number % PARTITIONS)
        if number % _SLICE == 0:
            producer.poll(0)
            on_progress(number)
    if producer.flush(_TIMEOUT_S):
        raise RuntimeError("Kafka did not take all records")
    on_progress(records)


def count_committed(bootstrap_servers: str, topic: str) -> int:
    """How many committed records a topic holds, read to the end of each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "log_level": _ERRORS,
            "group.id": "benchmark-count",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "check.crcs": False,
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    counted = ended = 0
    while ended < PARTITIONS:
        messages = consumer.consume(_SLICE, 1.0)
        errors = [error.code() for message in messages if (error := message.error()) is not None]
        ended += errors.count(KafkaError._PARTITION_EOF)
        counted += len(messages) - len(errors)
    consumer.close()
    return counted
