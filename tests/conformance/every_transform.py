"""What the conformance test of transforms runs: examples of each, records of every type, and all that can be seen."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from connector.config import Need, load
from connector.plan import Link, Plan, bind
from connector.record import Failure
from connector.running import Finished, Runner, StageFailed
from connector.shapes import avro_root, raw_root, shape_of
from registry.schema.plain import to_plain
from registry.schema.plain_input import from_plain
from registry.schema.tags import TagRules
from registry.schema.tree import Field, Shape
from tests.unit.chains import KEYS
from tests.unit.tokens import InMemoryTransit
from transforms.outcome import Code, Dropped
from transforms.transform import Context, Header, Rows, Transform

MASKED = {"fields": "name,note,phones,prefs{*},address.city,wide,born,amount"}
ENCRYPTED = {"key": "ring", "domain": "d"}
IN_VAULT = {"mode": "transit", "vault.transit.key": "k", "domain": "d"}

EXAMPLES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "Cast": [{"spec": "id:string,score:int32"}, {"spec": "name:int64"}, {"spec": "note:boolean"}],
    "Detokenize": [
        {"fields": "name,note", **ENCRYPTED},
        {"fields": "card", "format": "digits", **ENCRYPTED},
        {"fields": "name", "format": "email", **ENCRYPTED},
        {"fields": "name,note", **IN_VAULT},
    ],
    "DropHeaders": [{"headers": "trace"}],
    "ExtractField": [{"field": "note"}, {"field": "address"}],
    "Filter": [{}],
    "Flatten": [{}, {"delimiter": "_"}],
    "Fpe": [
        {"fields": "card,note", **ENCRYPTED},
        {"fields": "card", "luhn": "true", "keep.first": "6", **ENCRYPTED},
        {"fields": "name", "alphabet": "alphanumeric", "separators": "_", **ENCRYPTED},
        {"fields": "id", **ENCRYPTED},
    ],
    "FpeDecrypt": [{"fields": "card,note", **ENCRYPTED}, {"fields": "id", **ENCRYPTED}],
    "HeaderFrom": [{"fields": "note,name", "headers": "n,m", "operation": operation} for operation in ("copy", "move")],
    "Hmac": [{"tags": "*", **ENCRYPTED}, {**MASKED, "encoding": "base64url", "bits": "128", **ENCRYPTED}],
    "HoistField": [{"field": "inner"}],
    "InsertField": [{"topic.field": "topic", "static.field": "static", "static.value": "v", "timestamp.field": "at"}],
    "InsertHeader": [{"header": "h", "value.literal": "v"}],
    "IpPrefix": [{"fields": "name,note"}, {"tags": "*", "ipv4": "16"}],
    "MaskField": [
        MASKED,
        {"tags": "*"},
        {"fields": "name,id", "replacement": "7"},
        {**MASKED, "keep.first": "2", "keep.last": "2", "keep.chars": "-"},
        {**MASKED, "mask.length": "6"},
        {**MASKED, "email": "domain"},
        {**MASKED, "pattern": "[0-9]+"},
        {**MASKED, "pattern": "[0-9]{3}", "pattern.unmatched": "reject"},
    ],
    "RegexRouter": [{"regex": "(.*)", "replacement": "$1-x"}],
    "ReplaceField": [{"exclude": "name,note"}, {"exclude.tags": "*"}, {"renames": "note:remark,id:number"}],
    "SetSchemaMetadata": [{"schema.name": "com.acme.Other", "schema.version": "2"}],
    "TimestampConverter": [
        {"field": "seen", "target.type": "string", "format": "yyyy-MM-dd"},
        {"field": "note", "target.type": "Timestamp", "format": "yyyy-MM-dd"},
    ],
    "TimestampRouter": [{}],
    "Tokenize": [
        {"tags": "*", **ENCRYPTED},
        {**MASKED, "key": "ring", "domain": "d"},
        {"fields": "score,seen,id,phones[*],prefs{#}", **ENCRYPTED},
        {"fields": "card,note", "format": "digits", **ENCRYPTED},
        {"fields": "name,phones[*]", "format": "email", **ENCRYPTED},
        {"tags": "*", "mode": "vault", "subject.field": "id", **ENCRYPTED},
        {"fields": "id,wide,phones[*]", "mode": "vault", "subject.field": "name", **ENCRYPTED},
        {**MASKED, **IN_VAULT},
        {"tags": "*", "cache.entries": "0", **IN_VAULT},
    ],
    "ValueToKey": [{"fields": "note"}, {"fields": "id,name"}],
}
"""For each type, options that fit `SCHEMA`. A new transform needs a line here."""

_TAGGED = {"confluent:tags": ["PII"]}

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Customer",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": "string", **_TAGGED},
        {"name": "note", "type": ["null", "string"], "default": None, **_TAGGED},
        {"name": "card", "type": ["null", "string"], **_TAGGED},
        {"name": "score", "type": ["null", "double"]},
        {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        {
            "name": "amount",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}],
        },
        {"name": "wide", "type": ["null", "string", "long"]},
        {"name": "phones", "type": {"type": "array", "items": ["null", "string"]}},
        {"name": "prefs", "type": {"type": "map", "values": "string"}},
        {
            "name": "address",
            "type": {"type": "record", "name": "Address", "fields": [{"name": "city", "type": ["null", "string"]}]},
        },
    ],
}


def configured(type_: str, options: Mapping[str, str]) -> Transform:
    """A transform as a configuration gives it."""
    config = {f"transforms.x.{name}": text for name, text in options.items()}
    rings = {"keys": "ring", "keys.ring.provider": "env", "keys.ring.variable": "TEST_RING"}
    [link] = load({"transforms": "x", "transforms.x.type": type_, **config, **rings}, need=Need.CHAIN).chain
    return link.transform


def typed_shape() -> Shape:
    """Key and value have the same schema, so that the `$Key` form of a transform finds what the other finds."""
    rules = TagRules()
    return shape_of(avro_root("key", SCHEMA, rules), avro_root("value", SCHEMA, rules), rules, others=True)


def plain_shape() -> Shape:
    """JSON without a schema on both sides."""
    rules = TagRules(declared={"PII": ["name", "note", "key.name", "key.note"]})
    return shape_of(raw_root("key", "json", rules), raw_root("value", "json", rules), rules, others=True)


@dataclass(slots=True)
class Seen:
    """What became of records, and every text about them that anybody could have seen but the records themselves."""

    outcomes: list[Any]
    texts: list[str] = field(default_factory=list)


class Chain:
    """A chain of one transform on the records of a shape."""

    def __init__(self, transform: Transform, shape: Shape) -> None:
        self.transform = transform
        self.shape = shape
        context = Context("x", "topic", keys=KEYS, transit=InMemoryTransit())
        self.plan: Plan = bind([Link("x", transform)], shape, lambda _: context)
        self._runner = Runner(self.plan)
        self._physical = from_plain(shape.key), from_plain(shape.value)

    def run(self, records: Sequence[Any]) -> Seen:
        """Each record becomes a tuple of all its parts, or the code of its rejection, or `Dropped`."""
        seen = Seen([None] * len(records))
        try:
            self._run(records, seen)
        except StageFailed as failed:
            seen.texts += ["".join(traceback.format_exception(failed)), repr(failed)]
            self._run_alone(records, seen)
        return seen

    def texts(self) -> list[str]:
        """What the chain says of itself after it ran."""
        return [repr(self.transform), repr(self.plan), *map(repr, self.plan.steps())]

    def nulls_that_became_something(self, record: Any) -> list[str]:
        """The places of the source that are null in a record, and are not where its leaves have gone."""
        finished, _ = self._runner.run(self._rows([record]))
        null = {
            origin
            for side, value in zip((self.shape.key, self.shape.value), self._sides(record), strict=True)
            for origin, leaf in placed(side, value)
            if leaf is None
        }
        return [origin for group in finished for origin, leaf in _leaves(group) if origin in null and leaf is not None]

    def _sides(self, record: Any) -> tuple[Any, Any]:
        key, value = self._physical
        return key(deepcopy(record)), value(deepcopy(record))

    def _run_alone(self, records: Sequence[Any], seen: Seen) -> None:
        for row, record in enumerate(records):
            alone = Seen([None])
            try:
                self._run([record], alone)
            except StageFailed as failed:
                alone = Seen([Code.FAILED], [repr(failed)])
            seen.outcomes[row] = alone.outcomes[0]
            seen.texts += alone.texts

    def _run(self, records: Sequence[Any], seen: Seen) -> None:
        rows = self._rows(records)
        finished, others = self._runner.run(rows)
        seen.texts += [repr(rows), repr(others)]
        for row, other in others.items():
            seen.outcomes[row] = other.code if isinstance(other, Failure) else Dropped()
        for group in finished:
            shape = group.end.shape
            assert shape is not None
            for at, row in enumerate(group.index):
                seen.outcomes[row] = _parts(group.rows, at, shape)

    def _rows(self, records: Sequence[Any]) -> Rows:
        count = len(records)
        headers = [[Header("trace", b"t"), Header("id", str(row).encode())] for row in range(count)]
        keys, values = map(list, zip(*map(self._sides, records), strict=True))
        return Rows(keys, values, headers, ["topic"] * count, [0] * count, [1_700_000_000_000] * count)


def _parts(rows: Rows, at: int, shape: Shape) -> tuple[Any, ...]:
    key, value = (
        None if side is None else to_plain(root)(side)
        for side, root in ((rows.keys[at], shape.key), (rows.values[at], shape.value))
    )
    wire = [(header.name, header.wire()) for header in rows.headers[at] if header.name != "id"]
    return rows.topics[at], rows.timestamps[at], key, value, wire


def _leaves(group: Finished) -> Iterator[tuple[str, Any]]:
    shape = group.end.shape
    assert shape is not None
    for key, value, headers in zip(group.rows.keys, group.rows.values, group.rows.headers, strict=True):
        yield from placed(shape.key, key)
        yield from placed(shape.value, value)
        yield from ((header.field.origin, header.value) for header in headers if header.field is not None)


def placed(root: Field, value: Any) -> Iterator[tuple[str, Any]]:
    """Each leaf's value, with the place in the source that the leaf came from."""
    if root.type.is_leaf or value is None:
        yield root.origin, value
        return
    match root.type.kind:
        case "array":
            yield from (found for item in value for found in placed(root.type.fields[0], item))
        case "map":
            yield from (found for item in value.values() for found in placed(root.type.fields[1], item))
        case _:
            for inner in root.type.fields:
                if inner.at in value:  # all of a record's fields, one branch of a union
                    yield from placed(inner, value[inner.at])


def scalars(plain: Any) -> Iterator[Any]:
    """All that plain JSON holds besides its containers and names."""
    match plain:
        case dict():
            for inner in plain.values():
                yield from scalars(inner)
        case list() | tuple():
            for inner in plain:
                yield from scalars(inner)
        case _:
            yield plain
