"""One transform on records as users write them: plain JSON in, plain JSON or the code of the rejection out."""

from __future__ import annotations

from typing import Any

from connector.coverage import Verdict, judge
from connector.plan import Link, Plan, bind
from connector.publishing import published
from connector.running import Runner
from connector.shapes import avro_root, raw_root, shape_of
from connector.unopened_ring import UnopenedRing
from registry.schema.plain import to_plain
from registry.schema.plain_input import from_plain
from registry.schema.printer import schema_of
from registry.schema.tags import TagRules
from registry.schema.tree import Shape
from tests.unit.rings import RING, OnceRotated, RingOf
from transforms.keys import KeyRing, Transit
from transforms.outcome import Code
from transforms.transform import Context, Rows, Transform
from vault.keyring import Ring

KEYS: dict[str, KeyRing] = {
    "ring": RING,
    "other": RingOf(b"\x02" * 32),
    "namesake": RingOf(b"\x01" * 32),
    "unopened": UnopenedRing([]),
    "second": Ring({2: b"\x04" * 32}, 2),
    "rotated": OnceRotated(b"\x05" * 32),
    "two": Ring({1: b"\x03" * 32, 2: b"\x04" * 32}, 2),
}
PII = {"confluent:tags": ["PII"]}


def record_of(type_: Any, **attrs: Any) -> dict[str, Any]:
    """A record with one field, `x`, tagged PII."""
    return {"type": "record", "name": "R", "fields": [{"name": "x", "type": type_, **PII, **attrs}]}


def avro(schema: Any) -> Shape:
    """The shape of records without a key."""
    rules = TagRules()
    return shape_of(None, avro_root("value", schema, rules), rules)


def json_values(**tags: list[str]) -> Shape:
    """The shape of JSON without a schema, with tags declared for some paths."""
    rules = TagRules(declared=tags)
    return shape_of(None, raw_root("value", "json", rules), rules)


def bound(shape: Shape, *transforms: Transform, transit: Transit | None = None) -> Plan:
    links = [Link(f"t{index}", transform) for index, transform in enumerate(transforms)]
    return bind(links, shape, lambda alias: Context(alias, "topic", keys=KEYS, transit=transit))


def read_on(shape: Shape, *transforms: Transform, transit: Transit | None = None) -> Shape:
    """The shape of the records that a chain writes, as who reads them meets their schema."""
    end = bound(shape, *transforms, transit=transit).shape
    assert end is not None
    return avro(schema_of(published(end.value, Context().sensitive)))


def run(shape: Shape, records: list[Any], *transforms: Transform, transit: Transit | None = None) -> list[Any]:
    """What each record becomes: plain JSON, or the code that it is rejected with."""
    plan = bound(shape, *transforms, transit=transit)
    physical = from_plain(shape.value)
    count = len(records)
    rows = Rows(
        [None] * count, list(map(physical, records)), [[] for _ in records], ["topic"] * count, [0] * count, [0] * count
    )
    finished, others = Runner(plan).run(rows)
    out: list[Any] = [None] * count
    for group in finished:
        assert group.end.shape is not None
        plain = to_plain(group.end.shape.value)
        for index, value in zip(group.index, group.rows.values, strict=True):
            out[index] = None if value is None else plain(value)
    for index, why in others.items():
        out[index] = getattr(why, "code", why)
    return out


def values(type_: Any, given: list[Any], *transforms: Transform, transit: Transit | None = None) -> list[Any]:
    """What the values of one field of this type become; a rejected record's is its code."""
    outcomes = run(avro(record_of(type_)), [{"x": value} for value in given], *transforms, transit=transit)
    return [outcome if isinstance(outcome, Code) else outcome["x"] for outcome in outcomes]


def verdict(shape: Shape, *transforms: Transform) -> str:
    """What coverage says of the only sensitive leaf."""
    plan = bound(shape, *transforms)
    worst = max((f.verdict for f in judge(shape, plan, Context().sensitive)), default=Verdict.CLEAR)
    return str(worst)
