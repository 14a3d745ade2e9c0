"""Avro schema texts for the development registry: parsed as strictly as a registry does, printed canonically.

This is kept apart from `registry.schema`, which the service reads schemas with: two independent readings of the
specification check each other. After https://avro.apache.org/docs/1.12.0/specification/ ("Schema Declaration",
"Names", "Complex Types"). Logical types are attributes like any other here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFINING: Final = frozenset({"record", "error", "enum", "fixed"})
_CONTENT: Final = {"array": "items", "map": "values"}
_ORDER: Final = ("type", "name", "namespace", "doc", "items", "values", "size", "symbols", "fields", "default")
_FIELD_ORDER: Final = ("name", "type", "doc", "default", "order", "aliases")
_INT: Final = 2**31
_LONG: Final = 2**63


class InvalidAvro(ValueError):
    """The text is not an Avro schema; the message names the place and the rule."""


@dataclass(slots=True, eq=False)
class AvroType:
    """A type; ``kind`` says which of the other attributes matter. Names and aliases are full names.

    Recursive schemas are cyclic: a type refers to itself through its fields.
    """

    kind: str
    name: str = ""
    aliases: frozenset[str] = frozenset()
    fields: list[AvroField] = field(default_factory=list)
    items: AvroType | None = None
    branches: list[AvroType] = field(default_factory=list)
    symbols: tuple[str, ...] = ()
    default_symbol: str | None = None
    size: int = 0


@dataclass(slots=True, eq=False)
class AvroField:
    """A field of a record."""

    name: str
    type: AvroType
    aliases: frozenset[str]
    has_default: bool
    default: Any = None


def parse(text: str, known: Mapping[str, AvroType] | None = None) -> tuple[AvroType, dict[str, AvroType]]:
    """The root type, and all types by full name: those ``known`` from references and those defined here.

    Raises `InvalidAvro`.
    """
    parser = _Parser(dict(known or {}))
    try:
        root = parser.type(_loaded(text), "")
        parser.check_defaults()
    except RecursionError:
        raise InvalidAvro("the schema is nested too deeply") from None
    return root, parser.names


def canonical(text: str, *, normalize: bool = False) -> str:
    """A parseable schema in one spelling: compact, known attributes first, ``{"type": "int"}`` as ``"int"``.

    With ``normalize`` names are spelled in full and attributes are sorted, so that two texts that only differ in
    these are one schema.
    """
    return json.dumps(_printed(_loaded(text), "", normalize), separators=(",", ":"), ensure_ascii=False)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()  # a primitive's bare name is no JSON, and registries take it


class _Parser:
    def __init__(self, names: dict[str, AvroType]) -> None:
        self.names = names
        self._fields: list[AvroField] = []

    def type(self, schema: Any, namespace: str) -> AvroType:
        if isinstance(schema, str):
            return self._named(schema, namespace)
        if isinstance(schema, list):
            return self._union(schema, namespace)
        if not isinstance(schema, dict) or "type" not in schema:
            raise InvalidAvro("not JSON, or a schema that is not a name, a list, or an object with a type")
        kind = schema["type"]
        if not isinstance(kind, str):
            raise InvalidAvro("the type of a schema is a name")
        if kind in ("record", "error"):
            return self._record(schema, namespace)
        if kind == "enum":
            return self._enum(schema, namespace)
        if kind == "fixed":
            return self._fixed(schema, namespace)
        if kind in _CONTENT:
            return self._collection(schema, namespace)
        return self._named(kind, namespace)

    def check_defaults(self) -> None:
        """Once every name is known, so that the default of a recursive type can be judged too."""
        for each in self._fields:
            if each.has_default and not _fits(each.default, each.type):
                raise InvalidAvro(f"the default of field {each.name} does not fit its type")

    def _named(self, name: str, namespace: str) -> AvroType:
        if name in PRIMITIVES:
            return AvroType(name)
        full = _full(name, namespace)
        if full not in self.names:
            raise InvalidAvro(f"unknown type {full[:200]}")
        return self.names[full]

    def _union(self, branches: list[Any], namespace: str) -> AvroType:
        union = AvroType("union", branches=[self.type(branch, namespace) for branch in branches])
        seen: set[str] = set()
        for branch in union.branches:
            if branch.kind == "union":
                raise InvalidAvro("a union directly inside a union")
            label = branch.name or branch.kind
            if label in seen:
                raise InvalidAvro(f"a union with {label} twice")
            seen.add(label)
        return union

    def _collection(self, schema: dict[str, Any], namespace: str) -> AvroType:
        content = _CONTENT[schema["type"]]
        if content not in schema:
            raise InvalidAvro(f"a schema of type {schema['type']} without {content}")
        return AvroType(schema["type"], items=self.type(schema[content], namespace))

    def _record(self, schema: dict[str, Any], namespace: str) -> AvroType:
        record, inner = self._define("record", schema, namespace)
        fields = schema.get("fields")
        if not isinstance(fields, list):
            raise InvalidAvro(f"record {record.name} without a list of fields")
        for each in fields:
            record.fields.append(self._field(each, inner, record))
        self._fields += record.fields
        return record

    def _field(self, given: Any, namespace: str, record: AvroType) -> AvroField:
        if not isinstance(given, dict) or "type" not in given:
            raise InvalidAvro(f"a field of {record.name} without a type")
        name = _checked_name(given.get("name"), f"a field of {record.name}")
        if any(name == earlier.name for earlier in record.fields):
            raise InvalidAvro(f"record {record.name} with field {name} twice")
        aliases = frozenset(_strings(given.get("aliases", []), f"the aliases of field {name}"))
        type_ = self.type(given["type"], namespace)
        return AvroField(name, type_, aliases, "default" in given, given.get("default"))

    def _enum(self, schema: dict[str, Any], namespace: str) -> AvroType:
        enum, _ = self._define("enum", schema, namespace)
        symbols = _strings(schema.get("symbols"), f"the symbols of enum {enum.name}")
        if len(set(symbols)) != len(symbols):
            raise InvalidAvro(f"enum {enum.name} with a symbol twice")
        enum.symbols = tuple(_checked_name(symbol, f"a symbol of enum {enum.name}") for symbol in symbols)
        enum.default_symbol = schema.get("default")
        if "default" in schema and enum.default_symbol not in enum.symbols:
            raise InvalidAvro(f"the default of enum {enum.name} is none of its symbols")
        return enum

    def _fixed(self, schema: dict[str, Any], namespace: str) -> AvroType:
        fixed, _ = self._define("fixed", schema, namespace)
        size = schema.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidAvro(f"fixed {fixed.name} without a size")
        fixed.size = size
        return fixed

    def _define(self, kind: str, schema: dict[str, Any], namespace: str) -> tuple[AvroType, str]:
        full, inner = _definition(schema, namespace)
        for part in full.split("."):
            _checked_name(part, f"the name of a {kind}")
        if full in self.names:
            raise InvalidAvro(f"{full} is defined twice")
        aliases = _strings(schema.get("aliases", []), f"the aliases of {full}")
        type_ = AvroType(kind, full, frozenset(_full(alias, inner) for alias in aliases))
        self.names[full] = type_
        return type_, inner


def _definition(schema: dict[str, Any], namespace: str) -> tuple[str, str]:
    """The full name that a definition gives, and the namespace inside it."""
    name, own = schema.get("name"), schema.get("namespace", namespace)
    if not isinstance(name, str) or not isinstance(own, str):
        raise InvalidAvro("a record, enum or fixed without a name")
    full = _full(name, own)
    return full, full.rpartition(".")[0]


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _checked_name(name: Any, place: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidAvro(f"{place} is not a valid name")
    return name


def _strings(given: Any, place: str) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise InvalidAvro(f"{place} are not a list of strings")
    return given


def _fits(value: Any, type_: AvroType) -> bool:
    """Whether a JSON value can be the default of a type ("Complex Types", table of field default values)."""
    match type_.kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            bound = _INT if type_.kind == "int" else _LONG
            return isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string" | "bytes" | "fixed":
            return isinstance(value, str)
        case "enum":
            return value in type_.symbols
        case "array":
            return isinstance(value, list) and all(_fits(each, _items(type_)) for each in value)
        case "map":
            return isinstance(value, dict) and all(_fits(each, _items(type_)) for each in value.values())
        case "union":
            return any(_fits(value, branch) for branch in type_.branches)
    return isinstance(value, dict) and all(
        _fits(value[each.name], each.type) if each.name in value else each.has_default for each in type_.fields
    )


def _items(type_: AvroType) -> AvroType:
    assert type_.items is not None, f"{type_.kind} has items"  # noqa: S101 -- only arrays and maps come here
    return type_.items


def _printed(schema: Any, namespace: str, normalize: bool) -> Any:
    if isinstance(schema, str):
        return schema if schema in PRIMITIVES or not normalize else _full(schema, namespace)
    if isinstance(schema, list):
        return [_printed(branch, namespace, normalize) for branch in schema]
    if set(schema) == {"type"}:
        return _printed(schema["type"], namespace, normalize)
    kind, printed = schema["type"], dict(schema)
    if kind in _DEFINING:
        full, namespace = _definition(schema, namespace)
        if normalize:
            printed["name"] = full
            printed.pop("namespace", None)
        if kind in ("record", "error"):
            printed["fields"] = [_printed_field(each, namespace, normalize) for each in schema["fields"]]
    elif kind in _CONTENT:
        printed[_CONTENT[kind]] = _printed(schema[_CONTENT[kind]], namespace, normalize)
    else:
        printed["type"] = _printed(kind, namespace, normalize)
    return _arranged(printed, _ORDER, normalize)


def _printed_field(given: dict[str, Any], namespace: str, normalize: bool) -> dict[str, Any]:
    printed = {**given, "type": _printed(given["type"], namespace, normalize)}
    return _arranged(printed, _FIELD_ORDER, normalize)


def _arranged(attributes: dict[str, Any], order: Sequence[str], normalize: bool) -> dict[str, Any]:
    known = [key for key in order if key in attributes]
    others = [key for key in attributes if key not in order]
    return {key: attributes[key] for key in known + (sorted(others) if normalize else others)}
