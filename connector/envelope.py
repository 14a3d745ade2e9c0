"""Whole records as JSON, through the chain and what it is judged by: the code behind `streamveil apply --envelope`.

A record is an object with `topic`, `partition`, `offset`, `timestamp` (milliseconds or null), `headers`, `key_schema`,
`key`, `value_schema` and `value`. Schemas are Avro in Connect's form (`connector.connect_form`) or null; values follow
them as plain JSON. A header is `[name, text]`, or `[name, value, schema or null]`; what comes out is what Kafka would
carry, `[name, text or null]`.
"""

from __future__ import annotations

import base64
import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, BinaryIO

from connector.binding import Judged, Protection, bind_and_judge
from connector.connect_form import from_connect, optional_everywhere, to_connect
from connector.echo import Echo, sensitive_texts
from connector.policy import OnEcho
from connector.publishing import published
from connector.record import Failure
from connector.running import Finished, Runner, StageFailed
from connector.shapes import avro_root, shape_of
from registry.schema.avro import BadSchema
from registry.schema.plain import NotPlain, to_plain
from registry.schema.plain_input import from_plain
from registry.schema.tags import TagRules, with_declared
from registry.schema.tree import Field, Shape, Type, nothing, null_root, remembered
from transforms.connect_text import any_text, connect_text
from transforms.outcome import Code
from transforms.transform import Header, Rows

MOST_BOUND = 1000

Record = Mapping[str, Any]
Answer = dict[str, Any]
"""`{"record": {...}}`, `{"dropped": true}` or `{"error": reason}`. A reason names stages, codes, paths and tags."""


class Envelope:
    """Applies a chain to records one by one. Binds once for each pair of schemas."""

    def __init__(self, protection: Protection) -> None:
        self._protection = protection.for_running()
        self._bound: OrderedDict[str, _Bound] = OrderedDict()

    def apply(self, record: Record) -> Answer:
        """What becomes of a record. Never raises for what the record holds."""
        try:
            return self._bound_for(record).apply(record)
        except _Unreadable as problem:
            return {"error": str(problem)}
        except BadSchema as problem:
            return {"error": f"unusable-schema: {problem}"}
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            return {"error": f"malformed: the line is no record ({type(error).__name__})"}

    def _bound_for(self, record: Record) -> _Bound:
        headers = sorted({header[0] for header in record["headers"]})
        parts = [record["topic"], headers]
        parts += [(record[f"{side}_schema"], record[side] is None) for side in ("key", "value")]
        key = json.dumps(parts, sort_keys=True)
        if key not in self._bound:
            self._bound[key] = _Bound(self._protection, record, headers)
            while len(self._bound) > MOST_BOUND:
                self._bound.popitem(last=False)
        self._bound.move_to_end(key)
        return self._bound[key]


def envelope_lines(protection: Protection, lines: BinaryIO, out: BinaryIO) -> None:
    """Answer every line with a line, as soon as it is read."""
    envelope = Envelope(protection)
    for line in lines:
        out.write(json.dumps(_answer(envelope, line), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        out.flush()


def _answer(envelope: Envelope, line: bytes) -> Answer:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {"error": "malformed: the line is not JSON"}
    return envelope.apply(record)


class _Unreadable(Exception):
    """A record whose values do not fit its schemas. Names the place, never the value."""


class _Bound:
    """The chain, bound to the schemas of one record and used for all that have the same."""

    def __init__(self, protection: Protection, record: Record, headers: Sequence[str]) -> None:
        self._protection = protection
        rules = protection.rules
        roots = {side: _root(record, side, rules) for side in ("key", "value")}
        undeclared = any(name not in rules.for_headers() for name in headers)
        self._shape = shape_of(roots["key"], roots["value"], rules, others=undeclared)
        self._judged: Judged = bind_and_judge(protection, self._shape, record["topic"])
        self._runner = Runner(self._judged.plan)
        self._read = {side: from_plain(root) for side, root in roots.items()}
        self._printers: dict[int, tuple[_Printer, _Printer]] = {}
        watched: list[Any] = []
        if protection.policy.echo is OnEcho.REJECT:
            watched = sensitive_texts(self._shape.value, rules.sensitive)
        self._echo = Echo(watched, key_is_json=False) if watched else None

    def apply(self, record: Record) -> Answer:
        if self._judged.problem is not None:
            return {"error": f"{self._judged.problem.kind}: {self._judged.problem.message}"}
        key, value = (self._physical(record, side) for side in ("key", "value"))
        headers = [_header(entry, self._protection.rules) for entry in record["headers"]]
        rows = Rows(
            keys=[key],
            values=[value],
            headers=[headers],
            topics=[record["topic"]],
            partitions=[record["partition"]],
            timestamps=[record["timestamp"]],
            offsets=[record["offset"]],
        )
        echoes = self._echoes(record, value, headers)
        try:
            finished, others = self._runner.run(rows)
        except StageFailed as failed:
            return {"error": f"{failed.stage}: {Code.FAILED} ({failed.error})"}
        if not finished:
            other = others[0]
            return {"error": _reason(other)} if isinstance(other, Failure) else {"dropped": True}
        end = finished[0]
        if echo := _left(echoes, end, self._shape):
            return {"error": f"coverage: {Code.KEY_ECHO} at {echo}"}
        return {"record": self._record(record, end)}

    def _physical(self, record: Record, side: str) -> Any:
        try:
            return self._read[side](deepcopy(record[side]))
        except NotPlain as problem:
            raise _Unreadable(f"{side}: {Code.MALFORMED}: {problem}") from None

    def _echoes(self, record: Record, value: Any, headers: Sequence[Header]) -> dict[str, str]:
        """The name and the place of each text that repeats a sensitive value: `key`, and headers by name."""
        if self._echo is None:
            return {}
        found: dict[str, str] = {}
        key = record["key"]
        if isinstance(key, str) and self._echo.in_keys([key.encode()], [value]):
            found["key"] = "key"
        raw = [(header.name, header.wire()) for header in headers]
        for name in self._echo.in_headers([raw], [value]).get(0, ()):
            found[f"header:{name}"] = name
        return found

    def _record(self, record: Record, end: Finished) -> Answer:
        if id(end.end) not in self._printers:
            assert end.end.shape is not None  # noqa: S101 - records only end in a shape
            self._printers[id(end.end)] = tuple(  # type: ignore[assignment]  # two sides, two printers
                _Printer(end.end.shape.side(side), self._protection) for side in ("key", "value")
            )
        key, value = self._printers[id(end.end)]
        rows = end.rows
        return {
            "topic": rows.topics[0],
            "partition": rows.partitions[0],
            "offset": record["offset"],
            "timestamp": rows.timestamps[0],
            "headers": [[header.name, _text(header)] for header in rows.headers[0]],
            "key_schema": key.schema,
            "key": key.show(rows.keys[0]),
            "value_schema": value.schema,
            "value": value.show(rows.values[0]),
        }


def _root(record: Record, side: str, rules: TagRules) -> Field:
    schema, empty = record[f"{side}_schema"], record[side] is None
    if schema is None:
        return null_root(side) if empty else with_declared(Field(side, side, Type("any"), null=0), rules, side)
    root = from_connect(avro_root(side, schema, rules))
    return nothing(root) if empty else root


def _header(entry: Sequence[Any], rules: TagRules) -> Header:
    name, value, *schema = entry
    if not schema:
        return Header(name, None if value is None else value.encode())
    if value is None:
        return Header(name, None)
    if schema[0] is None:
        return Header(name, any_text(value).encode())
    root = from_connect(avro_root(name, schema[0], TagRules(rules.property, rules.sensitive)))
    return Header(name, connect_text(root)(from_plain(root)(value)).encode())


def _text(header: Header) -> str | None:
    raw = header.wire()
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode()


def _left(echoes: Mapping[str, str], end: Finished, source: Shape) -> str:
    """An echo counts only where the key, or the header, still is what it was."""
    assert end.end.shape is not None  # noqa: S101 - records only end in a shape
    raw = {header.name for header in end.rows.headers[0] if header.field is None}
    for place, name in echoes.items():
        if (end.end.shape.key is source.key) if place == "key" else name in raw:
            return place
    return ""


def _reason(failure: Failure) -> str:
    at = f" at {failure.path}" if failure.path else ""
    more = f" ({failure.reason or failure.error})" if failure.reason or failure.error else ""
    return f"{failure.stage}: {failure.code}{at}{more}"


class _Printer:
    """Shows one side of the records that end in a shape."""

    def __init__(self, root: Field, protection: Protection) -> None:
        of = remembered(root) or root
        self.schema = to_connect(published(of, protection.sensitive), protection.rules.property)
        self._plain = to_plain(optional_everywhere(root))

    def show(self, value: Any) -> Any:
        return _finite(self._plain(value))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinities: they are text, also where no schema says that they are numbers."""
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {key: _finite(inner) for key, inner in value.items()}
        case list():
            return [_finite(inner) for inner in value]
        case _:
            return value
