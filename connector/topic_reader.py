"""A topic read to its end by a process that belongs to no group: markers of forgotten subjects, mappings of tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo, OffsetSpec
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata

from connector.failures import Call, Remedy, Setback, remedy_for
from connector.record import Stop

_ASK_S = 5.0
_POLL_S = 0.1
# A partition has another leader than was thought, the same one anew, or none so far.
_MOVED = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)


class TopicReader:
    """Reads every partition of a topic, as it is when the reader is made, from the beginning on.

    Its calls raise `Setback` when Kafka does not answer in time, or refuses. Not for use by two threads.
    """

    def __init__(self, config: Mapping[str, Any], admin: AdminClient, topic: str) -> None:
        self._consumer = Consumer(dict(config))
        # Ends are asked for on another connection: the consumer's is held by a fetch that waits for records.
        self._admin = admin
        self._topic = topic
        found = self._metadata(self._consumer.list_topics)
        self._reached: dict[int, int] = dict.fromkeys(found.partitions, 0)
        self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in found.partitions])

    def _metadata(self, list_topics: Callable[..., ClusterMetadata]) -> TopicMetadata:
        try:
            found = list_topics(self._topic, timeout=_ASK_S).topics[self._topic]
        except KafkaException as raised:
            error = raised.args[0]
        else:
            if found.error is None:
                return found
            error = found.error
        raise _setback(error)

    def ends(self, *, committed: bool = True) -> dict[int, int]:
        """The offset after the last record of each partition now; if `committed`, of those that are decided."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        try:
            return self._ends(level)
        except Setback as setback:
            if setback.code not in _MOVED:
                raise
        # The admin client goes on asking the leaders that it knows. Listing topics tells it of those there are now.
        self._metadata(self._admin.list_topics)
        return self._ends(level)

    def _ends(self, level: IsolationLevel) -> dict[int, int]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the stubs leave it out
        wanted = {TopicPartition(self._topic, number): latest for number in self._reached}
        asked = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=_ASK_S)
        return {partition.partition: self._end(future) for partition, future in asked.items()}

    def read(self, ends: Mapping[int, int], *, patience: float) -> Iterator[Message]:
        """The records from where the last call ended, up to these ends; some beyond may be among them.

        Waits at most `patience` seconds for the next record or end; with read_committed also for transactions. Raises
        `Stop` where a partition ends before what was read of it: the records of a topic that was made anew would be
        passed over.
        """
        if any(self._reached[number] > end for number, end in ends.items()):
            raise Stop(f"the topic {self._topic} was made anew, or has lost records, since it was read; restart")
        deadline = time.monotonic() + patience
        while any(self._reached[number] < end for number, end in ends.items()):
            message = self._consumer.poll(_POLL_S)
            if message is None or not self._has_come(message):
                if time.monotonic() > deadline:
                    raise _setback(KafkaError(KafkaError._TIMED_OUT))
                continue
            deadline = time.monotonic() + patience
            if message.error() is None:
                yield message

    def close(self) -> None:
        self._consumer.close()

    @staticmethod
    def _end(future: Future[ListOffsetsResultInfo]) -> int:
        try:
            return future.result(_ASK_S + 1).offset
        except KafkaException as raised:
            error = raised.args[0]
        except TimeoutError:
            error = KafkaError(KafkaError._TIMED_OUT)
        if error.code() == KafkaError._NOENT:  # what librdkafka says where no partition has a leader
            error = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)
        raise _setback(error)

    def _has_come(self, message: Message) -> bool:
        """Notes how far a partition was read: offsets do not tell, because of markers and of what was compacted."""
        error = message.error()
        number, offset = message.partition() or 0, message.offset() or 0
        if error is None:
            self._reached[number] = offset + 1
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._reached[number] = max(self._reached[number], offset)
            return True
        if remedy_for(error, Call.CONSUME) is not Remedy.RETRY:
            raise _setback(error)
        return False


def _setback(error: KafkaError) -> Setback:
    return Setback(remedy_for(error, Call.SCAN), error, Call.SCAN)
