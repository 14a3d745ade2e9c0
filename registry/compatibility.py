"""Whether what was written with one Avro schema can be read with another, and what a compatibility level asks.

After the Avro specification 1.12.0, "Schema Resolution", read as the registries read it: names are compared
without their namespace, and logical types are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.avsc import AvroField, AvroType

_PROMOTIONS: Final = {
    "long": {"int"},
    "float": {"int", "long"},
    "double": {"int", "long", "float"},
    "bytes": {"string"},
    "string": {"bytes"},
}
"""By reader's type: the writers' types that it takes besides its own."""


class Level(StrEnum):
    """What a subject asks of a new version: whose data who must be able to read."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def new_reads_old(self) -> bool:
        return self.startswith(("BACKWARD", "FULL"))

    @property
    def old_reads_new(self) -> bool:
        return self.startswith(("FORWARD", "FULL"))

    @property
    def transitive(self) -> bool:
        """Whether all earlier versions count, and not the last alone."""
        return self.endswith("_TRANSITIVE")


class Kind(StrEnum):
    """The kinds of incompatibility, with the names that registries give them."""

    NAME_MISMATCH = "NAME_MISMATCH"
    FIXED_SIZE_MISMATCH = "FIXED_SIZE_MISMATCH"
    MISSING_ENUM_SYMBOLS = "MISSING_ENUM_SYMBOLS"
    READER_FIELD_MISSING_DEFAULT_VALUE = "READER_FIELD_MISSING_DEFAULT_VALUE"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    MISSING_UNION_BRANCH = "MISSING_UNION_BRANCH"


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One reason why a reader cannot read a writer; ``path`` leads to the place in the reader's schema."""

    kind: Kind
    path: str
    detail: str


def violations(level: Level, new: AvroType, earlier: Sequence[AvroType]) -> list[tuple[int, Incompatibility]]:
    """What forbids ``new`` at this level: each with the index of the earlier schema, oldest first, it clashes with.

    Empty when ``new`` is compatible.
    """
    found: list[tuple[int, Incompatibility]] = []
    for index in range(0 if level.transitive else max(len(earlier) - 1, 0), len(earlier)):
        if level.new_reads_old:
            found += ((index, each) for each in incompatibilities(new, earlier[index]))
        if level.old_reads_new:
            found += ((index, each) for each in incompatibilities(earlier[index], new))
    return found


def incompatibilities(reader: AvroType, writer: AvroType) -> list[Incompatibility]:
    """Why data written with ``writer`` cannot always be read with ``reader``; empty when it can."""
    return list(_Resolution().differences(reader, writer, ""))


class _Resolution:
    """One walk of two schemas together. A pair that is met again within itself counts as compatible."""

    def __init__(self) -> None:
        self._met: set[tuple[int, int]] = set()

    def differences(self, reader: AvroType, writer: AvroType, path: str) -> Iterator[Incompatibility]:
        if reader.kind == "record" and writer.kind == "record":
            if (id(reader), id(writer)) in self._met:
                return
            self._met.add((id(reader), id(writer)))
        if writer.kind == "union":
            yield from self._from_union(reader, writer, path)
        elif reader.kind == "union":
            yield from self._into_union(reader, writer, path)
        elif reader.kind != writer.kind:
            if writer.kind not in _PROMOTIONS.get(reader.kind, ()):
                detail = f"reader type {reader.kind} does not take writer type {writer.kind}"
                yield Incompatibility(Kind.TYPE_MISMATCH, path or "/", detail)
        else:
            yield from self._same_kind(reader, writer, path)

    def _from_union(self, reader: AvroType, writer: AvroType, path: str) -> Iterator[Incompatibility]:
        for index, branch in enumerate(writer.branches):
            if reader.kind == "union":
                yield from self._into_union(reader, branch, f"{path}/{index}")
            else:
                yield from self.differences(reader, branch, path)

    def _into_union(self, reader: AvroType, writer: AvroType, path: str) -> Iterator[Incompatibility]:
        for branch in reader.branches:
            trial = _Resolution()
            trial._met = set(self._met)
            if not any(True for _ in trial.differences(branch, writer, path)):
                return
        detail = f"the reader's union has no branch for the writer's {writer.name or writer.kind}"
        yield Incompatibility(Kind.MISSING_UNION_BRANCH, path or "/", detail)

    def _same_kind(self, reader: AvroType, writer: AvroType, path: str) -> Iterator[Incompatibility]:
        if reader.name and not _same_name(reader, writer):
            yield Incompatibility(Kind.NAME_MISMATCH, f"{path}/name", f"expected {writer.name}")
        if reader.kind == "record":
            yield from self._records(reader, writer, path)
        elif reader.kind == "enum":
            yield from _enums(reader, writer, path)
        elif reader.kind == "fixed" and reader.size != writer.size:
            detail = f"expected {writer.size}, found {reader.size}"
            yield Incompatibility(Kind.FIXED_SIZE_MISMATCH, f"{path}/size", detail)
        elif reader.items is not None and writer.items is not None:
            content = "items" if reader.kind == "array" else "values"
            yield from self.differences(reader.items, writer.items, f"{path}/{content}")

    def _records(self, reader: AvroType, writer: AvroType, path: str) -> Iterator[Incompatibility]:
        written = {each.name: each for each in writer.fields}
        for index, each in enumerate(reader.fields):
            place = f"{path}/fields/{index}"
            source = _writer_field(each, written)
            if source is not None:
                yield from self.differences(each.type, source.type, f"{place}/type")
            elif not each.has_default:
                detail = f"field {each.name} has no default and the writer does not have it"
                yield Incompatibility(Kind.READER_FIELD_MISSING_DEFAULT_VALUE, place, detail)


def _same_name(reader: AvroType, writer: AvroType) -> bool:
    return reader.name.rpartition(".")[2] == writer.name.rpartition(".")[2] or writer.name in reader.aliases


def _writer_field(reader: AvroField, written: dict[str, AvroField]) -> AvroField | None:
    if reader.name in written:
        return written[reader.name]
    return next((written[alias] for alias in sorted(reader.aliases) if alias in written), None)


def _enums(reader: AvroType, writer: AvroType, path: str) -> Iterator[Incompatibility]:
    missing = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
    if missing and reader.default_symbol is None:
        detail = f"the reader lacks {', '.join(missing)} and has no default symbol"
        yield Incompatibility(Kind.MISSING_ENUM_SYMBOLS, f"{path}/symbols", detail)
