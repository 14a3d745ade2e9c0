"""Trees printed as Avro schemas: the inverse of `registry.schema.avro`, and the only place that writes Avro JSON.

Deterministic: the same tree always prints the same text, because a registry compares texts.
"""

from __future__ import annotations

import json
from typing import Any

from registry.schema.avro import DEFAULT_TAGS_PROPERTY
from registry.schema.tree import KEYS_LINEAGE, LINEAGE, Field, Type, same_type

UNNAMED = "ConnectDefault"

Extra = dict[str, Any]
"""What a place says beside its type: tags and lineage."""


def print_schema(root: Field, tags_property: str = DEFAULT_TAGS_PROPERTY) -> str:
    """The Avro schema of a side as compact JSON text."""
    return json.dumps(schema_of(root, tags_property), separators=(",", ":"), ensure_ascii=False)


def schema_of(root: Field, tags_property: str = DEFAULT_TAGS_PROPERTY) -> Any:
    """The Avro schema of a side as JSON objects.

    A type that has come to differ between two places that shared it gets a name of its own: `Address_2`. So does an
    enum or a fixed of which other things hold where it is no record's field, and they can be said on its type alone.
    """
    return _Printer(tags_property).place(root, "")


class _Printer:
    def __init__(self, tags_property: str) -> None:
        self._tags_property = tags_property
        self._named: dict[str, tuple[Type, Extra]] = {}

    def place(self, place: Field, namespace: str) -> Any:
        """The schema of a place that is no record field: what there is to say of it rides on its type."""
        extra = self._extra(place)
        return self._nullable(place, self._type(place.type, namespace, extra, extra))

    def _nullable(self, place: Field, printed: Any) -> Any:
        if place.type.kind == "null":
            return ["null"] if place.type.attrs.get("union") else "null"
        branches = printed if isinstance(printed, list) else [printed]
        if place.null is None:
            return printed
        return [*branches[: place.null], "null", *branches[place.null :]]

    def _extra(self, place: Field) -> Extra:
        """Tags and lineage of a leaf."""
        if not place.type.is_leaf:
            return {}
        extra = {k: v for k, v in place.attrs.items() if k.startswith(LINEAGE)}
        if place.tags:
            extra[self._tags_property] = sorted(place.tags)
        return extra

    def _field(self, field: Field, namespace: str) -> dict[str, Any]:
        extra = self._extra(field)
        printed = self._nullable(field, self._type(field.type, namespace, {}, extra))
        return {"name": field.name, "type": printed, **field.attrs, **extra}

    def _type(self, type_: Type, namespace: str, extra: Extra, held: Extra) -> Any:
        """A type with the `extra` that rides on it; `held` is what holds at the place, wherever that is said."""
        match type_.kind:
            case "record" | "enum" | "fixed":
                return self._named_type(type_, namespace, extra, held)
            case "array":
                return {"type": "array", "items": self.place(type_.fields[0], namespace), **type_.attrs}
            case "map":
                keys, values = type_.fields
                printed = {"type": "map", "values": self.place(values, namespace), **type_.attrs}
                if keys.tags:
                    printed[self._tags_property] = sorted(keys.tags)
                if lineage := {k.removeprefix(LINEAGE): v for k, v in keys.attrs.items() if k.startswith(LINEAGE)}:
                    printed[KEYS_LINEAGE] = lineage
                return printed
            case "union":
                return [self.place(branch, namespace) for branch in type_.fields]
            case kind:
                attrs = {k.removeprefix("ignored-"): v for k, v in type_.attrs.items() if k != "union"} | extra
                return {"type": kind, **attrs} if attrs else kind

    def _named_type(self, type_: Type, namespace: str, extra: Extra, held: Extra) -> Any:
        full, known = self._name(type_, extra, held)
        space, _, simple = full.rpartition(".")
        if known:
            return full if space != namespace else simple
        printed: dict[str, Any] = {"type": type_.kind, "name": simple}
        if space != namespace:
            printed["namespace"] = space
        printed |= {k.removeprefix("ignored-"): v for k, v in type_.attrs.items() if k != "name"} | extra
        if type_.kind == "record":
            printed["fields"] = [self._field(field, space) for field in type_.fields]
        return printed

    def _name(self, type_: Type, extra: Extra, held: Extra) -> tuple[str, bool]:
        """The type's full name, and whether it stands further up already, with nothing riding on it but what holds.

        (A name alone can carry nothing: an object around it is more than every reader of schemas takes.)
        """
        wanted = type_.attrs.get("name")
        name, number = UNNAMED if wanted is None else wanted, 1
        while (defined := self._named.get(name)) is not None:
            known, riding = defined
            same = known is type_ or (wanted is not None and same_type(known, type_))
            if same and riding in (extra, held):
                return name, True
            number += 1
            name = f"{UNNAMED}{number}" if wanted is None else f"{wanted}_{number}"
        self._named[name] = type_, extra
        return name, False
