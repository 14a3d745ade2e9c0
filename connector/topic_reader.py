"""A topic read to its end by a process that belongs to no group: markers of forgotten subjects, mappings of tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
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

from connector.failures import Call, Remedy, Setback, remedy_for

_ASK_S = 5.0
_POLL_S = 0.1


class TopicReader:
    """Reads every partition of a topic, as it is when the reader is made, from the beginning on.

    Its calls raise `Setback` when Kafka does not answer in time, or refuses. Not for use by two threads.
    """

    def __init__(self, config: Mapping[str, Any], admin: AdminClient, topic: str) -> None:
        self._consumer = Consumer(dict(config))
        # Ends are asked for on another connection: the consumer's is held by a fetch that waits for records.
        self._admin = admin
        self._topic = topic
        try:
            found = self._consumer.list_topics(topic, timeout=_ASK_S).topics[topic]
            if found.error is not None:
                raise _setback(found.error)
            self._reached = dict.fromkeys(found.partitions, 0)
            self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in found.partitions])
        except KafkaException as raised:
            error = raised.args[0]
        else:
            return
        raise _setback(error)

    def ends(self, *, committed: bool = True) -> dict[int, int]:
        """The offset after the last record of each partition now; if `committed`, of those that are decided."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the stubs leave it out
        wanted = {TopicPartition(self._topic, number): latest for number in self._reached}
        asked = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=_ASK_S)
        return {partition.partition: self._end(future) for partition, future in asked.items()}

    def read(self, ends: Mapping[int, int], *, patience: float) -> Iterator[Message]:
        """The records from where the last call ended, up to these ends; some beyond may be among them.

        Waits at most `patience` seconds for the next record or end; with read_committed also for transactions.
        """
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
        raise _setback(error)

    def _has_come(self, message: Message) -> bool:
        """Notes how far a partition was read: offsets do not tell, because of markers and of what was compacted."""
        error, number, offset = message.error(), message.partition(), message.offset()
        if error is None:
            self._reached[number] = offset + 1  # type: ignore[operator]  # a consumed record has them
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._reached[number] = max(self._reached[number], offset)  # type: ignore[type-var, assignment]  # as above
            return True
        if remedy_for(error, Call.CONSUME) is not Remedy.RETRY:
            raise _setback(error)
        return False


def _setback(error: KafkaError) -> Setback:
    return Setback(remedy_for(error, Call.SCAN), error, Call.SCAN)
