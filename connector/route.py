"""One way through the connector: the records of one topic, key schema and value schema, from bytes to bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from connector.binding import Judged, Protection
from connector.echo import Echo, Echoes, sensitive_texts
from connector.plan import Plan
from connector.policy import OnEcho
from connector.record import Failure, Outcome, RawHeaders, Refusal, Sink
from connector.running import Finished, Runner, StageFailed
from connector.side import Side
from registry.codec import Encoded
from registry.schema.tree import Shape
from registry.wire import ID_HEADERS
from transforms.outcome import Code, Dropped
from transforms.transform import Header, Rows

CHUNK = 256
"""Rows at a time: few enough that decoded records stay in the processor's cache until they are encoded."""
BATCHED_CHUNK = 4096
"""Rows at a time where a transform makes one call for all values of a column."""


@dataclass(slots=True, repr=False)
class Incoming:
    """Consumed records as parallel lists."""

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[RawHeaders | None]
    partitions: Sequence[int]
    timestamps: Sequence[int]
    offsets: Sequence[int]

    def take(self, rows: Sequence[int]) -> Incoming:
        """These records alone."""
        return Incoming(
            [self.keys[row] for row in rows],
            [self.values[row] for row in rows],
            [self.headers[row] for row in rows],
            [self.partitions[row] for row in rows],
            [self.timestamps[row] for row in rows],
            [self.offsets[row] for row in rows],
        )

    def between(self, start: int, end: int) -> Incoming:
        """The records from one row up to another."""
        return Incoming(
            self.keys[start:end],
            self.values[start:end],
            self.headers[start:end],
            self.partitions[start:end],
            self.timestamps[start:end],
            self.offsets[start:end],
        )

    def __len__(self) -> int:
        return len(self.values)


class Route:
    """Runs records of one shape through their plan. Not for concurrent use."""

    def __init__(
        self,
        topic: str,
        source: Shape,
        judged: Judged,
        protection: Protection,
        sides: tuple[Side, Side],
        sink_format: str,
    ) -> None:
        self._topic = topic
        self._runner = Runner(judged.plan)
        self._sink_format = sink_format
        self._key, self._value = sides
        watched = []
        if protection.policy.echo is OnEcho.REJECT:
            watched = sensitive_texts(source.value, protection.rules.sensitive)
        raw_key = source.key.type.attrs.get("raw")
        self._echo = Echo(watched, key_is_json=raw_key == "json") if watched else None
        self._watches_key = raw_key is not None
        self._key.bind(judged.plan, ())
        self._value.bind(judged.plan, watched)
        transforms = [stage.link.transform for stage in judged.plan.all_stages()]
        batched = any(transform.batched for transform in transforms)
        # What a server is asked for is asked for once a batch, and so is each value that comes in it several times.
        self._whole = any(transform.remote for transform in transforms)
        ends = ((end, to) for end, to in destinations(judged.plan, topic) if to is not None and end.shape is not None)
        self._unregistered = [(end, sink_format.replace("${topic}", to)) for end, to in ends]
        self._chunk = BATCHED_CHUNK if batched else CHUNK

    def run(self, records: Incoming) -> list[Outcome]:
        """One outcome for each record, in order. May ask the registry to register an output schema.

        Raises `RegistryAway`, `Unavailable` and `Stop`; to call it again is safe.
        """
        self._register()
        outcomes: list[Outcome] = []
        size = max(len(records), 1) if self._whole else self._chunk
        for start in range(0, len(records), size):
            chunk = records.between(start, start + size)
            try:
                outcomes += self._run(chunk)
            except StageFailed:
                outcomes += [outcome for row in range(len(chunk)) for outcome in self._alone(chunk.take([row]))]
        return outcomes

    def _register(self) -> None:
        """Registers the schemas of every sink that the records can reach, where that does not depend on a record."""
        while self._unregistered:
            end, sink = self._unregistered[-1]
            with suppress(Refusal):  # which each record that ends there meets again
                self._key.prefix(end, sink)
                self._value.prefix(end, sink)
            self._unregistered.pop()

    def _alone(self, record: Incoming) -> list[Outcome]:
        try:
            return self._run(record)
        except StageFailed as failed:
            return [Failure(Code.FAILED, failed.stage, error=failed.error)]

    def _run(self, records: Incoming) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(records)
        values = self._value.decode(records.values, outcomes)
        keys = self._key.decode(records.keys, outcomes)
        readable = [row for row, outcome in enumerate(outcomes) if outcome is None]
        if len(readable) < len(records):
            return self._without_malformed(records, readable, outcomes)
        echoes = self._echoes(records, values)
        rows = Rows(
            keys,
            values,
            [_headers(own) if own else [] for own in records.headers],
            [self._topic] * len(records),
            list(records.partitions),
            list(records.timestamps),
            list(records.offsets),
        )
        finished, others = self._runner.run(rows)
        for row, other in others.items():
            outcomes[row] = other
        for group in finished:
            self._finish(group, records, outcomes)
            self._reject_echoes(group, echoes, outcomes)
        return [outcome if outcome is not None else Dropped() for outcome in outcomes]

    def _without_malformed(
        self, records: Incoming, readable: list[int], outcomes: list[Outcome | None]
    ) -> list[Outcome]:
        for row, outcome in zip(readable, self._run(records.take(readable)) if readable else (), strict=True):
            outcomes[row] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _echoes(self, records: Incoming, values: list[Any]) -> Echoes:
        """Found before the chain runs, because it changes the values that are compared."""
        if self._echo is None:
            return Echoes()
        keys = self._echo.in_keys(records.keys, values) if self._watches_key else frozenset()
        return Echoes(keys, self._echo.in_headers(records.headers, values))

    def _finish(self, group: Finished, records: Incoming, outcomes: list[Outcome | None]) -> None:
        rows = group.rows
        sinks = [self._sink_format.replace("${topic}", topic) for topic in rows.topics]
        for sink, mine in _by_topic(sinks):
            part = rows if len(mine) == len(rows) else rows.take(mine)
            where = [group.index[row] for row in mine]
            try:
                key = self._key.encode(group.end, sink, part.keys, records.keys, where)
                value = self._value.encode(group.end, sink, part.values, records.values, where)
            except Refusal as refusal:
                for at in where:
                    outcomes[at] = refusal.failure
                continue
            self._sinks(group.end, sink, part, where, (key, value), outcomes)

    def _sinks(
        self,
        end: Plan,
        sink: str,
        rows: Rows,
        where: list[int],
        encoded: tuple[Encoded, Encoded],
        outcomes: list[Outcome | None],
    ) -> None:
        keys, values = encoded
        keeps_key = self._key.passes(end)
        for row, (at, key, value) in enumerate(zip(where, keys.payloads, values.payloads, strict=True)):
            partition = rows.partitions[row] if keeps_key else None
            headers = rows.headers[row]
            outcomes[at] = Sink(
                sink,
                partition,
                key,
                value,
                _raw(headers) if headers else None,
                rows.timestamps[row] or 0,
                rows.along[row],
            )
        for side, bad in (("key", keys.bad), ("value", values.bad)):
            for row, error in bad.items():
                outcomes[where[row]] = Failure(Code.NOT_ENCODABLE, f"{side}.converter", error=error)

    def _reject_echoes(self, group: Finished, echoes: Echoes, outcomes: list[Outcome | None]) -> None:
        """An echo counts only where the key, or the header, still is what it was."""
        if not echoes.keys and not echoes.headers:
            return
        for row, at in enumerate(group.index):
            if at in echoes.keys and self._key.passes(group.end):
                outcomes[at] = Failure(Code.KEY_ECHO, "coverage", "key")
            left = {header.name for header in group.rows.headers[row] if header.field is None}
            for name in echoes.headers.get(at, frozenset()) & left:
                outcomes[at] = Failure(Code.KEY_ECHO, "coverage", f"header:{name}")


def _by_topic(topics: list[str]) -> Iterator[tuple[str, Sequence[int]]]:
    """Rows by topic; nearly always there is one."""
    distinct = dict.fromkeys(topics)
    for topic in distinct:
        yield topic, range(len(topics)) if len(distinct) == 1 else [i for i, t in enumerate(topics) if t == topic]


def destinations(plan: Plan, topic: str | None) -> Iterator[tuple[Plan, str | None]]:
    """Each end of a plan with the topic that all its records are routed to; None where the record decides."""
    for stage in plan.stages:
        topic = None if topic is None else stage.link.transform.routed(topic)
    if plan.fork is None:
        yield plan, topic
    else:
        yield from destinations(plan.fork.yes, topic)
        yield from destinations(plan.fork.no, topic)


_SCHEMA_ID_HEADERS = frozenset(ID_HEADERS.values())


def _headers(own: RawHeaders) -> list[Header]:
    """Headers that carry a schema id speak of the source's schemas; the sink's records have their own prefix."""
    return [Header(name, value) for name, value in own if name not in _SCHEMA_ID_HEADERS]


def _raw(headers: list[Header]) -> RawHeaders:
    return [(header.name, header.wire()) for header in headers]
