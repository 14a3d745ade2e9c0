"""What earlier versions of a subject said of places, found again in a later one by name or alias.

Versions are remembered in order. A place is found by its path; a record's field also by the aliases that it has now
and by those that it had then, so that a rename keeps the tags. What cannot be found again exactly is answered for by
what stands in its place: a leaf that was a container has the tags of all that was in it, and a union's branch that is
new those of every branch before. The names of types do not matter where there is no union.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from registry.schema.tree import Field, TagSource, Type


class Remembered:
    """A place as the earlier versions had it: who said last that a tag holds, and what was inside, by type."""

    __slots__ = ("_branches", "sources")

    def __init__(self) -> None:
        self.sources: dict[str, TagSource] = {}
        self._branches: dict[str, _Branch] = {}

    def add(self, place: Field, version: str) -> None:
        """Remember a tree whose tags have been carried to its leaves; `version` names the schema for people."""
        _Adding(version).place(self, place)

    def branch(self, type_: Type) -> _Branch:
        name = _name(type_)
        if name not in self._branches:
            self._branches[name] = _Branch(type_.kind)
        return self._branches[name]

    def link(self, type_: Type, branch: _Branch) -> bool:
        """Let a recursive type be what it is; False where something is remembered for it already."""
        return self._branches.setdefault(_name(type_), branch) is branch

    def named(self, type_: Type) -> Sequence[_Branch]:
        """What was here under the type's name or alias, else all that was here."""
        known = [self._branches[name] for name in names_of(type_) if name in self._branches]
        return known or self.branches()

    def versions(self, name: str) -> Set[str]:
        """The versions that had a type of this name here."""
        return self._branches[name].versions if name in self._branches else frozenset()

    def branches(self) -> Sequence[_Branch]:
        return list(self._branches.values())


class _Branch:
    """What was inside a place while it held values of one type."""

    __slots__ = ("_aliases", "kind", "places", "sources", "versions")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.versions: set[str] = set()
        self.sources: dict[str, TagSource] = {}
        self.places: dict[str, Remembered] = {}
        self._aliases: dict[str, set[str]] = {}

    def alias(self, alias: str, name: str) -> None:
        """Let a place be found by an alias that it had."""
        self._aliases.setdefault(alias, set()).add(name)

    def called(self, name: str) -> Sequence[Remembered]:
        """The place of this name, else those that had it as an alias."""
        if name in self.places:
            return [self.places[name]]
        return [self.places[each] for each in sorted(self._aliases.get(name, ()))]


Branches = tuple[_Branch, ...]


class _Adding:
    """Adds one version. A recursive type that is met again is what it was when it was met first."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._around: dict[int, _Branch] = {}
        self._done: set[tuple[int, int]] = set()

    def place(self, known: Remembered, place: Field) -> None:
        self._note(known.sources, place)
        if place.type.kind != "union":
            self._type(known, place.type)
            return
        for branch in place.type.fields:
            self._note(known.branch(branch.type).sources, branch)
            self._type(known, branch.type)

    def _note(self, sources: dict[str, TagSource], place: Field) -> None:
        for source in place.tag_sources:
            if source.kind == "earlier version":
                sources.setdefault(source.tag, source)
            else:
                where = f"{source.where}, {self._version}"
                sources[source.tag] = TagSource(source.tag, "earlier version", where)

    def _type(self, known: Remembered, type_: Type) -> None:
        around = self._around.get(id(type_))
        if around is not None and known.link(type_, around):
            return
        branch = known.branch(type_)
        branch.versions.add(self._version)
        if type_.is_leaf or (id(branch), id(type_)) in self._done:
            return
        self._done.add((id(branch), id(type_)))
        self._around.setdefault(id(type_), branch)
        for inner in type_.fields:
            self.place(branch.places.setdefault(inner.name, Remembered()), inner)
            for alias in _aliases(inner.attrs):
                branch.alias(alias, inner.name)
        if around is None:
            del self._around[id(type_)]


def matching(known: Sequence[Remembered], type_: Type, *, in_union: bool) -> tuple[Branches, Sequence[TagSource]]:
    """What the earlier versions had inside a place that now has this type, and the tags that the place answers for.

    Those are the tags of the type itself, and of all inside where the type is of another kind by now.
    """
    inside: list[_Branch] = []
    own: dict[TagSource, None] = {}
    for each in known:
        for branch in each.named(type_) if in_union else each.branches():
            own.update(dict.fromkeys(branch.sources.values()))
            if branch.kind != type_.kind:
                own.update(dict.fromkeys(_all_in(branch)))
            elif branch.places:
                inside.append(branch)
    return tuple(inside), list(own)


def within(inside: Branches, place: Field) -> tuple[Remembered, ...]:
    """What the earlier versions said of a place inside, by its name and its aliases."""
    if not inside:
        return ()
    names = (place.name, *_aliases(place.attrs))
    found = {id(known): known for branch in inside for name in names for known in branch.called(name)}
    return tuple(found.values())


def _all_in(branch: _Branch) -> Iterator[TagSource]:
    seen: set[int] = set()
    todo = [branch]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield from each.sources.values()
        for place in each.places.values():
            yield from place.sources.values()
            todo += place.branches()


def names_of(type_: Type) -> Sequence[str]:
    """The type's full name and aliases; of one without a name its kind."""
    return [_name(type_), *_aliases(type_.attrs, str(type_.attrs.get("name", "")).rpartition(".")[0])]


def _name(type_: Type) -> str:
    return str(type_.attrs.get("name", type_.kind))


def _aliases(attrs: Mapping[str, Any], namespace: str = "") -> Sequence[str]:
    given = attrs.get("aliases")
    if not isinstance(given, list):
        return ()
    names = [name for name in given if isinstance(name, str)]
    return [f"{namespace}.{name}" if namespace and "." not in name else name for name in names]
