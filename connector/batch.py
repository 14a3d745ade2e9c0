"""The records of one transaction, and where in their partitions they begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from confluent_kafka import Message

from connector.record import Held, Outcome

Partition = tuple[str, int]
Offsets = Mapping[Partition, int]


class Batch:
    """Records with the outcome of each, in the order of consumption: within a partition, the order of offsets."""

    __slots__ = ("messages", "outcomes")

    def __init__(self, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> None:
        self.messages = messages
        self.outcomes = outcomes

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        return f"<batch of {len(self)} records>"

    def halves(self) -> tuple[Batch, Batch]:
        """The first half and the rest: where both have records of a partition, those of the first half come first."""
        middle = len(self) // 2
        return (
            Batch(self.messages[:middle], self.outcomes[:middle]),
            Batch(self.messages[middle:], self.outcomes[middle:]),
        )

    def next_offsets(self) -> Offsets:
        """For each partition the offset after its last record: what a group commits."""
        return {(m.topic(), m.partition()): m.offset() + 1 for m in self.messages}  # type: ignore[misc, operator]  # a consumed record has them


def first_offsets(batches: Iterable[Batch]) -> Offsets:
    """For each partition the offset of its first record; the batches in the order of consumption."""
    messages = (m for batch in reversed([*batches]) for m in reversed(batch.messages))
    return {(m.topic(), m.partition()): m.offset() for m in messages}  # type: ignore[misc]  # as above


def until_held(messages: Sequence[Message], outcomes: Sequence[Outcome | Held]) -> tuple[Batch, Offsets]:
    """What can go on of each partition: the records before the first that is held. And the offsets of those first."""
    if Held not in set(map(type, outcomes)):
        return Batch(messages, outcomes), {}  # type: ignore[arg-type]  # none is held
    held: dict[Partition, int] = {}
    going: list[int] = []
    for row, (message, outcome) in enumerate(zip(messages, outcomes, strict=True)):
        partition: Partition = (message.topic(), message.partition())  # type: ignore[assignment]  # as above
        if isinstance(outcome, Held):
            held.setdefault(partition, message.offset())  # type: ignore[arg-type]  # as above
        if partition not in held:
            going.append(row)
    return Batch([messages[row] for row in going], [outcomes[row] for row in going]), held  # type: ignore[misc]  # none is held


def without(messages: Sequence[Message], gone: Set[Partition]) -> list[Message]:
    """The messages of all other partitions."""
    return [m for m in messages if (m.topic(), m.partition()) not in gone]
