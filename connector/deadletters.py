"""The record that a rejected source record leaves in the dead letter topic.

It says where the record is and why it was rejected, in the headers that Kafka Connect uses (KIP-298), and holds nothing
of the record itself: no key, no value, no original header. The reason is a code of a closed list. No text or stack of
an exception goes along, because it may quote the value.
"""

from __future__ import annotations

from connector.record import Failure, RawHeaders, Sink

_STAGES = {
    "key.converter": "KEY_CONVERTER",
    "value.converter": "VALUE_CONVERTER",
    "header.converter": "HEADER_CONVERTER",
    "sink": "KAFKA_PRODUCE",
    "mapping": "KAFKA_PRODUCE",
}


class DeadLetters:
    """Writes dead letters for one task of a connector to `topic`."""

    def __init__(self, topic: str, *, connector: str, task: int, headers: bool = True) -> None:
        self.topic = topic
        self._with_headers = headers
        self._connector = connector
        self._task = task

    def letter(self, failure: Failure, topic: str, partition: int, offset: int) -> Sink:
        """The dead letter of the record at `topic`, `partition`, `offset`; its time is the time it is written."""
        return Sink(
            topic=self.topic,
            partition=None,
            key=f"{topic}-{partition}-{offset}".encode(),
            value=None,
            headers=self._headers(failure, topic, partition, offset) if self._with_headers else None,
            timestamp=-1,
        )

    def _headers(self, failure: Failure, topic: str, partition: int, offset: int) -> RawHeaders:
        context = {
            "__connect.errors.topic": topic,
            "__connect.errors.partition": str(partition),
            "__connect.errors.offset": str(offset),
            "__connect.errors.connector.name": self._connector,
            "__connect.errors.task.id": str(self._task),
            # Connect knows only its own stages; everything between the converters is a transformation.
            "__connect.errors.stage": _STAGES.get(failure.stage, "TRANSFORMATION"),
            "__connect.errors.class.name": failure.stage,
            "__connect.errors.exception.class.name": failure.error or "Rejected",
            "__connect.errors.exception.message": str(failure.code),
            "__streamveil.errors.path": failure.path,
        }
        return [(name, text.encode()) for name, text in context.items()]
