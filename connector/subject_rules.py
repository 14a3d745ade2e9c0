"""Subjects: which one a schema belongs to, and what may be done with it there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """Confluent's ways to name the subject of a schema."""

    TOPIC_NAME = "TopicName"
    RECORD_NAME = "RecordName"
    TOPIC_RECORD_NAME = "TopicRecordName"


class OnIncompatible(StrEnum):
    """A sink's subject that does not take the output schema."""

    FAIL = "fail"
    DEADLETTER = "deadletter"


@dataclass(frozen=True, slots=True)
class SubjectRules:
    """What the configuration says of subjects. `register` False: their schemas were prepared by somebody else."""

    key: Strategy = Strategy.TOPIC_NAME
    value: Strategy = Strategy.TOPIC_NAME
    register: bool = True
    on_incompatible: OnIncompatible = OnIncompatible.FAIL

    def strategy(self, side: str) -> Strategy:
        return self.key if side == "key" else self.value

    def subject(self, topic: str, side: str, name: str | None) -> str | None:
        """The subject of a schema. `name` is the full name of its type; None where it has none and needs one."""
        strategy = self.strategy(side)
        if strategy is Strategy.TOPIC_NAME:
            return f"{topic}-{side}"
        if name is None:
            return None
        return name if strategy is Strategy.RECORD_NAME else f"{topic}-{name}"
