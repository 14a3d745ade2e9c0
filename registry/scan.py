"""Looking through a payload before it is decoded, where its schema allows it to do harm.

fastavro decodes recursive types by recursion in C: a few kilobytes that nest deeply enough end the process. And an
array whose items take no bytes may claim any number of them. Schemas with neither cost nothing here.
"""

from __future__ import annotations

from collections.abc import Callable

from registry.schema.tree import Field, Type

DEEPEST = 300
"""Levels of types, one inside the other, that a record of a recursive schema may have."""
MOST_EMPTY_ITEMS = 100_000
"""Items that an array may have when they take no bytes."""

Skip = Callable[[bytes, int, int], int]


class Harmful(ValueError):
    """A payload that is nested too deeply, claims too many items, or does not follow its schema."""


def scanner(root: Field) -> Callable[[bytes, int], None] | None:
    """A function that looks through a payload from a position on and raises `Harmful`; None where there is no need."""
    scan = _Scan()
    skip = scan.place(root)
    if not (scan.recursive or scan.empty_items):
        return None

    def look(payload: bytes, start: int) -> None:
        try:
            skip(payload, start, 0)
        except IndexError:
            raise Harmful("truncated") from None

    return look


def holds_nothing(root: Field) -> bool:
    """Whether a record type contains itself with no way out, so that no value of it can exist."""
    open_types: set[int] = set()
    closed: set[int] = set()

    def endless(place: Field) -> bool:
        type_ = place.type
        if place.null is not None or type_.kind != "record" or id(type_) in closed:
            return False
        if id(type_) in open_types:
            return True
        open_types.add(id(type_))
        found = any(endless(inner) for inner in type_.fields)
        open_types.discard(id(type_))
        closed.add(id(type_))
        return found

    seen: set[int] = set()
    todo = [root]
    while todo:
        place = todo.pop()
        if place.type.kind == "record" and endless(place.but(null=None)):
            return True
        if id(place.type) not in seen:
            seen.add(id(place.type))
            todo += place.type.fields
    return False


class _Scan:
    def __init__(self) -> None:
        self._skips: dict[int, Skip | None] = {}
        self.recursive = False
        self.empty_items = False

    def place(self, place: Field) -> Skip:
        if place.type.kind == "null":
            return _union([_nothing]) if place.type.attrs.get("union") else _nothing
        if place.type.kind == "union":
            branches = [self._type(branch.type) for branch in place.type.fields]
        elif place.null is None:
            return self._type(place.type)
        else:
            branches = [self._type(place.type)]
        if place.null is not None:
            branches.insert(place.null, _nothing)
        return _union(branches)

    def _type(self, type_: Type) -> Skip:
        if type_.kind != "record":
            return self._other(type_)
        if id(type_) in self._skips:
            self.recursive |= self._skips[id(type_)] is None
            return self._late(type_)
        self._skips[id(type_)] = None
        parts = [self.place(field) for field in type_.fields]
        self._skips[id(type_)] = _record(parts)
        return self._late(type_)

    def _late(self, type_: Type) -> Skip:
        def skip(payload: bytes, at: int, depth: int) -> int:
            known = self._skips[id(type_)]
            assert known is not None  # noqa: S101 - finished before any payload arrives
            return known(payload, at, depth)

        return skip

    def _other(self, type_: Type) -> Skip:
        match type_.kind:
            case "array":
                items = type_.fields[0]
                empty = _may_be_empty(items, set())
                self.empty_items |= empty
                return _blocks(self.place(items), empty)
            case "map":
                value = self.place(type_.fields[1])
                return _blocks(lambda payload, at, depth: value(payload, _text(payload, at, depth), depth), False)
            case "string" | "bytes":
                return _text
            case "int" | "long" | "enum":
                return lambda payload, at, _depth: _long(payload, at)[1]
            case "boolean":
                return _sized(1)
            case "float":
                return _sized(4)
            case "double":
                return _sized(8)
            case "fixed":
                return _sized(type_.attrs["size"])
            case _:
                return _nothing


def _may_be_empty(place: Field, seen: set[int]) -> bool:
    """Whether a value may take no bytes at all."""
    if place.null is not None and place.type.kind != "null":
        return False
    match place.type.kind:
        case "null":
            return not place.type.attrs.get("union")
        case "fixed":
            return int(place.type.attrs["size"]) == 0
        case "record":
            if id(place.type) in seen:
                return True
            seen.add(id(place.type))
            return all(_may_be_empty(inner, seen) for inner in place.type.fields)
        case _:
            return False


def _record(parts: list[Skip]) -> Skip:
    def skip(payload: bytes, at: int, depth: int) -> int:
        if depth > DEEPEST:
            raise Harmful("nested too deeply")
        for part in parts:
            at = part(payload, at, depth + 1)
        return at

    return skip


def _union(branches: list[Skip]) -> Skip:
    def skip(payload: bytes, at: int, depth: int) -> int:
        branch, at = _long(payload, at)
        if not 0 <= branch < len(branches):
            raise Harmful("no such branch")
        return branches[branch](payload, at, depth + 1)

    return skip


def _blocks(item: Skip, empty: bool) -> Skip:
    def skip(payload: bytes, at: int, depth: int) -> int:
        total = 0
        while True:
            count, at = _long(payload, at)
            if count == 0:
                return at
            if count < 0:
                count = -count
                _, at = _long(payload, at)
            total += count
            if depth > DEEPEST or (empty and total > MOST_EMPTY_ITEMS):
                raise Harmful("too many items, or nested too deeply")
            for _ in range(count):
                at = item(payload, at, depth + 1)

    return skip


def _nothing(_payload: bytes, at: int, _depth: int) -> int:
    return at


def _sized(size: int) -> Skip:
    def skip(payload: bytes, at: int, _depth: int) -> int:
        if at + size > len(payload):
            raise Harmful("truncated")
        return at + size

    return skip


def _text(payload: bytes, at: int, _depth: int) -> int:
    length, at = _long(payload, at)
    if length < 0 or at + length > len(payload):
        raise Harmful("truncated")
    return at + length


def _long(payload: bytes, at: int) -> tuple[int, int]:
    shift = number = 0
    while True:
        byte = payload[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
        if shift > 63:
            raise Harmful("a number is too long")
