"""Hmac: a keyed pseudonym. The same value gives the same pseudonym under one domain, and nobody without the
key can compute or test it.

Pinned, so that anyone with the key can recompute it: subkey = HKDF-SHA256(ring key, empty salt, info
`streamveil/v1/hmac/` + domain, 32 bytes); output = the leftmost `bits` of HMAC-SHA256(subkey, input), as hex or
unpadded base64url. What of a value is the input says leaf_input.py.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar, Literal

from cryptography.hazmat.primitives import hashes, hmac
from pydantic import Field as Option

from registry.schema.tree import Field, Guard, Shape, Type
from transforms.keyed import RingKeyed
from transforms.leaf_input import NO_INPUT, input_of
from transforms.outcome import Code, Rejected
from transforms.transform import Apply, Bound, Context, Integer


class Hmac(RingKeyed):
    """Replace the selected values by HMAC-SHA256 under a key ring; null stays null; the type becomes string."""

    protecting: ClassVar[bool] = True

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
        to_input = input_of(field)

        def one(value: Any) -> Any:
            try:
                state = keyed.copy()
                state.update(to_input(value))
                return encode(state.finalize()[:length])
            except NO_INPUT:
                return Rejected(Code.OUT_OF_RANGE)

        return lambda values: [one(value) for value in values]


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
