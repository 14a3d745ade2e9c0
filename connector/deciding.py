"""What becomes of each record, decided before a transaction begins.

The pipeline makes outcomes, the sinks have their say, and `errors.tolerance` turns every rejection into a dead letter,
a drop or the end of the connector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog
from confluent_kafka import Message

from connector.batch import Batch, Offsets, until_held
from connector.deadletters import DeadLetters
from connector.record import Failure, Held, Outcome, Sink, Stop
from connector.session_settings import SessionSettings
from connector.sinks import Sinks
from transforms.outcome import Dropped


class Pipeline(Protocol):
    """What makes outcomes of records. It knows nothing of transactions, and may be asked twice for the same records.

    `subject_keys` are the fingerprints of the keys under which it says whose its mappings are.
    """

    @property
    def subject_keys(self) -> frozenset[str]: ...

    def process(self, messages: Sequence[Message]) -> Sequence[Outcome | Held]:
        """One outcome a message, in the same order. Raises `Unavailable` to be asked again later, or `Stop`.

        A record that is `Held` makes its partition wait, and is asked about again later.
        """


class Deciding:
    """Decides for one task. Raises `Unavailable` to be asked again later, and `Stop` for a rejection not tolerated."""

    def __init__(self, settings: SessionSettings, pipeline: Pipeline, sinks: Sinks) -> None:
        self._errors = settings.errors
        self._pipeline = pipeline
        self._sinks = sinks
        self._log = structlog.get_logger()
        topic, headers = self._errors.deadletter_topic, self._errors.deadletter_headers
        self._deadletters = (
            DeadLetters(topic, connector=settings.name, task=settings.task, headers=headers) if topic else None
        )

    def decide(self, messages: list[Message]) -> tuple[Batch, Offsets]:
        """The outcomes of freshly consumed records, and where partitions are held: there, their part of it ends."""
        batch, held = until_held(messages, self._pipeline.process(messages))
        return self._settled(batch.messages, batch.outcomes), held

    def decide_again(self, batch: Batch) -> Batch:
        """The outcomes once more, with the limits of the sinks as they are now. Dead letters stay what they are."""
        self._sinks.forget()
        letters = {row: o for row, o in enumerate(batch.outcomes) if isinstance(o, Sink) and self._is_letter(o)}
        others = [Dropped() if row in letters else outcome for row, outcome in enumerate(batch.outcomes)]
        again = self._settled(batch.messages, others).outcomes
        return Batch(batch.messages, [letters.get(row, outcome) for row, outcome in enumerate(again)])

    def _is_letter(self, record: Sink) -> bool:
        # The sinks have refused what the chain itself sent to this topic.
        return record.topic == self._errors.deadletter_topic

    def reject(self, message: Message, failure: Failure) -> Outcome:
        """What `errors.tolerance` makes of a rejected record: a dead letter, a drop, or the end."""
        topic, partition, offset = str(message.topic()), message.partition() or 0, message.offset() or 0
        why = {"stage": failure.stage, "code": str(failure.code), "path": failure.path}
        if self._errors.log or not self._errors.tolerate:
            self._log.error("record rejected", topic=topic, partition=partition, offset=offset, **why)
        if not self._errors.tolerate:
            reason = ", ".join(f"{name} {text}" for name, text in why.items() if text)
            raise Stop(f"the record at {topic}-{partition} offset {offset} is rejected: {reason}")
        return self._deadletters.letter(failure, topic, partition, offset) if self._deadletters else Dropped()

    def _settled(self, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> Batch:
        judged = self._sinks.judge(messages, outcomes)
        rejected = [row for row, outcome in enumerate(judged) if type(outcome) is Failure]
        for row in rejected:
            failure = judged[row]
            assert isinstance(failure, Failure)  # noqa: S101  as just found
            judged[row] = self.reject(messages[row], failure)
        return Batch(messages, judged)
