"""The chain on JSON lines, without Kafka: what `streamveil apply` does.

Lines that are rejected are named on another stream by number, stage, code and path. What stood in them is never shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from connector.binding import Judged, Protection, bind_and_judge
from connector.config import Connector
from connector.json_lines import LineReader, line_writer
from connector.plan import Plan
from connector.record import Failure
from connector.running import Finished, Runner, StageFailed
from connector.shapes import shape_of
from connector.source_schemas import root_from_file, root_without_schema
from registry.codec import Encoded
from registry.schema.tree import Shape
from transforms.outcome import Code, Dropped
from transforms.transform import Rows

_READ_BYTES = 1024 * 1024

Answer = bytes | Dropped | Failure
"""What becomes of a line: another line, nothing, or the reason why it is rejected."""


class Refused(Exception):
    """Records of this shape must not pass. Says why, in fields and tags."""


def apply_lines(
    connector: Connector,
    protection: Protection,
    schema: Path | None,
    key_schema: Path | None,
    lines: BinaryIO,
    out: BinaryIO,
    rejects: TextIO,
) -> int:
    """Run the chain, with its keys opened, on every line; returns how many were rejected.

    Raises `UnusableSchema` or `Refused` before it writes anything. Answers what can be read before it waits for
    more, so the other end of a pipe may stay open.
    """
    chain = LineChain(protection, _shape(connector, schema, key_schema), keyed=key_schema is not None)
    number = rejected = 0
    for some in _available(lines):
        for answer in chain.answers(some):
            number += 1
            if isinstance(answer, bytes):
                out.write(answer + b"\n")
            elif isinstance(answer, Failure):
                rejected += 1
                rejects.write(_report(number, answer))
        out.flush()
        rejects.flush()
    return rejected


def _shape(connector: Connector, schema: Path | None, key_schema: Path | None) -> Shape:
    """Without a schema the values are JSON of any form; without one for the keys, there are no keys."""
    rules = connector.tags
    value = root_from_file("value", schema, connector.converters.value, rules)[0] if schema else None
    key = root_from_file("key", key_schema, connector.converters.key, rules)[0] if key_schema else None
    return shape_of(key, value or root_without_schema("value", "json", rules), rules)


def _available(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Whole lines, as many as one read gives."""
    read = getattr(stream, "read1", stream.read)
    rest = b""
    while block := read(_READ_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _report(number: int, failure: Failure) -> str:
    facts = {"line": number, "stage": failure.stage, "code": str(failure.code), "path": failure.path}
    return json.dumps(facts, ensure_ascii=False) + "\n"


class LineChain:
    """A chain, bound to one shape of records. Raises `Refused` where they must not pass."""

    def __init__(self, protection: Protection, shape: Shape, *, keyed: bool) -> None:
        judged = bind_and_judge(protection.for_running(), shape, "")
        self._refused = _refusal(judged)
        self._reader = LineReader(shape, keyed=keyed)
        self._runner = Runner(judged.plan)
        self._keyed = keyed
        self._writers: dict[int, Callable[[Sequence[Any], Sequence[Any]], Encoded]] = {}

    def answers(self, lines: Sequence[bytes]) -> list[Answer]:
        """One answer for each line, in order."""
        if self._refused is not None:
            return [self._refused] * len(lines)
        try:
            return self._run(lines)
        except StageFailed:
            return [self._alone(line) for line in lines]

    def _alone(self, line: bytes) -> Answer:
        try:
            return self._run([line])[0]
        except StageFailed as failed:
            return Failure(Code.FAILED, failed.stage, error=failed.error)

    def _run(self, lines: Sequence[bytes]) -> list[Answer]:
        records = self._reader.read(lines)
        answers: dict[int, Answer] = dict(records.malformed)
        finished, others = self._runner.run(_rows(records.keys, records.values))
        answers |= {records.rows[index]: other for index, other in others.items()}
        for group in finished:
            written = zip(group.index, self._written(group), strict=True)
            answers |= {records.rows[index]: answer for index, answer in written}
        return [answers[row] for row in range(len(lines))]

    def _written(self, group: Finished) -> list[Answer]:
        written = self._writer(group.end)(group.rows.keys, group.rows.values)
        answers: list[Answer] = [line or b"" for line in written.payloads]
        for row, error in written.bad.items():
            answers[row] = Failure(Code.NOT_ENCODABLE, "value.converter", error=error)
        return answers

    def _writer(self, end: Plan) -> Callable[[Sequence[Any], Sequence[Any]], Encoded]:
        assert end.shape is not None  # noqa: S101 - records only end in a shape
        if id(end) not in self._writers:
            self._writers[id(end)] = line_writer(end.shape, keyed=self._keyed)
        return self._writers[id(end)]


def _refusal(judged: Judged) -> Failure | None:
    """What every record is rejected with, if the policy is to reject them."""
    problem = judged.problem
    if problem is None:
        return None
    if problem.stops:
        raise Refused(problem.message)
    return Failure(Code.UNCOVERED, "coverage", problem.path)


def _rows(keys: list[Any], values: list[Any]) -> Rows:
    count = len(values)
    return Rows(keys, values, [[] for _ in range(count)], [""] * count, [None] * count, [None] * count)
