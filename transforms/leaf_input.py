"""What of a value goes into a pseudonym or a token: the same bytes for the same value, whichever its schema.

A string's UTF-8, bytes as they are, an integer's decimal text, `true` or `false`, the plain JSON text of dates,
times, decimals, enums and uuids, and RFC 8785 canonical JSON of all else. The way back is `transforms.leaf_restored`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rfc8785

from registry.schema.plain import NotPlain, text_of, to_plain
from registry.schema.tree import Field

NO_INPUT = (rfc8785.CanonicalizationError, NotPlain, OverflowError)
"""What the functions of `input_of` raise for a value that is out of the range of such texts."""


def input_of(field: Field) -> Callable[[Any], bytes]:
    """A function from physical values of a place to bytes. It raises one of `NO_INPUT`."""
    type_ = field.type
    if type_.kind in ("bytes", "fixed") and type_.logical not in ("decimal", "uuid"):
        return bytes
    if (text := text_of(type_)) is not None:
        return lambda value: text(value).encode()
    match type_.kind:
        case "int" | "long":
            return lambda value: str(value).encode()
        case "boolean":
            return lambda value: b"true" if value else b"false"
        case "float" | "double":
            return lambda value: rfc8785.dumps(float(value))
        case "any":
            return _input_of_any
        case _:
            plain = to_plain(field.but(null=None), raw_floats=True)
            return lambda value: rfc8785.dumps(plain(value))


def _input_of_any(value: Any) -> bytes:
    """Without a schema a value goes in as what it is."""
    match value:
        case str():
            return value.encode()
        case bool():
            return b"true" if value else b"false"
        case int():
            return str(value).encode()
        case _:
            return rfc8785.dumps(value)
