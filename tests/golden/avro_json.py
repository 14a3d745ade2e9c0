"""Avro's JSON encoding, written as binary: the payloads of the corpus, made without our codec.

As the specification has it (a union's value is `{"branch": value}`, bytes are text of one character a byte), and one
form more: a float or double may be its bits, `"0x7fa00001"`. Numbers of logical types are the physical ones.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


class Encoder:
    """Encodes values of a schema; `references` are those that it refers to, each after those that it needs itself."""

    def __init__(self, schema: Any, references: list[Any]) -> None:
        self._named: dict[str, tuple[Any, str]] = {}
        for each in references:
            self._learn(each, "")
        self._learn(schema, "")
        self._schema = schema

    def encode(self, value: Any) -> bytes:
        return self._value(self._schema, value, "")

    def _learn(self, schema: Any, namespace: str) -> None:
        if isinstance(schema, list):
            for branch in schema:
                self._learn(branch, namespace)
        elif isinstance(schema, Mapping):
            if "name" in schema and schema["type"] not in PRIMITIVES:
                full = _full(schema["name"], schema.get("namespace", namespace))
                namespace = full.rpartition(".")[0]
                self._named[full] = schema, namespace
            for field in schema.get("fields", ()):
                self._learn(field["type"], namespace)
            for inside in ("items", "values", "type"):
                if not isinstance(schema.get(inside), str):
                    self._learn(schema.get(inside), namespace)

    def _value(self, schema: Any, value: Any, namespace: str) -> bytes:
        if isinstance(schema, list):
            return self._union(schema, value, namespace)
        if isinstance(schema, Mapping) and not isinstance(schema["type"], str):
            return self._value(schema["type"], value, namespace)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in PRIMITIVES:
            return _primitive(kind, value)
        if kind == "array":
            return _block([self._value(schema["items"], item, namespace) for item in value])
        if kind == "map":
            entries = [text(key.encode()) + self._value(schema["values"], v, namespace) for key, v in value.items()]
            return _block(entries)
        if kind not in ("record", "error", "enum", "fixed"):
            return self._named_value(*self._find(kind, namespace), value)
        return self._named_value(*self._find(schema["name"], schema.get("namespace", namespace)), value)

    def _find(self, name: str, namespace: str) -> tuple[Any, str]:
        return self._named.get(_full(name, namespace)) or self._named[name]

    def _named_value(self, schema: Any, namespace: str, value: Any) -> bytes:
        match schema["type"]:
            case "enum":
                return long(schema["symbols"].index(value))
            case "fixed":
                assert len(value) == schema["size"]
                return bytes(value, "latin-1")
            case _:
                assert value.keys() == {field["name"] for field in schema["fields"]}
                return b"".join(self._value(f["type"], value[f["name"]], namespace) for f in schema["fields"])

    def _union(self, schema: list[Any], value: Any, namespace: str) -> bytes:
        names = [self._branch(branch, namespace) for branch in schema]
        if value is None:
            return long(names.index("null"))
        ((name, inner),) = value.items()
        index = names.index(name)
        return long(index) + self._value(schema[index], inner, namespace)

    def _branch(self, schema: Any, namespace: str) -> str:
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in PRIMITIVES or kind in ("array", "map"):
            return str(kind)
        name = schema if isinstance(schema, str) else schema["name"]
        within = namespace if isinstance(schema, str) else schema.get("namespace", namespace)
        full = _full(name, within)
        return full if full in self._named else name


def _full(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _primitive(kind: str, value: Any) -> bytes:
    match kind:
        case "null":
            assert value is None
            return b""
        case "boolean":
            return b"\x01" if value else b"\x00"
        case "int" | "long":
            return long(value)
        case "float" | "double":
            size, form = (4, "<f") if kind == "float" else (8, "<d")
            return int(value, 16).to_bytes(size, "little") if isinstance(value, str) else struct.pack(form, value)
        case "bytes":
            return text(bytes(value, "latin-1"))
        case _:
            return text(value.encode())


def _block(items: list[bytes]) -> bytes:
    return long(len(items)) + b"".join(items) + (b"\x00" if items else b"")


def text(raw: bytes) -> bytes:
    return long(len(raw)) + raw


def long(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
