"""The Avro codec, on fastavro.

fastavro alone is not lossless: it picks a union's branch by looking at the value, turns logical types into objects
that cannot hold every value, and ignores bytes after the datum. So it is given a *twin* of each schema, with the
same bytes on the wire and nothing to guess: logical types stripped, every branch of a wide union boxed in a
record of its own (`{"b1": value}`), 32-bit floats that no step looks at left as bytes, since widening one to a Python
float changes a signalling NaN. (Strings left as bytes would be read faster, and written more slowly than that gains.)
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from io import BytesIO
from itertools import count
from typing import Any

import fastavro

from registry.codec import Decoded, Encoded
from registry.scan import scanner
from registry.schema.tree import Field, Type, leaves
from registry.schema.walk import Walk

PREFIX_SIZE = 5
PREFIX = "\0prefix"
END = "\0end"
RECORD = "\0record"

Opaque = frozenset[int]
"""Leaf types, by identity, whose values are carried as the bytes that they came in."""


def opaque_leaves(root: Field, walks: Collection[Walk]) -> Opaque:
    """The leaves of a source that none of the walks reaches, nor passes in a container that is taken whole."""
    reached: set[int] = set()
    for walk in walks:
        for place in walk.places():
            type_ = place.field.type
            reached.update([id(type_)] if type_.is_leaf else (id(leaf.type) for _, leaf in leaves(place.field)))
    return frozenset(id(leaf.type) for _, leaf in leaves(root) if id(leaf.type) not in reached)


class AvroReader:
    """Decodes framed payloads (5 bytes of prefix, then the datum) of one schema."""

    def __init__(self, root: Field, opaque: Opaque = frozenset()) -> None:
        # Nobody outside can know these bytes, so a datum that does not end where it should is always noticed.
        self._end = secrets.token_bytes(16)
        twin, self._wrapped = _Twin(opaque).framed(root, len(self._end))
        self._one = fastavro.parse_schema(twin)
        self._many = fastavro.parse_schema({"type": "array", "items": twin})
        self._scan = scanner(root)

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        """All at once, as one array; one by one when that fails, to find out which is to blame.

        Payloads of a schema that allows harm are each looked through first.
        """
        if not payloads:
            return Decoded([], {})
        end = self._end
        if self._scan is not None:
            return self._one_by_one(payloads)
        try:
            framed = _long(len(payloads)) + end.join(payloads) + end + b"\0"
            records: Any = fastavro.schemaless_reader(BytesIO(framed), self._many)
            ends = [record.pop(END) for record in records]
            if ends.count(end) == len(ends):
                return Decoded(self._unwrapped(records), {})
        except Exception:  # noqa: S110 - fastavro raises whatever the bytes make it stumble over
            pass
        return self._one_by_one(payloads)

    def _one_by_one(self, payloads: Sequence[bytes]) -> Decoded:
        records: list[Any] = []
        bad: dict[int, str] = {}
        for row, payload in enumerate(payloads):
            record: Any = None
            try:
                if self._scan is not None:
                    self._scan(payload, PREFIX_SIZE)
                framed = BytesIO(payload + self._end)
                record = fastavro.schemaless_reader(framed, self._one)
                if record.pop(END) != self._end:
                    record, bad[row] = None, "TrailingBytes"
            except Exception as error:  # only its class may be known, its text may hold the value
                bad[row] = type(error).__name__
            records.append(record)
        return Decoded(self._unwrapped(records), bad)

    def _unwrapped(self, records: list[Any]) -> list[Any]:
        if not self._wrapped:
            return records
        return [None if record is None else record[RECORD] for record in records]


class AvroWriter:
    """Encodes records of one shape, whose fields lie under their `at`."""

    def __init__(self, root: Field, opaque: Opaque = frozenset()) -> None:
        self._schema = fastavro.parse_schema(_Twin(opaque).place(root))

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        write, schema = fastavro.schemaless_writer, self._schema
        payloads: list[bytes | None] = []
        bad: dict[int, str] = {}
        for row, record in enumerate(records):
            out = BytesIO()
            try:
                write(out, schema, record)
                payloads.append(prefix + out.getvalue())
            except Exception as error:  # only its class may be known, its text may hold the value
                payloads.append(None)
                bad[row] = type(error).__name__
        return Encoded(payloads, bad)


class _Twin:
    """Prints the private schema. Names are numbers: what the types are called outside does not matter here."""

    def __init__(self, opaque: Opaque) -> None:
        self._opaque = opaque
        self._names: dict[int, str] = {}
        self._numbers = count()
        self._met_again: set[int] = set()

    def framed(self, root: Field, end: int) -> tuple[dict[str, Any], bool]:
        """A record of the prefix, the root, and the end mark; and whether the root is a field of it.

        A root record's own fields lie directly between the two, unless it is recursive: its inner
        occurrences have no prefix and no end.
        """
        head = {"name": PREFIX, "type": {"type": "fixed", "name": "prefix", "size": PREFIX_SIZE}}
        tail = {"name": END, "type": {"type": "fixed", "name": "end", "size": end}}
        printed = self.place(root)
        if root.type.kind == "record" and root.null is None and id(root.type) not in self._met_again:
            return {**printed, "fields": [head, *printed["fields"], tail]}, False
        return {"type": "record", "name": "root", "fields": [head, {"name": RECORD, "type": printed}, tail]}, True

    def place(self, place: Field) -> Any:
        printed = self._type(place.type)
        if place.type.kind == "null":
            return ["null"] if place.type.attrs.get("union") else "null"
        if place.null is None:
            return printed
        branches = printed if isinstance(printed, list) else [printed]
        return [*branches[: place.null], "null", *branches[place.null :]]

    def _type(self, type_: Type) -> Any:
        opaque = id(type_) in self._opaque
        match type_.kind:
            case "record":
                return self._named(type_, lambda: {"type": "record", "fields": self._fields(type_)})
            case "union":
                return [self._box(branch) for branch in type_.fields]
            case "array":
                return {"type": "array", "items": self.place(type_.fields[0])}
            case "map":
                return {"type": "map", "values": self.place(type_.fields[1])}
            case "enum":
                return self._named(type_, lambda: {"type": "enum", "symbols": list(type_.attrs["symbols"])})
            case "fixed":
                return self._fixed(type_, type_.attrs["size"])
            case "float" if opaque:
                return self._fixed(type_, 4)
            case kind:
                return kind

    def _fields(self, type_: Type) -> list[dict[str, Any]]:
        return [{"name": field.at, "type": self.place(field)} for field in type_.fields]

    def _box(self, branch: Field) -> dict[str, Any]:
        fields = [{"name": branch.at, "type": self.place(branch)}]
        return {"type": "record", "name": self._new_name(), "fields": fields}

    def _fixed(self, type_: Type, size: int) -> Any:
        return self._named(type_, lambda: {"type": "fixed", "size": size})

    def _named(self, type_: Type, define: Any) -> Any:
        if (name := self._names.get(id(type_))) is not None:
            self._met_again.add(id(type_))
            return name
        name = self._names[id(type_)] = self._new_name()
        return {"name": name, **define()}

    def _new_name(self) -> str:
        return f"t{next(self._numbers)}"


def _long(number: int) -> bytes:
    """Avro's variable-length zigzag coding, of a number that is not negative."""
    number <<= 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
