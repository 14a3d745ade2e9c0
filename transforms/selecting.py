"""Transforms that change leaves: they name places by paths and tags, and say what happens to one of them.

A leaf transform writes one function, from a place to the new place and what to apply to its values. The rest is
here: selecting, unions, one column step for each place, the guard that coverage looks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, model_validator
from pydantic import Field as Option

from registry.schema.paths import BadPath, Matcher, parse_path
from registry.schema.tree import Field, Guard, Shape, Type, leaves, same_type
from registry.schema.walk import Walk, edit_leaves, rewrite, select
from transforms.outcome import Rejected, Unbindable
from transforms.transform import Apply, Boolean, Bound, ColumnStep, Context, DistinctList, TextList, Transform

Leaf = Callable[[Field], tuple[Field, Apply]]


def _readable(paths: tuple[str, ...]) -> tuple[str, ...]:
    for path in paths:
        try:
            parse_path(path)
        except BadPath as error:
            raise ValueError(str(error)) from None
    return paths


Paths = Annotated[DistinctList, AfterValidator(_readable)]


class Selecting(Transform):
    """A transform of the places that `fields` (path patterns) and `tags` (globs) select."""

    fields: Paths = Option(default=(), description="Path patterns of the places to transform.")
    tags: TextList = Option(default=(), description="Globs over tags: each leaf that carries one is transformed.")
    strict: Boolean = Option(
        default=False,
        description="Whether a selection that finds nothing in a schema is an error, not a warning.",
    )

    @model_validator(mode="after")
    def _selects_something(self) -> Self:
        if not self.fields and not self.tags:
            raise ValueError("fields or tags must say what to transform")
        return self

    def selects_by_tags(self) -> bool:
        return bool(self.tags)

    def over(
        self,
        shape: Shape,
        context: Context,
        leaf: Leaf,
        *,
        guard: Callable[[Field], Guard | None],
        nulls: bool = False,
    ) -> Bound:
        """Bind `leaf` to every selected place. `guard` says what protects a place from then on, None for nothing."""
        walk = select(shape.side(self.side), Matcher(self.fields, self.tags))
        if walk is None:
            if self.strict and shape.side(self.side).type.kind != "null":
                raise Unbindable(f"transforms.{context.alias}: nothing in this schema is selected, and strict=true")
            return Bound(shape, matched=False)
        steps: dict[int, ColumnStep] = {}
        only = {id(place): walk.only(place) for place in walk.places()}

        def guarded(field: Field) -> tuple[Field, Apply]:
            new, apply = leaf(field)
            if new.type.kind != field.type.kind:
                new = _without_default(new)
            return _guarded(_gathering_tags(field, new), guard(field)), apply

        def edit(place: Walk, field: Field) -> Field:
            new, apply = _leaf_of(place, field, guarded)
            steps[id(place)] = ColumnStep(self.side, only[id(place)], apply, nulls)
            return new

        for place in walk.places():
            if place.beneath:
                _, apply = leaf(place.field)
                steps[id(place)] = ColumnStep(self.side, only[id(place)], apply, nulls)
        root = rewrite(walk, edit)
        touched = tuple(place.field.origin for place in walk.places())
        return Bound(shape.with_side(self.side, root), tuple(steps[id(p)] for p in walk.places()), touched)


def _without_default(field: Field) -> Field:
    """A default of the old type is none of the new; null still is."""
    if field.attrs.get("default") is None:
        return field
    return field.but(attrs={**field.attrs, "default": None}) if field.null == 0 else field.without_attrs("default")


def _gathering_tags(old: Field, new: Field) -> Field:
    """A container that becomes a leaf answers for the tags of all that was in it."""
    if not new.type.is_leaf or old.type.is_leaf:
        return new
    return new.but(tags=new.tags.union(*(leaf.tags for _, leaf in leaves(old))))


def _guarded(field: Field, guard: Guard | None) -> Field:
    """The place with every leaf in it marked as protected."""
    if guard is None:
        return field
    return edit_leaves(field, lambda leaf: leaf.but(guards=(*leaf.guards, guard)))


def _leaf_of(place: Walk, field: Field, leaf: Leaf) -> tuple[Field, Apply]:
    if field.type.kind != "union":
        return leaf(field)
    return _union(field, place.branches or tuple(range(len(field.type.fields))), leaf)


def _union(field: Field, taken: tuple[int, ...], leaf: Leaf) -> tuple[Field, Apply]:
    """Apply `leaf` to these branches of a union; branches that become equal are made one."""
    branches = list(field.type.fields)
    applies: dict[str, Apply] = {}
    for index in taken:
        branch = branches[index].but(tags=field.tags | branches[index].tags)
        branches[index], applies[branch.at] = leaf(branch)
    merged: list[Field] = []
    becomes: dict[str, str] = {}
    for branch in branches:
        index = next((i for i, known in enumerate(merged) if same_type(known.type, branch.type)), len(merged))
        if index == len(merged):
            merged.append(branch)
        else:
            merged[index] = _both(merged[index], branch)
        becomes[branch.at] = merged[index].at
    if len({_union_name(branch.type) for branch in merged}) != len(merged):
        raise Unbindable(f"{field.origin}: two branches of the union would have one name", path=field.origin)
    alone = len(merged) == 1
    if alone:
        new = field.but(type=merged[0].type, tags=field.tags | merged[0].tags, guards=merged[0].guards)
    else:
        new = field.but(type=Type("union", tuple(merged), field.type.attrs))
    return new, lambda boxes: _apply_branches(boxes, applies, becomes, alone)


def _both(one: Field, other: Field) -> Field:
    """Two branches made one: sensitive if either was, protected only if both are."""
    others = {guard.untyped(): guard for guard in other.guards}
    shared = (guard if others.get(guard.untyped()) == guard else guard.untyped() for guard in one.guards)
    return one.but(tags=one.tags | other.tags, guards=tuple(guard for guard in shared if guard.untyped() in others))


def _union_name(type_: Type) -> str:
    return str(type_.attrs.get("name", type_.kind))


def _apply_branches(boxes: list[Any], applies: dict[str, Apply], becomes: dict[str, str], alone: bool) -> list[Any]:
    """Transform boxed values (`{"b1": value}`) branch by branch, in place of order."""
    out: list[Any] = [None] * len(boxes)
    for at, target in becomes.items():
        rows = [row for row, box in enumerate(boxes) if box is not None and at in box]
        values = [boxes[row][at] for row in rows]
        apply = applies.get(at)
        for row, value in zip(rows, apply(values) if apply else values, strict=True):
            out[row] = value if alone or isinstance(value, Rejected) else {target: value}
    return out
