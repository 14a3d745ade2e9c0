"""Settling: bringing values to where their names say they are.

Renames and drops change a tree and leave the values alone. A step that reads or replaces whole values wants
them as the tree shows them: each field under its name, dropped ones gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.schema.tree import Field, Type

Convert = Callable[[Any], Any]


def settled(root: Field) -> tuple[Field, Convert]:
    """The tree with every value under its name, and the function that copies a value into that form."""
    types: dict[int, Type] = {}
    converts: dict[int, Convert] = {}

    def place(place: Field, *, named: bool = False) -> Field:
        return place.but(type=rebuild(place.type), at=place.name if named else place.at)

    def rebuild(type_: Type) -> Type:
        if type_.is_leaf or type_.kind == "any":
            return type_
        if id(type_) not in types:
            new = types[id(type_)] = Type(type_.kind, (), type_.attrs)
            new.close(tuple(place(inner, named=type_.kind == "record") for inner in type_.fields))
        return types[id(type_)]

    def convert(type_: Type) -> Convert:
        if type_.is_leaf or type_.kind == "any":
            return _same
        if id(type_) not in converts:
            # A recursive type meets itself before it is finished.
            converts[id(type_)] = lambda value: None if value is None else converts[id(type_)](value)
            converts[id(type_)] = _nullable(_copying(type_, convert))
        return converts[id(type_)]

    return place(root), convert(root.type)


def _copying(type_: Type, convert: Callable[[Type], Convert]) -> Convert:
    match type_.kind:
        case "record":
            parts = [(field.name, field.at, convert(field.type)) for field in type_.fields]
            return lambda value: {name: inner(value[at]) for name, at, inner in parts}
        case "array":
            items = convert(type_.fields[0].type)
            return lambda value: [items(item) for item in value]
        case "map":
            values = convert(type_.fields[1].type)
            return lambda value: {key: values(item) for key, item in value.items()}
        case _:
            branches = {branch.at: convert(branch.type) for branch in type_.fields}
            return lambda box: {at: branches[at](value) for at, value in box.items()}


def _nullable(copy: Convert) -> Convert:
    return lambda value: None if value is None else copy(value)


def _same(value: Any) -> Any:
    return value
