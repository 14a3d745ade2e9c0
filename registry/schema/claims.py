"""What says by pattern where tags hold: metadata, the configuration, the tag catalogue.

A pattern is a record path (`profile.ssn`), from a schema's root or from every record of some name, or Confluent's
glob over `namespace.Record.field` with the nearest enclosing record (`?` one character, `*` any within a segment,
`**` any at all). All of them are walked as one automaton, so that a thousand cost little more than one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

from registry.schema.paths import BadPath, Paths, States, TagGlobs
from registry.schema.tree import TagSource


class Claim(NamedTuple):
    """Tags that some pattern claims; `name` is what reports call the pattern. One of a `record` holds only there."""

    name: str
    sources: tuple[TagSource, ...]
    record: str | None = None


class Claims:
    """The claims on one schema, and which of them have found a place so far."""

    def __init__(self) -> None:
        self._all: list[Claim] = []
        self._found: set[int] = set()
        self._met: set[str] = set()
        self._paths = Paths()
        self._by_path: list[int] = []
        self._beginnings: dict[str, int] = {}
        self._exact: dict[str, list[tuple[int, Set[str] | None]]] = {}
        # By the field's name where the glob has that, else by None: of many globs few are tried on a field.
        self._globs: dict[str | None, list[tuple[re.Pattern[str], int, Set[str] | None]]] = {}

    def by_path(self, path: str, claim: Claim) -> None:
        """Adds a claim by path. Raises `BadPath`."""
        self._paths.add(path, self._beginning(claim.record))
        self._by_path.append(len(self._all))
        self._all.append(claim)

    def _beginning(self, record: str | None) -> int:
        if record is None:
            return 0
        if record not in self._beginnings:
            self._beginnings[record] = self._paths.begin()
        return self._beginnings[record]

    def by_either(self, pattern: str, claim: Claim, records: Set[str] | None = None) -> None:
        """Adds a claim whose pattern may be of either dialect; Confluent's means these records alone, or all."""
        try:
            self.by_path(pattern, claim)
        except BadPath:
            self._all.append(claim)
        number = len(self._all) - 1
        if "*" in pattern or "?" in pattern:
            name = pattern.rpartition(".")[2]
            known = None if "*" in name or "?" in name else name
            self._globs.setdefault(known, []).append((qualified_glob(pattern), number, records))
        else:
            self._exact.setdefault(pattern, []).append((number, records))

    @property
    def of_fields(self) -> bool:
        """Whether anything is claimed by name."""
        return bool(self._exact or self._globs)

    def start(self) -> States:
        return self._paths.start()

    def step(self, states: States, name: str) -> States:
        return self._paths.step(states, name)

    def onward(self, states: States) -> States:
        return self._paths.onward(states)

    def within(self, states: States, record: str) -> States:
        """The states at the fields of a record: those on the way, and those that start there."""
        beginning = self._beginnings.get(record)
        if beginning is None:
            return states
        self._met.add(record)
        return states | self._paths.start(beginning)

    def at(self, states: States) -> Sequence[TagSource]:
        """What is claimed by path for the place that was reached with `states`."""
        return self._claimed(self._by_path[number] for number in self._paths.ends(states))

    def of_field(self, record: str, name: str) -> Sequence[TagSource]:
        """What is claimed by name for a record's field."""
        qualified = f"{record}.{name}"
        matching = [*self._exact.get(qualified, ())]
        globs = (*self._globs.get(name, ()), *self._globs.get(None, ()))
        matching += [(number, records) for glob, number, records in globs if glob.fullmatch(qualified)]
        return self._claimed(number for number, records in matching if records is None or record in records)

    def _claimed(self, numbers: Iterable[int]) -> Sequence[TagSource]:
        found = sorted(numbers)
        self._found.update(found)
        return [source for number in found for source in self._all[number].sources]

    def found(self) -> Iterator[str]:
        """The names of the claims that have found a place."""
        return (self._all[number].name for number in sorted(self._found))

    def missed(self) -> Iterator[str]:
        """The names of the claims that have not, those apart whose record is not in the schema."""
        for number, claim in enumerate(self._all):
            if number not in self._found and (claim.record is None or claim.record in self._met):
                yield claim.name


@lru_cache(maxsize=4096)
def qualified_glob(pattern: str) -> re.Pattern[str]:
    """Confluent's glob over `namespace.Record.field` as a regular expression."""
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    meaning = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)


class Releases:
    """Patterns whose tag is meant to go where only earlier versions carry it, and what they have let go."""

    def __init__(self) -> None:
        self._paths = Paths()
        self._all: list[tuple[str, TagGlobs]] = []
        self._gone: dict[tuple[str, TagSource], str] = {}

    def add(self, tag: str, path: str, name: str) -> None:
        """Lets go of a tag, and of those below it in the hierarchy, at a path and inside. Raises `BadPath`."""
        self._paths.add(path)
        self._all.append((name, TagGlobs([tag])))

    def __bool__(self) -> bool:
        return bool(self._all)

    def start(self) -> States:
        return self._paths.start()

    def step(self, states: States, name: str) -> States:
        return self._paths.step(states, name)

    def onward(self, states: States) -> States:
        return self._paths.onward(states)

    def at(self, states: States) -> frozenset[int]:
        """The releases that begin at the place that was reached with `states`, and hold inside it."""
        return frozenset(self._paths.ends(states))

    def left(self, sources: Sequence[TagSource], active: Set[int], path: str) -> tuple[TagSource, ...]:
        """The sources without those that an active release lets go."""
        kept = []
        for source in sources:
            letting = next((n for n in active if self._all[n][1].match([source.tag])), None)
            if letting is None or source.kind != "earlier version":
                kept.append(source)
            else:
                self._gone.setdefault((self._all[letting][0], source), path)
        return tuple(kept)

    def told(self) -> Iterator[str]:
        """What has gone, for people."""
        return (f"{name} lets {gone.tag} go at {path} ({gone.where})" for (name, gone), path in self._gone.items())

    def missed(self) -> Iterator[str]:
        """The names of the releases that have let nothing go."""
        useful = {name for name, _ in self._gone}
        return (name for name, _ in self._all if name not in useful)
