"""Avro schemas read into trees.

Only `AvroParser` knows Avro's JSON; the printer in `registry.schema.printer` is its inverse. Tags found inline are
kept on the places that carry them; `registry.schema.tags` adds the others and carries all of them to the leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from registry.schema.paths import is_tag
from registry.schema.tree import (
    ITEMS,
    KEYS_LINEAGE,
    LINEAGE,
    MAP_KEYS,
    MAP_VALUES,
    NO_TAGS,
    Field,
    TagKind,
    TagSource,
    Type,
)

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
DEFAULT_TAGS_PROPERTY = "confluent:tags"

Sources = tuple[TagSource, ...]

_STRUCTURE = frozenset({"type", "name", "namespace", "fields", "items", "values"})
_LOGICAL_BASES = {
    "decimal": {"bytes", "fixed"},
    "uuid": {"string", "fixed"},
    "date": {"int"},
    "time-millis": {"int"},
    "time-micros": {"long"},
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "timestamp-nanos": {"long"},
    "local-timestamp-millis": {"long"},
    "local-timestamp-micros": {"long"},
    "local-timestamp-nanos": {"long"},
    "duration": {"fixed"},
}


class BadSchema(ValueError):
    """A schema that is not Avro, or whose tags are malformed. The text names places, never defaults or docs."""


class AvroParser:
    """Reads the texts that make up one schema: first those that it refers to, then its own.

    Each text knows the named types of the texts before it.
    """

    def __init__(self, tags_property: str = DEFAULT_TAGS_PROPERTY) -> None:
        self._tags_property = tags_property
        self._named: dict[str, tuple[Type, Sources]] = {}
        self._of = ""

    def read(self, schema: str | Any, *, root: str, of: str = "") -> Field:
        """The tree of a schema, which is JSON text or the object that such a text holds. Raises `BadSchema`.

        `of` names the schema for people (`address version 2`) where it is one that another refers to.
        """
        self._of = of
        return self._read_place(_load(schema), name=root, at=root, namespace="", origin="")

    def named(self) -> Mapping[str, Field]:
        """For each named type that was read, by full name, a place of its own with the tags it has wherever it is."""
        return {name: _place(name, name, type_, None, tags, "", {}) for name, (type_, tags) in self._named.items()}

    def _read_place(
        self,
        schema: Any,
        *,
        name: str,
        at: str,
        namespace: str,
        origin: str,
        field: Mapping[str, Any] | None = None,
    ) -> Field:
        """The place that holds values of `schema`; `field` is the record field's own object, where there is one."""
        attrs: dict[str, Any] = _lineage(schema)
        tags: Sources = ()
        if field is not None:
            attrs |= {k: v for k, v in field.items() if k not in ("name", "type", self._tags_property)}
            tags = self._tags(field, origin)
        type_, null, type_tags = self._place_type(schema, namespace, origin)
        return _place(name, at, type_, null, (*tags, *type_tags), origin, attrs)

    def _place_type(self, schema: Any, namespace: str, origin: str) -> tuple[Type, int | None, Sources]:
        if not isinstance(schema, list):
            type_, tags = self._type(schema, namespace, origin)
            return type_, 0 if type_.kind == "null" else None, tags
        nulls = [i for i, branch in enumerate(schema) if _is_null(branch)]
        if len(nulls) > 1 or not schema:
            raise BadSchema(f"{origin or 'the schema'} is a union that Avro forbids")
        null = nulls[0] if nulls else None
        branches = [branch for branch in schema if not _is_null(branch)]
        if null is not None and not branches:
            return Type("null", (), {"union": True}), 0, ()
        if null is not None and len(branches) == 1:
            type_, tags = self._type(branches[0], namespace, origin)
            return type_, null, tags
        return self._union(branches, namespace, origin), null, ()

    def _union(self, branches: list[Any], namespace: str, origin: str) -> Type:
        places = []
        for index, branch in enumerate(branches):
            if isinstance(branch, list):
                raise BadSchema(f"{origin or 'the schema'} is a union directly inside a union")
            type_, tags = self._type(branch, namespace, origin)
            name = type_.attrs.get("name", type_.kind)
            places.append(_place(name, f"b{index}", type_, None, tags, origin, _lineage(branch)))
        if len({place.name for place in places}) != len(places):
            raise BadSchema(f"{origin or 'the schema'} is a union with two branches of one type")
        return Type("union", tuple(places))

    def _type(self, schema: Any, namespace: str, origin: str) -> tuple[Type, Sources]:
        if isinstance(schema, str):
            return self._by_name(schema, namespace, origin)
        if not isinstance(schema, dict) or "type" not in schema:
            raise BadSchema(f"{origin or 'the schema'} has no type")
        kind = schema["type"]
        if not isinstance(kind, str):
            # {"type": {...}}, or {"type": [...]} outside a field: attributes around a whole type.
            type_, null, tags = self._place_type(kind, namespace, origin)
            if null is not None and type_.kind != "null":
                raise BadSchema(f"{origin or 'the schema'} wraps a union in a type object")
            return type_, (*tags, *self._tags(schema, origin))
        tags = self._tags(schema, origin)
        attrs = {
            k: v
            for k, v in schema.items()
            if k not in _STRUCTURE and k != self._tags_property and not k.startswith(LINEAGE)
        }
        if kind in PRIMITIVES:
            return Type(kind, (), _logical(kind, attrs)), tags
        match kind:
            case "array":
                items = self._read_place(
                    schema.get("items"), name=ITEMS, at=ITEMS, namespace=namespace, origin=origin + ITEMS
                )
                return Type("array", (items,), attrs), tags
            case "map":
                lineage = _keys_lineage(schema)
                keys = Field(MAP_KEYS, MAP_KEYS, Type("string"), origin=origin + MAP_KEYS, attrs=lineage)
                values = self._read_place(
                    schema.get("values"),
                    name=MAP_VALUES,
                    at=MAP_VALUES,
                    namespace=namespace,
                    origin=origin + MAP_VALUES,
                )
                return Type("map", (keys, values), attrs), tags
            case "record" | "error" | "enum" | "fixed":
                return self._define("record" if kind == "error" else kind, schema, attrs, namespace, origin, tags)
            case _:
                type_, named_tags = self._by_name(kind, namespace, origin)
                return type_, (*tags, *named_tags)

    def _by_name(self, name: str, namespace: str, origin: str) -> tuple[Type, Sources]:
        if name in PRIMITIVES:
            return Type(name), ()
        full = f"{namespace}.{name}" if namespace and "." not in name else name
        known = self._named.get(full) or self._named.get(name)
        if known is None:
            raise BadSchema(f"{origin or 'the schema'} refers to a type that is not defined: {name}")
        return known

    def _define(
        self,
        kind: str,
        schema: Mapping[str, Any],
        attrs: dict[str, Any],
        namespace: str,
        origin: str,
        tags: Sources,
    ) -> tuple[Type, Sources]:
        full, namespace = _full_name(schema, namespace, origin)
        if full in self._named:
            raise BadSchema(f"{full} is defined twice")
        attrs["name"] = full
        type_ = Type(kind, (), _logical(kind, attrs))
        self._named[full] = type_, tags
        match kind:
            case "record":
                type_.close(tuple(self._record_fields(schema, namespace, origin)))
            case "enum":
                _require(isinstance(schema.get("symbols"), list), f"{full} has no symbols")
            case "fixed":
                _require(isinstance(schema.get("size"), int), f"{full} has no size")
        return type_, tags

    def _record_fields(self, schema: Mapping[str, Any], namespace: str, origin: str) -> Iterable[Field]:
        fields = schema.get("fields")
        _require(isinstance(fields, list), f"{origin or 'the schema'} is a record without fields")
        seen: set[str] = set()
        for field in fields or ():
            _require(
                isinstance(field, dict) and isinstance(field.get("name"), str) and "type" in field,
                f"{origin or 'the schema'} has a field without a name or a type",
            )
            name = field["name"]
            _require(name not in seen, f"{origin or 'the schema'} has two fields named {name}")
            seen.add(name)
            path = f"{origin}.{name}" if origin else name
            yield self._read_place(field["type"], name=name, at=name, namespace=namespace, origin=path, field=field)

    def _tags(self, carrier: Mapping[str, Any], origin: str) -> Sources:
        if self._tags_property not in carrier:
            return ()
        where = f"{self._tags_property} at {origin or 'the root'}"
        if self._of:
            where = f"{where}, {self._of}"
        kind: TagKind = "reference" if self._of else "inline"
        return tuple(TagSource(tag, kind, where) for tag in sorted(read_tags(carrier[self._tags_property], where)))


def parse(
    schema: str | Any,
    *,
    root: str,
    references: Iterable[str] = (),
    tags_property: str = DEFAULT_TAGS_PROPERTY,
) -> Field:
    """Read an Avro schema, with the texts that it refers to, each after those that it needs. Raises `BadSchema`."""
    parser = AvroParser(tags_property)
    for text in references:
        parser.read(text, root=root)
    return parser.read(schema, root=root)


def _load(schema: str | Any) -> Any:
    if not isinstance(schema, str) or schema in PRIMITIVES:
        return schema
    try:
        return json.loads(schema)
    except ValueError:
        raise BadSchema("the schema is not JSON") from None


def _place(
    name: str, at: str, type_: Type, null: int | None, sources: Sources, origin: str, attrs: Mapping[str, Any]
) -> Field:
    tags = frozenset(source.tag for source in sources) if sources else NO_TAGS
    return Field(name, at, type_, null, tags, (), origin, attrs, sources)


def read_tags(value: Any, where: str) -> frozenset[str]:
    """The tags that a tag attribute holds: a list of names, or one name. Raises `BadSchema` for anything else."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(is_tag(name) for name in names):
        raise BadSchema(f"{where} is malformed: a list of tag names is expected")
    return frozenset(name.strip() for name in names)


def _lineage(schema: Any) -> dict[str, Any]:
    """What a type object says of how the place around it was protected, also where null is the only other branch."""
    if isinstance(schema, list):
        branches = [branch for branch in schema if not _is_null(branch)]
        schema = branches[0] if len(branches) == 1 and len(schema) > 1 else None
    return {k: v for k, v in schema.items() if k.startswith(LINEAGE)} if isinstance(schema, dict) else {}


def _keys_lineage(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A map's keys have no type object of their own: what is said of them lies on the map."""
    said = schema.get(KEYS_LINEAGE)
    return {LINEAGE + k: v for k, v in said.items()} if isinstance(said, dict) else {}


def _logical(kind: str, attrs: dict[str, Any]) -> dict[str, Any]:
    """A logical type that does not fit its base is ignored, as the Avro specification asks."""
    logical = attrs.get("logicalType")
    if logical is None:
        return attrs
    fits = kind in _LOGICAL_BASES.get(logical, ()) if isinstance(logical, str) else False
    if fits and logical == "decimal":
        precision, scale = attrs.get("precision"), attrs.get("scale", 0)
        fits = isinstance(precision, int) and isinstance(scale, int) and scale >= 0 and precision > 0
    if fits and kind == "fixed":
        fits = attrs.get("size") == {"uuid": 16, "duration": 12}.get(str(logical), attrs.get("size"))
    if fits:
        return attrs
    return {("ignored-logicalType" if k == "logicalType" else k): v for k, v in attrs.items()}


def _full_name(schema: Mapping[str, Any], namespace: str, origin: str) -> tuple[str, str]:
    name = schema.get("name")
    if not isinstance(name, str) or not name:
        raise BadSchema(f"{origin or 'the schema'} defines a type without a name")
    if "." in name:
        return name, name.rpartition(".")[0]
    own = schema.get("namespace", namespace)
    _require(isinstance(own, str), f"{name} has a malformed namespace")
    return (f"{own}.{name}" if own else name), own


def _is_null(branch: Any) -> bool:
    return branch == "null" or (isinstance(branch, dict) and branch.get("type") == "null")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BadSchema(otherwise)
