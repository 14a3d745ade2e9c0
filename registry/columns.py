"""Columns: the values of one place, out of decoded records and back in.

A column is flat: its values in the order of the records, and for each the row it came from, so that
`phones[*].number` is one column. It refers to the places in the records, not to copies: `put` writes the new
values where the old ones lay. Nulls are left out unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

from registry.schema.paths import Matcher, States
from registry.schema.tree import ITEMS, MAP_KEYS, MAP_VALUES, Field
from registry.schema.walk import Walk


class Column(Protocol):
    """The values of one place in some records. `misfits` are rows in which the place cannot be looked for."""

    values: list[Any]

    @property
    def misfits(self) -> Sequence[int]: ...

    def rows(self) -> Sequence[int]:
        """The row of each value."""

    def put(self, values: list[Any]) -> Sequence[int]:
        """Write new values, one for each; returns rows that cannot hold them (map keys that became equal)."""


Gather = Callable[[list[Any]], Column]
"""Decoded records in, one column out."""


def gather(walk: Walk, *, nulls: bool = False) -> Gather:
    """Compile the way to the selected places of a walk. The result may be used for any number of batches."""
    chain = _record_chain(walk)
    if chain is None:
        return lambda roots: _Slots(walk, roots, nulls)
    if not chain:
        return lambda roots: _Roots(roots, nulls or walk.field.null is None)
    leave_in = nulls or chain[-1].null is None
    within = [(walk.field.null is not None, chain[0].at)]
    within += [(outer.null is not None, inner.at) for outer, inner in pairwise(chain)]
    return lambda roots: _Attributes(roots, within, leave_in)


def _record_chain(walk: Walk) -> list[Field] | None:
    """The fields on the way where it leads through records alone to one place, else None."""
    chain: list[Field] = []
    while not walk.selected:
        if walk.field.type.kind != "record" or len(walk.children) != 1:
            return None
        walk = walk.children[0]
        chain.append(walk.field)
    return None if walk.children else chain


class _Roots:
    """The records themselves."""

    misfits: Sequence[int] = ()

    def __init__(self, roots: list[Any], nulls: bool) -> None:
        self._roots = roots
        everything = nulls or None not in roots
        self._rows = range(len(roots)) if everything else [i for i, root in enumerate(roots) if root is not None]
        self.values = list(roots) if everything else [roots[i] for i in self._rows]

    def rows(self) -> Sequence[int]:
        return self._rows

    def put(self, values: list[Any]) -> Sequence[int]:
        for row, value in zip(self._rows, values, strict=True):
            self._roots[row] = value
        return ()


class _Attributes:
    """One field, at the end of a chain of records. The case to be fast in: comprehensions with one key each."""

    misfits: Sequence[int] = ()

    def __init__(self, roots: list[Any], within: list[tuple[bool, str]], nulls: bool) -> None:
        self._roots = roots
        self._within = within
        holders = roots
        for nullable, at in within[:-1]:
            if nullable:
                holders = [holder for holder in holders if holder is not None]
            holders = [holder[at] for holder in holders]
        nullable, at = within[-1]
        if nullable:
            holders = [holder for holder in holders if holder is not None]
        if not nulls:
            holders = [holder for holder in holders if holder[at] is not None]
        self._at = at
        self._nulls = nulls
        self._holders = holders
        self.values = [holder[at] for holder in holders]

    def rows(self) -> Sequence[int]:
        """Found anew: rows are asked for only when something in the column is rejected."""
        pairs = list(enumerate(self._roots))
        for nullable, at in self._within:
            if nullable:
                pairs = [(row, holder) for row, holder in pairs if holder is not None]
            pairs = [(row, holder[at]) for row, holder in pairs]
        return [row for row, value in pairs if self._nulls or value is not None]

    def put(self, values: list[Any]) -> Sequence[int]:
        at = self._at
        for holder, value in zip(self._holders, values, strict=True):
            holder[at] = value
        return ()


class _Slots:
    """Any places: each value lies in some container under some key."""

    def __init__(self, walk: Walk, roots: list[Any], nulls: bool) -> None:
        self.misfits: list[int] = []
        self._rows: list[int] = []
        self._slots: list[tuple[Any, Any]] = []
        self._renamed: list[tuple[int, dict[str, Any]]] = []
        for row, root in enumerate(roots):
            finder = _Finder(nulls)
            if root is not None or (nulls and walk.selected):
                finder.visit(walk, roots, row)
            if finder.misfit:
                self.misfits.append(row)
            else:
                self._slots += finder.slots
                self._rows += [row] * len(finder.slots)
                self._renamed += [(row, holder) for holder in finder.renamed]
        self.values = [key if holder is None else holder[key] for holder, key in self._slots]

    def rows(self) -> Sequence[int]:
        return self._rows

    def put(self, values: list[Any]) -> Sequence[int]:
        new_keys: list[Any] = []
        for (holder, key), value in zip(self._slots, values, strict=True):
            if holder is None:
                new_keys.append(value)
            else:
                holder[key] = value
        return self._rename(iter(new_keys))

    def _rename(self, new_keys: Iterator[Any]) -> Sequence[int]:
        collided = []
        for row, holder in self._renamed:
            renamed = {next(new_keys): value for value in list(holder.values())}
            if len(renamed) != len(holder):
                collided.append(row)
            holder.clear()
            holder.update(renamed)
        return collided


class _Finder:
    """Finds the slots of one record. A slot with no holder is a map's key."""

    def __init__(self, nulls: bool) -> None:
        self.slots: list[tuple[Any, Any]] = []
        self.renamed: list[dict[str, Any]] = []
        self.misfit = False
        self._nulls = nulls

    def visit(self, walk: Walk, holder: Any, key: Any) -> None:
        value = holder[key]
        if walk.selected and (value is not None or self._nulls):
            self.slots.append((holder, key))
        if value is None:
            return
        for child in walk.children:
            self._enter(walk.field, child, value)
        if walk.beneath:
            declared = frozenset(inner.name for inner in walk.field.type.fields)
            self._beneath(*walk.beneath, value, declared)

    def _enter(self, outer: Field, child: Walk, value: Any) -> None:
        inner = child.field
        match outer.type.kind, inner.name:
            case "record", _:
                self.visit(child, value, inner.at)
            case "union", _:
                if inner.at in value:
                    self.visit(child, value, inner.at)
            case "any", _ if not isinstance(value, list if inner.name == ITEMS else dict):
                self.misfit = True
            case _, "[*]":
                for index in range(len(value)):
                    self.visit(child, value, index)
            case _, "{*}":
                for key in value:
                    self.visit(child, value, key)
            case _, "{#}":
                self.slots += [(None, key) for key in value]
                self.renamed.append(value)
            case _:
                if inner.name in value:
                    self.visit(child, value, inner.name)

    def _beneath(self, matcher: Matcher, states: States, value: Any, declared: frozenset[str]) -> None:
        """Go on inside a value without a schema, where a field and a map's entry look the same."""
        if isinstance(value, list):
            inside = matcher.step(states, ITEMS)
            for index in range(len(value)) if inside and ITEMS not in declared else ():
                self._found(matcher, inside, value, index)
        elif isinstance(value, dict):
            entries = matcher.step(states, MAP_VALUES)
            for key in value:
                if key not in declared:
                    self._found(matcher, matcher.step(states, key) | entries, value, key)
            if matcher.done(matcher.step(states, MAP_KEYS)):
                self.slots += [(None, key) for key in value]
                self.renamed.append(value)

    def _found(self, matcher: Matcher, states: States, holder: Any, key: Any) -> None:
        value = holder[key]
        if matcher.done(states):
            if value is not None or self._nulls:
                self.slots.append((holder, key))
        elif states:
            self._beneath(matcher, states, value, frozenset())
