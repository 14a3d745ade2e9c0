"""Places that are moved as a whole: what their tags and guards come to when they are no tree any more."""

from __future__ import annotations

from copy import deepcopy

from registry.schema.settle import Convert, settled
from registry.schema.tree import Field, Guard, Type, leaves


def summary(place: Field) -> Field:
    """The place as one leaf that answers for all that is in it: every tag, and guarded only if every leaf is."""
    if place.type.is_leaf:
        return place
    inside = [leaf for _, leaf in leaves(place)]
    guards = _shared([leaf for leaf in inside if leaf.tags])
    return place.but(type=Type(place.type.kind), guards=guards).tagged_as(inside)


def _shared(tagged: list[Field]) -> tuple[Guard, ...]:
    if not tagged or not all(leaf.guards for leaf in tagged):
        return ()
    return tuple(dict.fromkeys(guard for leaf in tagged for guard in leaf.guards))


def beneath(place: Field, name: str) -> Field:
    """The place of this name in a value without a schema: the one that is declared, else one that inherits."""
    declared = {inner.name: inner for inner in place.type.fields}
    inherited = Field(name, name, Type("any"), null=0, guards=place.guards).tagged_as([place])
    return declared.get(name, inherited)


def copied(place: Field) -> tuple[Field, Convert]:
    """The place for a second time: every value under its name, in containers that it shares with nobody."""
    if place.type.kind == "any":
        return place, deepcopy
    return settled(place)
