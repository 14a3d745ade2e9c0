"""Key echo: a raw key or header that repeats a sensitive value of its own record.

The key is so often the e-mail address. Nothing is known of a raw key from a schema, so its content is compared
with the record's own sensitive texts before the chain changes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from connector.record import RawHeaders
from registry.columns import Gather, gather
from registry.schema.paths import Matcher
from registry.schema.tree import Field
from registry.schema.walk import Walk, select

SHORTEST = 6
_TEXTS = frozenset({"string", "bytes", "any", "union"})


def sensitive_texts(root: Field, sensitive: Sequence[str]) -> list[Walk]:
    """The ways to the leaves whose values a key could repeat."""
    walk = select(root, Matcher(tags=sensitive))
    if walk is None:
        return []
    return [alone for place, alone in walk.apart() if place.field.type.kind in _TEXTS]


class Echoes(NamedTuple):
    """Rows whose key is an echo; by row, the names of the headers that are."""

    keys: frozenset[int] = frozenset()
    headers: Mapping[int, frozenset[str]] = MappingProxyType({})


class Echo:
    """Finds echoes in decoded records of one schema."""

    def __init__(self, walks: Sequence[Walk], *, key_is_json: bool) -> None:
        self._columns: list[Gather] = [gather(walk) for walk in walks]
        self._key_is_json = key_is_json

    def in_keys(self, keys: Sequence[bytes | None], records: list[Any]) -> frozenset[int]:
        """The rows whose key repeats a sensitive value."""
        texts = self._texts_of(keys)
        known = set(texts)
        found: set[int] = set()
        for column in (gather_values(records) for gather_values in self._columns):
            values = _texts(column.values)
            if not known.isdisjoint(values):
                rows = zip(column.rows(), values, strict=True)
                found.update(row for row, value in rows if _echoes(value) and texts[row] == value)
        return frozenset(found)

    def in_headers(self, headers: Sequence[RawHeaders | None], records: list[Any]) -> Mapping[int, frozenset[str]]:
        """The names of the headers that repeat a sensitive value, by row."""
        texts = {
            row: {_decoded(value): name for name, value in own if value is not None}
            for row, own in enumerate(headers)
            if own
        }
        found: dict[int, set[str]] = {}
        for column in (gather_values(records) for gather_values in self._columns) if texts else ():
            for row, value in zip(column.rows(), _texts(column.values), strict=True):
                if row in texts and _echoes(value) and value in texts[row]:
                    found.setdefault(row, set()).add(texts[row][value])
        return {row: frozenset(names) for row, names in found.items()}

    def _texts_of(self, keys: Sequence[bytes | None]) -> list[str | None]:
        if self._key_is_json:
            return [None if key is None else _json_text(key) for key in keys]
        return [None if key is None else key.decode("utf-8", "surrogateescape") for key in keys]


def _json_text(key: bytes) -> str:
    """The text that a JSON string holds, else the JSON itself."""
    try:
        parsed = json.loads(key)
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, str) else _decoded(key)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _echoes(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= SHORTEST


def _texts(values: list[Any]) -> list[Any]:
    """Values as text where they can be text: bytes decoded, a union's box opened, all else left out by None."""
    if set(map(type, values)) <= {str}:
        return values
    return [_as_text(value) for value in values]


def _as_text(value: Any) -> str | None:
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, bytes):
        return _decoded(value)
    return value if isinstance(value, str) else None
