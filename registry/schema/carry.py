"""Carrying tags down: every place gets the tags that hold around it, so that it can be moved without losing any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from registry.schema.avro import BadSchema
from registry.schema.claims import Claims, Releases
from registry.schema.earlier import Branches, Remembered, matching, within
from registry.schema.memory import Memory
from registry.schema.paths import States
from registry.schema.tree import NAMED, NO_TAGS, Field, TagSource, Type, step_into

MOST_PLACES = 50_000

_Key = tuple[object, ...]


def push_down(
    root: Field,
    claims: Claims | None = None,
    releases: Releases | None = None,
    earlier: Sequence[Memory] = (),
) -> Field:
    """Carry the tags of every place to what is inside it: its own, those claimed, and those of earlier versions.

    Each place also learns its origin: its path in this tree, with `key` before it on the key's side. A type that
    several places use becomes a type of each, because they may fare differently; only recursion is kept as a
    cycle. (Tags grow on the way down, so a recursive type that meets itself with more of them goes round again.)
    Raises `BadSchema` when that makes too many places.
    """
    return _Carrying(claims or Claims(), releases or Releases(), earlier).root(root)


def push_down_apart(place: Field, claims: Claims) -> Field:
    """The same for a named type apart from where it is used: of the claims, those that mean records by name count."""
    return _Carrying(claims, Releases(), ()).apart(place)


class _Around(NamedTuple):
    """What holds for all that is inside a place, and how far its paths have come."""

    sources: tuple[TagSource, ...]
    tags: frozenset[str]
    claims: States
    releases: States
    active: frozenset[int]


class _Carrying:
    def __init__(self, claims: Claims, releases: Releases, earlier: Sequence[Memory]) -> None:
        self._claims = claims
        self._releases = releases
        self._earlier = earlier
        self._open: dict[_Key, Type] = {}
        self._places = 0

    def root(self, root: Field) -> Field:
        path = "" if root.name == "value" and not root.type.is_leaf else root.name
        around = _Around((), NO_TAGS, self._claims.start(), self._releases.start(), frozenset())
        return self._place(
            root, path, around, self._claims.at(around.claims), [memory.root for memory in self._earlier]
        )

    def apart(self, place: Field) -> Field:
        return self._place(place, "", _Around((), NO_TAGS, frozenset(), frozenset(), frozenset()), (), ())

    def _place(
        self,
        place: Field,
        path: str,
        around: _Around,
        claimed: Sequence[TagSource],
        known: Sequence[Remembered],
        *,
        branch: bool = False,
    ) -> Field:
        """The place as `around` leads to it; `known` is what the earlier versions had there."""
        self._places += 1
        if self._places > MOST_PLACES:
            raise BadSchema(f"the schema has more than {MOST_PLACES} places")
        type_ = place.type
        if self._earlier and type_.kind in NAMED:
            known = (*known, *(each for memory in self._earlier for each in memory.anew(type_, known)))
        added: list[TagSource] = [*place.tag_sources, *claimed]
        inside: Branches = ()
        if known:
            added += [source for each in known for source in each.sources.values()]
            if type_.kind != "union":
                inside, answered = matching(known, type_, in_union=branch)
                added += answered
        if added:
            around = _with(around, added)
        if self._releases:
            around = self._released(around, path)
        new = Type(type_.kind, (), type_.attrs) if type_.is_leaf else self._type(type_, path, around, known, inside)
        return Field(
            place.name, place.at, new, place.null, around.tags, place.guards, path, place.attrs, around.sources
        )

    def _released(self, around: _Around, path: str) -> _Around:
        active = around.active | self._releases.at(around.releases)
        if not active:
            return around
        sources = self._releases.left(around.sources, active, path)
        tags = frozenset(source.tag for source in sources)
        return around._replace(sources=sources, tags=tags, active=active)

    def _type(self, type_: Type, path: str, around: _Around, known: Sequence[Remembered], inside: Branches) -> Type:
        key = self._key(type_, around, known if type_.kind == "union" else inside)
        if key in self._open:
            return self._open[key]
        new = self._open[key] = Type(type_.kind, (), type_.attrs)
        if type_.kind == "union":
            fields = [self._place(inner, path, around, (), known, branch=True) for inner in type_.fields]
        else:
            fields = self._fields(type_, path, around, inside)
        new.close(tuple(fields))
        del self._open[key]
        return new

    def _fields(self, type_: Type, path: str, around: _Around, inside: Branches) -> list[Field]:
        claims = self._claims
        record = type_.attrs.get("name", "") if type_.kind == "record" else ""
        states = claims.within(around.claims, record)
        named = bool(record) and claims.of_fields
        fields = []
        for inner in type_.fields:
            led = around
            claimed: Sequence[TagSource] = ()
            if states or around.releases:
                reached = claims.step(states, inner.name)
                led = _Around(
                    around.sources,
                    around.tags,
                    reached,
                    self._releases.step(around.releases, inner.name),
                    around.active,
                )
                claimed = claims.at(reached) if reached else ()
            if named:
                claimed = [*claimed, *claims.of_field(record, inner.name)]
            fields.append(self._place(inner, step_into(path, inner), led, claimed, within(inside, inner)))
        return fields

    def _key(self, type_: Type, around: _Around, known: Sequence[Remembered] | Branches) -> _Key:
        """Equal where all inside a type fares the same. Who says a tag does not matter, but for what may let it go."""
        firm = frozenset(s.tag for s in around.sources if s.kind != "earlier version") if self._releases else None
        memory = tuple(map(id, known))
        claims, releases = self._claims.onward(around.claims), self._releases.onward(around.releases)
        return id(type_), around.tags, firm, claims, releases, around.active, memory


def _with(around: _Around, added: Sequence[TagSource]) -> _Around:
    """With these sources; what earlier versions say is left out where it is said already."""
    tags = set(around.tags)
    tags.update(source.tag for source in added if source.kind != "earlier version")
    sources = dict.fromkeys(around.sources)
    for source in added:
        if source.kind == "earlier version":
            if source.tag in tags:
                continue
            tags.add(source.tag)
        sources[source] = None
    return around._replace(sources=tuple(sources), tags=frozenset(tags))
