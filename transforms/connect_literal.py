"""Literals as Kafka Connect reads them from text, and the text that it writes of what it read.

`007` is the number 7 and written `7`; `1.50` is a 32-bit float, `1.0` the integer 1; a date or time is an instant;
`[1, 2.5]` and `{"a": 1}` are arrays and maps whose numbers get one type. What is none of these is a string, as it
came. A number counts as soon as it is followed by one of `: , { } [ ] "`: of `12:34` Connect keeps `12`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from registry.schema.plain import EPOCH, float32
from transforms.connect_text import instant, quoted
from transforms.java_numbers import double_text, float_text

_TOKEN = re.compile(r'[:,{}\[\]"]|(?:\\.|\\$|[^:,{}\[\]"\\])+', re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_INSTANTS = {
    10: re.compile(r"(?P<year>\d+)-(?P<month>\d+)-(?P<day>\d+)"),
    13: re.compile(r"(?P<hour>\d+):(?P<minute>\d+):(?P<second>\d+)\.(?P<milli>\d+)Z"),
    24: re.compile(
        r"(?P<year>\d+)-(?P<month>\d+)-(?P<day>\d+)T(?P<hour>\d+):(?P<minute>\d+):(?P<second>\d+)\.(?P<milli>\d+)Z"
    ),
}
"""By the length of their text: dates, times, timestamps."""

_INTEGER, _FLOAT, _DOUBLE = "integer", "float", "double"
_NUMBERS = {_INTEGER, _FLOAT, _DOUBLE}
_LONGEST_INTEGER = 2**63
_LARGEST_FLOAT = 2.0**128 - 2.0**103


class _NotOne(Exception):
    """The text is no array or map."""


class _Literal(NamedTuple):
    """A value that was read: its kind, its text inside a container, and a number's value."""

    kind: str
    text: str
    number: float = 0.0


def canonical(text: str) -> str | None:
    """What Connect writes of what it reads in `text`; None for `null`."""
    literal = _Parser(text).parse(embedded=False) if text else _Literal("string", "")
    return None if literal is None else literal.text


class _Parser:
    """Connect's reading of a text: by tokens, blanks around each ignored."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._next: str | None = None

    def parse(self, *, embedded: bool) -> _Literal | None:
        """The literal at this point; None for null. Raises `_NotOne` where a container holds what is none."""
        if not self._more():
            return None
        if embedded and self._take('"'):
            return self._quoted()
        for word in ("null", "true", "false"):
            if self._word(word, embedded):
                return None if word == "null" else _Literal("boolean", word)
        start = self._mark()
        try:
            if self._take("["):
                return self._array()
            if self._take("{"):
                return self._map()
        except _NotOne:
            self._rewind(start)
        return self._plain(self._token().strip(), embedded)

    def _plain(self, token: str, embedded: bool) -> _Literal:
        found = None
        if token[:1].isdigit():
            found = self._clock(token) or _instant(token)
        if found is None and _NUMBER.fullmatch(token) and not token.startswith("."):
            found = _number(token)
        if found is None and embedded:
            raise _NotOne
        return found or _Literal("string", self._text)

    def _clock(self, token: str) -> _Literal | None:
        """A time has colons, so it takes five tokens."""
        start = self._at
        rest = "".join(self._token() for _ in range(4) if self._more())
        found = _instant(token + rest)
        if found is None:
            self._rewind(start)
        return found

    def _quoted(self) -> _Literal:
        content = ""
        while self._more() and not self._take('"'):
            content += self._token()
        return _instant(content) or _Literal("string", quoted(content))

    def _array(self) -> _Literal:
        items: list[_Literal | None] = []
        while self._more():
            if self._take("]"):
                return _Literal("array", f"[{','.join(_aligned(items))}]")
            if self._take(","):
                raise _NotOne
            items.append(self.parse(embedded=True))
            start = self._mark()
            if self._take("]"):
                self._rewind(start)
            elif not self._take(","):
                raise _NotOne
        raise _NotOne

    def _map(self) -> _Literal:
        keys: list[_Literal | None] = []
        values: list[_Literal | None] = []
        while self._more():
            if self._take("}"):
                entries = dict(zip(_aligned(keys), _aligned(values), strict=True))
                return _Literal("map", f"{{{','.join(f'{key}:{value}' for key, value in entries.items())}}}")
            if self._take(","):
                raise _NotOne
            key = self.parse(embedded=True)
            if key is None or not self._take(":"):
                raise _NotOne
            keys.append(key)
            values.append(self.parse(embedded=True))
            self._take(",")
        raise _NotOne

    def _word(self, word: str, embedded: bool) -> bool:
        start = self._mark()
        if self._take(word) and (embedded or not self._more()):
            return True
        self._rewind(start)
        return False

    def _more(self) -> bool:
        return self._next is not None or self._at < len(self._text)

    def _mark(self) -> int:
        return self._at - len(self._next or "")

    def _rewind(self, position: int) -> None:
        self._at, self._next = position, None

    def _token(self) -> str:
        token, self._next = self._next, None
        return self._read() if token is None else token

    def _read(self) -> str:
        token = _TOKEN.match(self._text, self._at)
        self._at = token.end() if token else len(self._text)
        return token[0] if token else ""

    def _take(self, expected: str) -> bool:
        if not self._more():
            return False
        if self._next is None:
            self._next = self._read()
        while not self._next.strip() and self._at < len(self._text):
            self._next = self._read()
        if self._next.strip() != expected:
            return False
        self._next = None
        return True


def _aligned(items: Sequence[_Literal | None]) -> list[str]:
    """The texts of what a container holds. Numbers get the widest type among them, if all are numbers."""
    present = [item for item in items if item is not None]
    kinds = {item.kind for item in present}
    one_type = len(kinds) == 1 or (bool(kinds) and kinds <= _NUMBERS)
    if None in items and one_type:
        raise _NotOne
    if not kinds <= _NUMBERS or kinds <= {_INTEGER}:
        return ["null" if item is None else item.text for item in items]
    write = double_text if _DOUBLE in kinds else float_text
    return [write(item.number) for item in present]


def _number(token: str) -> _Literal:
    value = Decimal(token)
    if value == value.to_integral_value() and -_LONGEST_INTEGER <= value < _LONGEST_INTEGER:
        return _Literal(_INTEGER, str(int(value)), float(value))
    if value.as_tuple().exponent != 0:
        double = float(value)
        if abs(double) <= _LARGEST_FLOAT:
            single = float32(double)
            return _Literal(_FLOAT, float_text(single), single)
        if math.isfinite(double):
            return _Literal(_DOUBLE, double_text(double), double)
    return _Literal("decimal", str(value))


def _instant(token: str) -> _Literal | None:
    """A date, time or timestamp, read leniently: month 13 is January of the next year."""
    token = token.replace("\\:", ":")
    pattern = _INSTANTS.get(len(token))
    found = pattern.match(token) if pattern else None
    if found is None:
        return None
    parts: dict[str, Any] = {name: int(digits) for name, digits in found.groupdict().items()}
    months = parts.get("year", 1970) * 12 + parts.get("month", 1) - 1
    try:
        start = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
        at = start + timedelta(
            days=parts.get("day", 1) - 1,
            hours=parts.get("hour", 0),
            minutes=parts.get("minute", 0),
            seconds=parts.get("second", 0),
            milliseconds=parts.get("milli", 0),
        )
    except (ValueError, OverflowError):
        return None
    return _Literal("instant", instant((at - EPOCH) // timedelta(milliseconds=1)))
