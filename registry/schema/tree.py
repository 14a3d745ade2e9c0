"""The schema tree: what a record looks like, place by place.

A *field* is a place that holds a value: a root, a record's field, an array's items, a map's keys and values,
a branch of a union, a header. Its *type* says what may lie there. Types may be cyclic (recursive schemas);
fields and types are immutable once built, so that a shape can be shared by every plan that starts from it.

`name` is what the world calls a place, `at` is where its value lies in a decoded record. A rename changes the
one and keeps the other, so it costs nothing per record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

NO_TAGS: frozenset[str] = frozenset()

LINEAGE = "streamveil:"
"""What the attributes start with that say how a place was protected. They are facts of a place, never of a type."""
KEYS_LINEAGE = f"{LINEAGE}keys"
"""Where a map says this of its keys."""

NUMBERS = frozenset({"int", "long", "float", "double"})
NAMED = frozenset({"record", "enum", "fixed"})
CONTAINERS = frozenset({"record", "array", "map", "union"})

ITEMS = "[*]"
MAP_KEYS = "{#}"
MAP_VALUES = "{*}"


class Guard(NamedTuple):
    """What protects a leaf: the step that did it and, for keyed steps, the key ring, its version and the domain.

    `fingerprint` tells the key of that version from any other. Of a token `mode` and `format` say how it was made,
    and `type` what the leaf was before (attributes of an Avro type), None for a string or where branches differ.
    `partial` says that something of the value stays on purpose, so that what is left is as sensitive as before.
    """

    step: str
    transform: str
    key: str | None = None
    version: int | None = None
    domain: str | None = None
    fingerprint: str | None = None
    mode: str | None = None
    format: str | None = None
    type: tuple[tuple[str, str | int], ...] | None = None
    partial: bool = False

    def facts(self) -> dict[str, Any]:
        """What there is to say of it, by name, as plain JSON."""
        known = {name: fact for name, fact in self._asdict().items() if fact not in (None, False)}
        return known if self.type is None else {**known, "type": dict(self.type)}

    def untyped(self) -> Guard:
        """The guard without the type of before."""
        return self._replace(type=None)


TagKind = Literal["inline", "metadata", "reference", "declared", "catalogue", "earlier version"]


class TagSource(NamedTuple):
    """Who says that a tag holds.

    `inline` is an attribute of the schema, `metadata` a pattern in its registered metadata, `reference` either of the
    two in a referenced schema, `declared` a pattern in the configuration, `catalogue` an entry of the tag catalogue,
    `earlier version` what an earlier version of the subject said. `where` tells people the place or the pattern, and
    the subject and version where it is in another schema than the record's own.
    """

    tag: str
    kind: TagKind
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """What may lie at a place.

    `kind` is an Avro type name, or `any` for a value without a schema. `fields` are the places inside: a
    record's fields in order, an array's items, a map's keys and values, a union's branches without null, and of
    a value without a schema those places that the configuration declares.
    `attrs` hold the rest: `name` (full name), `symbols`, `size`, `logicalType`, `precision`, `scale`, `doc`, ...
    Two types are compared by identity; `same_type` compares what they say.
    """

    kind: str
    fields: tuple[Field, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def logical(self) -> str | None:
        return self.attrs.get("logicalType")

    @property
    def is_leaf(self) -> bool:
        return self.kind not in CONTAINERS and not self.fields

    def close(self, fields: tuple[Field, ...]) -> None:
        """Give a type under construction its places; a recursive type must exist before they do."""
        object.__setattr__(self, "fields", fields)

    def with_attrs(self, **attrs: Any) -> Type:
        return Type(self.kind, self.fields, {**self.attrs, **attrs})


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A place that holds a value.

    `null` is the position of null in the place's union, or None where null is not allowed. `tags` are
    sensitivity tags: its own and those of every place around it; `tag_sources` say of each where it came from, and
    are no part of what the place says to a reader. `guards` say what protects it now. `origin` is the path pattern
    that it came from in the source. `attrs` hold `default`, `doc`, `aliases` and the like; `protected_default` says
    that the default there went through what protects the place.
    """

    name: str
    at: str
    type: Type
    null: int | None = None
    tags: frozenset[str] = NO_TAGS
    guards: tuple[Guard, ...] = ()
    origin: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    tag_sources: tuple[TagSource, ...] = ()
    protected_default: bool = False

    def but(self, **changes: Any) -> Self:
        """The same place with some of its facts changed."""
        if not changes.keys() <= _FACTS.keys():
            raise TypeError(f"a place has no {', '.join(changes.keys() - _FACTS.keys())}")
        # Half of what `dataclasses.replace` takes, which binding a wide schema calls thousands of times.
        copy = object.__new__(type(self))
        for name in _FACTS:
            object.__setattr__(copy, name, changes[name] if name in changes else getattr(self, name))
        return copy

    def tagged(self, sources: Iterable[TagSource]) -> Self:
        """The same place with the tags of these sources added."""
        merged = tuple(dict.fromkeys((*self.tag_sources, *sources)))
        return self.but(tags=self.tags.union(source.tag for source in merged), tag_sources=merged)

    def tagged_as(self, others: Iterable[Field]) -> Self:
        """The same place with all tags of these places added, each with where it came from."""
        others = list(others)
        merged = dict.fromkeys(self.tag_sources)
        for other in others:
            merged.update(dict.fromkeys(other.tag_sources))
        return self.but(tags=self.tags.union(*(other.tags for other in others)), tag_sources=tuple(merged))

    def without_attrs(self, *names: str) -> Self:
        return self.but(attrs={k: v for k, v in self.attrs.items() if k not in names})


_FACTS = Field.__dataclass_fields__


@dataclass(frozen=True, slots=True)
class Shape:
    """A record's three roots: key, value, and the headers that the chain writes."""

    key: Field
    value: Field
    headers: tuple[Field, ...] = field(default=())

    def side(self, side: str) -> Field:
        return self.key if side == "key" else self.value

    def with_side(self, side: str, root: Field) -> Shape:
        return Shape(root, self.value, self.headers) if side == "key" else Shape(self.key, root, self.headers)


def null_root(name: str) -> Field:
    """The root of a record's side that holds nothing: an absent key, a tombstone's value."""
    return Field(name, name, Type("null"), null=0, origin=name)


def nothing(root: Field) -> Field:
    """The root of a side whose value is null where `root` could stand: it holds nothing and remembers the schema."""
    if root.type.kind == "any":
        return null_root(root.name)
    return Field(root.name, root.name, Type("null", (), {"of": root}), null=0, origin=root.name)


def remembered(root: Field) -> Field | None:
    """What a null root stands for: the root that has its schema, None where there is no schema."""
    of = root.type.attrs.get("of")
    return of if isinstance(of, Field) else None


def step_into(path: str, place: Field) -> str:
    """The path pattern of a place inside the place at `path`."""
    match place.name:
        case "[*]" | "{#}" | "{*}":
            return path + place.name
        case name:
            plain = f"`{name}`" if "." in name or "[" in name or "{" in name else name
            return f"{path}.{plain}" if path else plain


def leaves(root: Field) -> Iterator[tuple[str, Field]]:
    """Each leaf with its path pattern, in schema order; a recursive type is entered once.

    (In trees that `registry.schema.tags.push_down` made, no type is shared but by recursion.)
    """
    seen: set[int] = set()
    stack: list[tuple[str, Field]] = [("", root)]
    while stack:
        path, place = stack.pop()
        if place.type.is_leaf:
            yield path, place
        elif id(place.type) not in seen:
            seen.add(id(place.type))
            union = place.type.kind == "union"
            stack += [(path if union else step_into(path, inner), inner) for inner in reversed(place.type.fields)]


def same_type(left: Type, right: Type) -> bool:
    """Whether two types say the same, tags and guards included; cycles are taken to agree."""
    return _same(left, right, set())


def same_field(left: Field, right: Field) -> bool:
    """Whether two places say the same to a reader of the schema."""
    return _same_place(left, right, set())


def _same(left: Type, right: Type, assumed: set[tuple[int, int]]) -> bool:
    if left is right or (id(left), id(right)) in assumed:
        return True
    if left.kind != right.kind or len(left.fields) != len(right.fields) or left.attrs != right.attrs:
        return False
    assumed.add((id(left), id(right)))
    return all(_same_place(a, b, assumed) for a, b in zip(left.fields, right.fields, strict=True))


def _same_place(left: Field, right: Field, assumed: set[tuple[int, int]]) -> bool:
    return (
        left.name == right.name
        and left.null == right.null
        and left.tags == right.tags
        and left.guards == right.guards
        and left.attrs == right.attrs
        and _same(left.type, right.type, assumed)
    )
