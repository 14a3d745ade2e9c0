"""Selecting places of a tree, and making a new tree of what a transform does to them.

`select` walks the type graph together with a matcher and keeps only what leads to a selected place. The
result mirrors the schema, cycles included, so it also tells a codec which way to go for the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry.schema.paths import Matcher, States
from registry.schema.tree import Field, Type, step_into


@dataclass(slots=True, eq=False)
class Walk:
    """One place on the way to selected places, or one of them.

    `branches` narrows a selected union to those of its branches that are meant. `beneath` is set at a place
    without a schema: the selection goes on inside the values, with this matcher and these states. Only
    `select` and `apart` build walks; to everybody else they are immutable.
    """

    field: Field
    path: str
    selected: bool = False
    branches: tuple[int, ...] | None = None
    beneath: tuple[Matcher, States] | None = None
    children: tuple[Walk, ...] = ()

    def places(self) -> Iterator[Walk]:
        """Each selected place, in schema order, once."""
        return (walk for walk in self._all() if walk.selected or walk.beneath)

    def apart(self) -> Iterator[tuple[Walk, Walk]]:
        """Each selected place as in `places`, with the walk that leads to this one alone."""
        above: dict[int, list[tuple[Walk, int, Walk]]] = {}
        for walk in self._all():
            for index, child in enumerate(walk.children):
                above.setdefault(id(child), []).append((walk, index, child))
        for place in self.places():
            yield place, self._leading_to(place, above)

    def _leading_to(self, place: Walk, above: Mapping[int, Sequence[tuple[Walk, int, Walk]]]) -> Walk:
        """Copies of the walks from which the place can be reached, found from the place upwards."""
        copies: dict[int, Walk] = {}
        kept: dict[int, list[tuple[int, Walk]]] = {}
        todo = [place]
        while todo:
            walk = todo.pop()
            if id(walk) in copies:
                continue
            copies[id(walk)] = Walk(walk.field, walk.path)
            for parent, index, child in above.get(id(walk), ()):
                kept.setdefault(id(parent), []).append((index, child))
                todo.append(parent)
        for walk_id, children in kept.items():
            ordered = sorted(children, key=lambda each: each[0])
            copies[walk_id].children = tuple(copies[id(child)] for _, child in ordered)
        alone = copies[id(place)]
        alone.selected, alone.branches, alone.beneath = place.selected, place.branches, place.beneath
        return copies[id(self)]

    def _all(self) -> Iterator[Walk]:
        seen: set[int] = set()
        stack = [self]
        while stack:
            walk = stack.pop()
            if id(walk) not in seen:
                seen.add(id(walk))
                yield walk
                stack += reversed(walk.children)


def select(root: Field, matcher: Matcher) -> Walk | None:
    """The walk to every place that the matcher selects, or None where it selects nothing.

    A selected container is taken whole: nothing inside it is selected again. A union whose leaf branches are
    selected counts as one selected place, because its branches may become one.
    """
    walks: dict[tuple[int, States], Walk] = {}
    goals: set[int] = set()

    def visit(place: Field, path: str, states: States) -> Walk:
        memo = (id(place), states)
        if memo in walks:
            return walks[memo]
        walk = walks[memo] = Walk(place, path)
        if place.type.kind == "null":
            return walk
        if matcher.accepts(states, place):
            walk.selected = True
        elif place.type.kind == "union":
            _visit_union(walk, states)
        else:
            walk.children = tuple(_visit_fields(place.type, path, states))
        if place.type.kind == "any" and states and not walk.selected:
            walk.beneath = (matcher, states)
        if walk.selected or walk.beneath:
            goals.add(id(walk))
        return walk

    def _visit_fields(type_: Type, path: str, states: States) -> Iterator[Walk]:
        for inner in type_.fields:
            reached = matcher.advance(states, inner)
            if inner.type.is_leaf and inner.type.kind != "any" and not matcher.accepts(reached, inner):
                continue  # nearly all leaves of a wide record: they lead nowhere
            yield visit(inner, step_into(path, inner), reached)

    def _visit_union(walk: Walk, states: States) -> None:
        branches = walk.field.type.fields
        taken = tuple(i for i, b in enumerate(branches) if b.type.is_leaf and matcher.accepts(states, b))
        walk.selected = bool(taken)
        walk.branches = taken or None
        walk.children = tuple(visit(b, walk.path, states) for b in branches if not b.type.is_leaf)

    start = visit(root, "", matcher.start())
    reaching = _reaching(start, goals)
    if id(start) not in reaching:
        return None
    for walk in walks.values():
        walk.children = tuple(child for child in walk.children if id(child) in reaching)
    return start


def rewrite(walk: Walk, edit: Callable[[Walk, Field], Field | None]) -> Field:
    """The tree in which each selected place is what `edit` makes of it; None drops it.

    `edit` gets the walk and the place as it is by then: in a union that is selected and also walked through,
    the walked branches are already rewritten. Only a record's fields can be dropped; dropping another place
    raises `CannotDrop`.
    """
    types: dict[int, Type] = {}

    def visit(walk: Walk) -> Field | None:
        if walk.children:
            place = walk.field.but(type=rebuild(walk))
            return edit(walk, place) if walk.selected else place
        return edit(walk, walk.field) if walk.selected else walk.field

    def rebuild(walk: Walk) -> Type:
        if id(walk) in types:
            return types[id(walk)]
        old = walk.field.type
        new = types[id(walk)] = Type(old.kind, (), old.attrs)
        edited = {id(child.field): visit(child) for child in walk.children}
        if old.kind != "record" and None in edited.values():
            raise CannotDrop(walk.path)
        fields = (edited.get(id(inner), inner) for inner in old.fields)
        new.close(tuple(inner for inner in fields if inner is not None))
        return new

    root = visit(walk)
    if root is None:
        raise CannotDrop(walk.path)
    return root


def edit_leaves(root: Field, edit: Callable[[Field], Field]) -> Field:
    """The tree with every leaf replaced by what `edit` makes of it."""
    types: dict[int, Type] = {}

    def visit(place: Field) -> Field:
        return edit(place) if place.type.is_leaf else place.but(type=rebuild(place.type))

    def rebuild(type_: Type) -> Type:
        if id(type_) not in types:
            new = types[id(type_)] = Type(type_.kind, (), type_.attrs)
            new.close(tuple(visit(inner) for inner in type_.fields))
        return types[id(type_)]

    return visit(root)


class CannotDrop(ValueError):
    """A place that cannot be dropped alone: a root, an array's items, a map's keys or values, a branch."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path or 'the root'} cannot be dropped alone")
        self.path = path


def _reaching(start: Walk, goals: set[int]) -> set[int]:
    """The walks from which one of the goals can be reached."""
    parents: dict[int, list[int]] = {}
    seen = {id(start)}
    stack = [start]
    while stack:
        walk = stack.pop()
        for child in walk.children:
            parents.setdefault(id(child), []).append(id(walk))
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    reached: set[int] = set()
    todo = [goal for goal in goals if goal in seen]
    while todo:
        walk_id = todo.pop()
        if walk_id not in reached:
            reached.add(walk_id)
            todo += parents.get(walk_id, ())
    return reached
