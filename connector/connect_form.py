"""Schemas as Kafka Connect's Avro data shows them.

Connect knows less than Avro: whether a place is optional and whether it has a default, but not where null stands in
a union. So a schema that was read and written back has one form, and whole-record envelopes carry it: an optional
field with a default is `[T, "null"]`, any other optional place `["null", T]`; the default of a place that is no
field is `connect.default` on its type; a record without a name is `ConnectDefault`, `ConnectDefault2`, ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from registry.schema.printer import UNNAMED, schema_of
from registry.schema.tree import Field, Type

DEFAULT = "connect.default"
_STANDS_FOR_NO_NAME = re.compile(rf"{UNNAMED}\d*")


def from_connect(root: Field) -> Field:
    """The tree of a schema in Connect's form: every default lies with its place, unnamed records have no name."""
    return _rebuilt(root, _default_from_type, _without_stand_in)


def to_connect(root: Field, tags_property: str) -> Any:
    """The schema of a side in Connect's form, as JSON objects; None for a side that has no schema."""
    if root.type.kind in ("null", "any"):
        return None
    return schema_of(_rebuilt(root, _in_connect_form, dict), tags_property)


def optional_everywhere(root: Field) -> Field:
    """The same tree with null allowed at every place, to show values that would not pass as they are."""
    return _rebuilt(root, lambda place, _: place if place.null is not None else place.but(null=0), dict)


def _rebuilt(
    root: Field,
    edit: Callable[[Field, bool], Field],
    attrs: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Field:
    """A new tree, cycles included. `edit` also learns whether the place is a record's field."""
    types: dict[int, Type] = {}

    def visit(place: Field, is_field: bool) -> Field:
        return edit(place.but(type=rebuild(place.type)), is_field)

    def rebuild(type_: Type) -> Type:
        if id(type_) not in types:
            new = types[id(type_)] = Type(type_.kind, (), attrs(type_.attrs))
            new.close(tuple(visit(inner, type_.kind == "record") for inner in type_.fields))
        return types[id(type_)]

    return visit(root, False)


def _without_stand_in(attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    name = attrs.get("name")
    if isinstance(name, str) and _STANDS_FOR_NO_NAME.fullmatch(name):
        return {key: value for key, value in attrs.items() if key != "name"}
    return attrs


def _default_from_type(place: Field, is_field: bool) -> Field:
    del is_field
    if DEFAULT not in place.type.attrs:
        return place
    plain = Type(place.type.kind, (), {k: v for k, v in place.type.attrs.items() if k != DEFAULT})
    plain.close(place.type.fields)
    return place.but(type=plain, attrs={"default": place.type.attrs[DEFAULT], **place.attrs})


def _in_connect_form(place: Field, is_field: bool) -> Field:
    default = place.attrs.get("default")
    attrs = {key: value for key, value in place.attrs.items() if key != "default"}
    null = place.null
    if null is not None:
        null = 1 if is_field and default is not None else 0
    if is_field and (default is not None or null is not None):
        return place.but(null=null, attrs={**attrs, "default": default})
    if default is not None:
        return place.but(null=null, attrs=attrs, type=place.type.with_attrs(**{DEFAULT: default}))
    return place.but(null=null, attrs=attrs)
