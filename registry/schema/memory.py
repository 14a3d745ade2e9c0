"""What the earlier versions of a subject said: of places, and of named types wherever they are used.

A place is found again by its path. A named type that is used at a new place has none there: what its own definition
said (tags on it and inside it, and claims by its name) holds for every use of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from registry.schema.earlier import Remembered, names_of
from registry.schema.tree import Field, Type

TypesApart = Mapping[str, Callable[[], Field]]
"""Full name to the named type apart from where it is used, with the tags that it has everywhere."""


class Memory:
    """The versions of one subject, added in order."""

    def __init__(self) -> None:
        self.root = Remembered()
        self._defined: dict[str, dict[str, Callable[[], Field]]] = {}
        self._types: dict[str, Remembered] = {}

    def add(self, root: Field, types: TypesApart, version: str) -> None:
        """Remember a tree whose tags have been carried to its leaves; `version` names the schema for people."""
        self.root.add(root, version)
        self.add_types(types, version)

    def add_types(self, types: TypesApart, version: str) -> None:
        """Remember the named types of a version alone: of a schema that others refer to, the root is nowhere."""
        for name, apart in types.items():
            self._defined.setdefault(name, {})[version] = apart
            if name in self._types:
                self._types[name].add(apart(), version)

    def anew(self, type_: Type, known: Sequence[Remembered]) -> Iterator[Remembered]:
        """What versions said of a named type, by name or alias, if one of them did not have it at this place.

        `known` is what is remembered of the place.
        """
        names = names_of(type_)
        here = {version for each in known for name in names for version in each.versions(name)}
        for name in names:
            if self._defined.get(name, {}).keys() - here:
                yield self._type(name)

    def _type(self, name: str) -> Remembered:
        if name not in self._types:
            self._types[name] = Remembered()
            for version, apart in self._defined[name].items():
                self._types[name].add(apart(), version)
        return self._types[name]
