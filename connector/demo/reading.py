"""Reading the demo's sink as its users do: committed records alone, each counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.demo.customers import RECORDS

SHOWN = (0, RECORDS // 2 - 1, RECORDS - 1)
"""The customers that are shown before and after."""


@dataclass(slots=True)
class Counted:
    """What the sink holds. `samples` has the payloads of the customers that are shown, by number."""

    records: int = 0
    seen: set[int] = field(default_factory=set)
    duplicates: int = 0
    disorder: int = 0
    samples: dict[int, bytes] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        return RECORDS - len(self.seen)

    @property
    def proven(self) -> bool:
        """Each source record is in the sink exactly once, in the order of its partition."""
        return self.records == RECORDS and not (self.missing or self.duplicates or self.disorder)


class Reader:
    """Reads every partition of a topic from its beginning, once the topic exists."""

    def __init__(self, bootstrap_servers: str, topic: str, partitions: int) -> None:
        self.counted = Counted()
        self._last: dict[int, int] = {}
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
        self._partitions = partitions
        self._ended: set[int] = set()
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])

    def read(self, seconds: float = 0.05) -> None:
        """Counts what is there; waits at most `seconds`."""
        for message in self._consumer.consume(5_000, seconds):
            partition = message.partition() or 0
            if (error := message.error()) is not None:
                self._note(partition, error)
                continue
            self._ended.discard(partition)
            self._count(partition, int((message.key() or b"-1").rpartition(b"-")[2]), message.value() or b"")

    def finish(self) -> None:
        """Reads on until every partition is at its end, and closes."""
        self._ended.clear()
        self._consumer.pause(self._consumer.assignment())
        self._consumer.resume(self._consumer.assignment())
        for _ in range(40):
            self.read(0.1)
            if len(self._ended) == self._partitions:
                break
        self._consumer.close()

    def _note(self, partition: int, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(partition)
        elif error.code() not in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION):
            raise KafkaException(error)

    def _count(self, partition: int, number: int, value: bytes) -> None:
        counted = self.counted
        counted.records += 1
        counted.duplicates += number in counted.seen
        counted.disorder += number < self._last.get(partition, -1)
        counted.seen.add(number)
        self._last[partition] = number
        if number in SHOWN:
            counted.samples[number] = value
