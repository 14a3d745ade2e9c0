"""Partitions that wait apart from the others, each at the record that cannot go on yet."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from connector.batch import Offsets, Partition

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0


@dataclass(slots=True)
class _Wait:
    offset: int
    until: float
    seconds: float


class Holding:
    """Knows where each held partition goes on, and when that is tried again: later each time it was in vain."""

    def __init__(self) -> None:
        self._held: dict[Partition, _Wait] = {}
        self._tried: dict[Partition, _Wait] = {}

    def __contains__(self, partition: object) -> bool:
        return partition in self._held

    def __bool__(self) -> bool:
        return bool(self._held)

    def hold(self, offsets: Offsets, now: float) -> None:
        """Holds each partition at its offset from `now` on."""
        for partition, offset in offsets.items():
            before = self._tried.pop(partition, None)
            again = before is not None and before.offset == offset
            seconds = min(2 * before.seconds, _LONGEST_WAIT_S) if before is not None and again else _FIRST_WAIT_S
            until = now + seconds * random.uniform(0.75, 1.0)  # noqa: S311  jitter
            self._held[partition] = _Wait(offset, until, seconds)

    def rewind(self, partition: Partition, offset: int) -> None:
        """A held partition goes on no later than at this offset: what came before it was not committed after all."""
        wait = self._held[partition]
        wait.offset = min(wait.offset, offset)

    def release(self, now: float) -> Offsets:
        """The partitions whose time has come, with their offsets; they are not held any more."""
        due = {partition: wait for partition, wait in self._held.items() if wait.until <= now}
        for partition, wait in due.items():
            del self._held[partition]
            self._tried[partition] = wait
        return {partition: wait.offset for partition, wait in due.items()}

    def forget(self, partitions: Iterable[Partition]) -> None:
        """These are not ours any more; should they come back, they are not held."""
        for partition in partitions:
            self._held.pop(partition, None)
            self._tried.pop(partition, None)
