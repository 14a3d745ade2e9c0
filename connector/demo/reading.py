"""Reading the demo's topics as their users do: committed records alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.demo.customers import PARTITIONS, RECORDS

SHOWN = (0, RECORDS // 2 - 1, RECORDS - 2)
"""The customers that are shown before and after: two of the first version of the schema, one of the second."""

_PATIENCE_S = 60.0


@dataclass(slots=True)
class Contents:
    """What a topic holds: the numbers of the customers by partition, in order, and the payloads of those shown."""

    numbers: dict[int, list[int]] = field(default_factory=lambda: {partition: [] for partition in range(PARTITIONS)})
    samples: dict[int, bytes] = field(default_factory=dict)

    @property
    def records(self) -> int:
        return sum(map(len, self.numbers.values()))

    def distinct(self) -> set[int]:
        """The customers that are there at all."""
        return {number for numbers in self.numbers.values() for number in numbers}


@dataclass(frozen=True, slots=True)
class Count:
    """The sink beside the source, record by record."""

    source: int
    sink: int
    duplicates: int
    missing: int
    in_order: bool

    @property
    def proven(self) -> bool:
        """Whether each source record is in the sink exactly once, in the order of its partition."""
        return self.source == self.sink == RECORDS and not (self.duplicates or self.missing) and self.in_order


def compare(source: Contents, sink: Contents) -> Count:
    """Count what is in both topics."""
    there = sink.distinct()
    return Count(
        source=source.records,
        sink=sink.records,
        duplicates=sink.records - len(there),
        missing=len(source.distinct() - there),
        in_order=source.numbers == sink.numbers,
    )


class Reader:
    """Reads every partition of a topic from its beginning, once the topic exists."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self.contents = Contents()
        self._ended: set[int] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "demo-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "topic.metadata.refresh.interval.ms": 200,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])

    def read(self, seconds: float = 0.05) -> None:
        """Takes what is there; waits at most `seconds`."""
        for message in self._consumer.consume(5_000, seconds):
            partition = message.partition() or 0
            if (error := message.error()) is not None:
                self._note(partition, error)
                continue
            self._ended.discard(partition)
            number = int((message.key() or b"-1").rpartition(b"-")[2])
            self.contents.numbers[partition].append(number)
            if number in SHOWN:
                self.contents.samples[number] = message.value() or b""

    def close(self) -> None:
        self._consumer.close()

    def read_to_end(self) -> Contents:
        """Everything, to the end of each partition, which Kafka itself tells. Raises `TimeoutError`; closes."""
        deadline = time.monotonic() + _PATIENCE_S
        while len(self._ended) < PARTITIONS:
            if time.monotonic() > deadline:
                raise TimeoutError
            self.read()
        self.close()
        return self.contents

    def _note(self, partition: int, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(partition)
        elif error.code() not in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION):
            raise KafkaException(error)
