"""What integration tests do with a broker: create topics, write in transactions, read what was committed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_TIMEOUT_S = 30.0


def create_topic(
    bootstrap_servers: str,
    partitions: int = 1,
    config: Mapping[str, str] = MappingProxyType({}),
    *,
    name: str | None = None,
) -> str:
    """Creates a topic, under a new name where none is given, and returns the name."""
    name = name or f"topic-{uuid.uuid4().hex[:12]}"
    wanted = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config))
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([wanted])[name].result(_TIMEOUT_S)
    return name


def transactional_producer(bootstrap_servers: str) -> Producer:
    """A producer under a transactional id of its own, ready for `begin_transaction`."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "transactional.id": f"writer-{uuid.uuid4().hex}"})
    producer.init_transactions(_TIMEOUT_S)
    return producer


def commit_values(bootstrap_servers: str, topic: str, values: Iterable[bytes], partition: int = 0) -> None:
    """Writes the values to one partition, in one transaction."""
    producer = transactional_producer(bootstrap_servers)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value=value, partition=partition)
    producer.commit_transaction(_TIMEOUT_S)


def read_committed(bootstrap_servers: str, topic: str) -> list[Message]:
    """Every committed record of the topic as it is now: each partition in order, read to its end.

    The end is librdkafka's end-of-partition event: offsets do not tell it, because transaction markers take some.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"reader-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        return _read_to_end(consumer, len(partitions))
    finally:
        consumer.close()


def _read_to_end(consumer: Consumer, partitions: int) -> list[Message]:
    records: list[Message] = []
    at_end = 0
    while at_end < partitions:
        message = consumer.poll(_TIMEOUT_S)
        assert message is not None, f"no end of partition within {_TIMEOUT_S:.0f} s"
        error = message.error()
        if error is None:
            records.append(message)
        else:
            assert error.code() == KafkaError._PARTITION_EOF, error
            at_end += 1
    return records
