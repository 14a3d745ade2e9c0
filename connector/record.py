"""What becomes of one source record: it is sent to a sink, dropped, or rejected. Never two of these, never none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from transforms.outcome import Code, Dropped
from transforms.transform import Along

RawHeaders = list[tuple[str, bytes | None]]


@dataclass(slots=True, repr=False)
class Sink:
    """A record to produce, ready as bytes. `partition` None leaves the choice to the partitioner.

    `along` are records of the mapping topic, which are produced in the same transaction.
    """

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: RawHeaders | None
    timestamp: int
    along: tuple[Along, ...] = ()

    def __repr__(self) -> str:
        return f"<record for {self.topic}>"


@dataclass(frozen=True, slots=True)
class Failure:
    """A source record that is rejected: the code, the stage that said so, the path pattern, an error's class name.

    `reason` is a sentence about schemas and paths for the log, never about a value. `stage` is `key.converter`,
    `value.converter`, `transforms.<alias>`, `coverage`, `sink` or `mapping`.
    """

    code: Code
    stage: str
    path: str = ""
    error: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A record whose schemas cannot be had now: its partition waits at it, while the others go on. No end of it."""


Outcome = Sink | Dropped | Failure


class Stop(Exception):
    """The connector must stop: going on would break a promise. Says what to do about it, never a value."""


class Refusal(Exception):
    """Records that share their schemas cannot go on; each of them has this failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class Log(Protocol):
    """What is said on the way; facts are names and counts, never a value."""

    def info(self, event: str, **facts: object) -> object: ...
    def warning(self, event: str, **facts: object) -> object: ...
