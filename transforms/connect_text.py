"""Values as text, the way Kafka Connect writes headers.

Strings stand alone and are quoted inside arrays, maps and records; bytes are base64; numbers are Java's. Dates and
times go by the instant alone: before 2 January 1970 a time of day, at midnight a date, else both.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from registry.schema.plain import DAY, date_text, instant_text, text_of, time_text, unscaled
from registry.schema.tree import Field, Type
from transforms.java_numbers import double_text, float_text

Text = Callable[[Any], str]

_MILLIS = DAY["millis"]


def connect_text(place: Field) -> Text:
    """A function from physical values of this place, none of them null, to text; raises `NotPlain`."""
    return _Texts().type(place.type, embedded=False)


def instant(millis: int) -> str:
    """An instant as text: Connect forgets whether it was a date, a time or a timestamp."""
    if millis < _MILLIS:
        return time_text(millis % _MILLIS, "millis") + "Z"
    if millis % _MILLIS == 0:
        return date_text(millis // _MILLIS)
    return instant_text(millis, "millis") + "Z"


def decimal_text(unscaled: int, scale: int) -> str:
    """`BigDecimal.toString`."""
    return str(Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale)))


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def any_text(value: Any, *, embedded: bool = False) -> str:
    """The text of a value without a schema."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return double_text(value)
        case str():
            return quoted(value) if embedded else value
        case list():
            return f"[{','.join(any_text(item, embedded=True) for item in value)}]"
        case dict():
            return _entries((key, any_text(item, embedded=True)) for key, item in value.items())
        case _:
            return str(value)


def _entries(entries: Iterable[tuple[str, str]]) -> str:
    return f"{{{','.join(f'{quoted(name)}:{text}' for name, text in entries)}}}"


class _Texts:
    def __init__(self) -> None:
        self._known: dict[int, Text] = {}

    def place(self, place: Field) -> Text:
        text = self.type(place.type, embedded=True)
        return lambda value: "null" if value is None else text(value)

    def type(self, type_: Type, *, embedded: bool) -> Text:
        if type_.kind == "any":
            return lambda value: any_text(value, embedded=embedded)
        if type_.is_leaf:
            return _leaf(type_, embedded)
        if id(type_) not in self._known:
            # A recursive type meets itself before it is finished.
            self._known[id(type_)] = lambda value: self._known[id(type_)](value)
            self._known[id(type_)] = self._container(type_)
        return self._known[id(type_)]

    def _container(self, type_: Type) -> Text:
        match type_.kind:
            case "record":
                parts = [(field.name, field.at, self.place(field)) for field in type_.fields]
                return lambda value: _entries((name, text(value[at])) for name, at, text in parts)
            case "array":
                items = self.place(type_.fields[0])
                return lambda value: f"[{','.join(map(items, value))}]"
            case "map":
                values = self.place(type_.fields[1])
                return lambda value: _entries((key, values(item)) for key, item in value.items())
            case _:
                branches = {branch.at: self.place(branch) for branch in type_.fields}
                return lambda box: next(branches[at](value) for at, value in box.items())


def _leaf(type_: Type, embedded: bool) -> Text:
    match type_.kind, type_.logical:
        case _, "decimal":
            scale = int(type_.attrs.get("scale", 0))
            return lambda value: decimal_text(unscaled(value), scale)
        case _, "date":
            return lambda value: instant(value * _MILLIS)
        case _, "time-millis" | "timestamp-millis":
            return instant
        case "float", _:
            return float_text
        case "double", _:
            return double_text
        case "boolean", _:
            return lambda value: "true" if value else "false"
        case (("int" | "long"), None):
            return str
        case (("bytes" | "fixed"), None):
            return _maybe_quoted(lambda value: base64.b64encode(value).decode(), embedded)
        case _:
            return _maybe_quoted(text_of(type_) or str, embedded)


def _maybe_quoted(text: Text, embedded: bool) -> Text:
    return (lambda value: quoted(text(value))) if embedded else text
