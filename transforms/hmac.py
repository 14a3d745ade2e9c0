"""Hmac: a keyed pseudonym. The same value gives the same pseudonym under one domain, and nobody without the
key can compute or test it.

Pinned, so that anyone with the key can recompute it: subkey = HKDF-SHA256(ring key, empty salt, info
`streamveil/v1/hmac/` + domain, 32 bytes); output = the leftmost `bits` of HMAC-SHA256(subkey, input), as hex or
unpadded base64url. The input is a string's UTF-8, bytes as they are, an integer's decimal text, `true` or `false`,
the plain JSON text of dates, times, decimals, enums and uuids, and RFC 8785 canonical JSON of all else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import rfc8785
from cryptography.hazmat.primitives import hashes, hmac
from pydantic import Field as Option

from registry.schema.plain import NotPlain, text_of, to_plain
from registry.schema.tree import Field, Guard, Shape, Type
from transforms.keyed import Keyed
from transforms.outcome import Code, Rejected
from transforms.transform import Apply, Bound, Context, Integer


class Hmac(Keyed):
    """Replace the selected values by HMAC-SHA256 under a key ring; null stays null; the type becomes string."""

    protecting: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True

    encoding: Literal["hex", "base64url"] = Option(default="hex", description="How the pseudonym is written.")
    bits: Integer = Option(
        default=256, ge=128, le=256, multiple_of=8, description="How many bits of the HMAC are kept."
    )

    def bind(self, shape: Shape, context: Context) -> Bound:
        ring, version = self.ring(context), self.version(context)

        def leaf(field: Field) -> tuple[Field, Apply]:
            subkey = ring.subkey("hmac", context.domain(self.domain, field), 32, version)
            return field.but(type=Type("string")), self._hashing(subkey, field)

        def guard(field: Field) -> Guard:
            return self.keyed_guard(context, "Hmac", field)

        return self.over(shape, context, leaf, guard=guard)

    def _hashing(self, subkey: bytes, field: Field) -> Apply:
        length = self.bits // 8
        # A keyed state, copied for each value: three times as fast as the one-shot of the standard library.
        keyed = hmac.HMAC(subkey, hashes.SHA256())

        encode = bytes.hex if self.encoding == "hex" else _base64url

        def pseudonyms(texts: list[Any]) -> list[Any]:
            out = []
            for text in texts:
                state = keyed.copy()
                state.update(text.encode())
                out.append(encode(state.finalize()[:length]))
            return out

        if field.type.kind == "string":
            return pseudonyms
        to_input = _input_of(field)

        def one(value: Any) -> Any:
            try:
                state = keyed.copy()
                state.update(to_input(value))
                return encode(state.finalize()[:length])
            except (rfc8785.CanonicalizationError, NotPlain, OverflowError):
                return Rejected(Code.OUT_OF_RANGE)

        return lambda values: [one(value) for value in values]


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _input_of(field: Field) -> Callable[[Any], bytes]:
    """What of a value is hashed."""
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
    """Without a schema a value is hashed as what it is."""
    match value:
        case str():
            return value.encode()
        case bool():
            return b"true" if value else b"false"
        case int():
            return str(value).encode()
        case _:
            return rfc8785.dumps(value)
