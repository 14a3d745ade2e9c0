"""Fpe and FpeDecrypt: format-preserving encryption of texts and integers with FF1 (NIST SP 800-38G), AES-256.

A value keeps its length, its alphabet and its separators; whoever has the key can decrypt it. Pinned, so that anyone
with the key can: subkey = HKDF-SHA256(ring key, empty salt, info `streamveil/v1/fpe/` + domain, 32 bytes); tweak =
the UTF-8 of the characters that `keep.first` and `keep.last` keep, without separators.

FF1 itself is in ff1.py, columns of texts in fpe_texts.py, columns of integers in fpe_integers.py.
"""

from __future__ import annotations

import string
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic import Field as Option

from registry.schema.plain import INT_RANGE
from registry.schema.tree import Field, Guard, Shape
from transforms.characters import Between
from transforms.ff1 import FF1
from transforms.fpe_integers import IntegerCipher
from transforms.fpe_texts import Format, TextCipher
from transforms.keyed import RingKeyed
from transforms.lineage import VERSION_TO_REVERSE, version_of, without_last
from transforms.outcome import Code, Rejected, Unbindable
from transforms.small_domains import refusal_of
from transforms.transform import Apply, Bound, Context, Integer, Transform

ALPHABETS = {
    "digits": string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "alphanumeric": string.digits + string.ascii_letters,
}
"""Alphabets with a name. The order of the characters is part of the format."""

_DIGITS = frozenset(string.digits)
_HEX = frozenset(string.hexdigits)
_LONG = INT_RANGE["long"][1]


def _is_alphabet(text: str) -> str:
    characters = ALPHABETS.get(text, text)
    if not 2 <= len(characters) <= 65_536 or len(set(characters)) < len(characters):
        raise ValueError(f"expected {', '.join(ALPHABETS)}, or 2 to 65536 characters, none of them twice")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in characters):
        raise ValueError("expected characters that UTF-8 has")
    return text


def _lower(value: Any) -> Any:
    return str(value).strip().lower() if isinstance(value, (str, bool)) else value


class Fpe(RingKeyed):
    """Encrypt the selected strings and integers with FF1; format and type stay, and null stays null."""

    protecting: ClassVar[bool] = True
    batched: ClassVar[bool] = True
    decrypts: ClassVar[bool] = False

    alphabet: Annotated[str, AfterValidator(_is_alphabet)] = Option(
        default="digits",
        description="What values are made of: `digits` (0-9), `lower` (a-z), `upper` (A-Z), `alphanumeric` "
        "(0-9, a-z, A-Z), or the characters themselves in an order of your own.",
    )
    separators: Between = Option(
        default=" -./()+",
        description="Characters that stay wherever they are. No letters, no digits, none of the alphabet.",
    )
    keep_first: Integer = Option(
        default=0,
        ge=0,
        alias="keep.first",
        description="How many characters stay at the start, separators not counted. They need not be in the alphabet.",
    )
    keep_last: Integer = Option(
        default=0,
        ge=0,
        alias="keep.last",
        description="How many characters stay at the end, separators not counted. They need not be in the alphabet.",
    )
    luhn: Annotated[Literal["true", "invalid", "false"], BeforeValidator(_lower)] = Option(
        default="false",
        description="`true`: the last digit is a Luhn check digit, which is made anew. `invalid`: it is made wrong, so "
        "that no result is a usable card number. A value whose check digit is not right is rejected.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Fpe:
        if set(self.separators) & set(self._characters):
            raise ValueError("separators must have no character of the alphabet")
        if self.luhn != "false" and self.keep_last:
            raise ValueError("luhn makes the last digit anew, so keep.last cannot keep it")
        if self.luhn != "false" and set(self._characters) != _DIGITS:
            raise ValueError("luhn is for alphabet=digits")
        return self

    @model_validator(mode="after")
    def _is_large_enough(self) -> Fpe:
        if (refusal := refusal_of((self.domain or "", *self.tags, *self.fields))) is not None:
            raise ValueError(refusal)
        return self

    @property
    def _characters(self) -> str:
        return ALPHABETS.get(self.alphabet, self.alphabet)

    def undoes(self, earlier: Transform) -> bool:
        """Encrypting gives back what `FpeDecrypt` was given, if key, version, domain and alphabet are the same."""
        return (
            isinstance(earlier, Fpe)
            and earlier.decrypts
            and not self.decrypts
            and self.may_share_key(earlier)
            and set(earlier._characters) == set(self._characters)
        )

    def bind(self, shape: Shape, context: Context) -> Bound:
        ring = self.ring(context)

        def leaf(field: Field) -> tuple[Field, Apply]:
            domain = context.domain(self.domain, field)
            if (refusal := refusal_of([domain])) is not None:
                raise Unbindable(f"transforms.{context.alias}: {refusal}", path=field.origin)
            self._check_type(field, context)
            ff1 = FF1(ring.subkey("fpe", domain, 32, self._version_of(field, context)), self._characters)
            return self._after(field), self._cipher(ff1, field)

        def guard(field: Field) -> Guard | None:
            if self.decrypts:
                return None
            return self.keyed_guard(context, "Fpe", field)

        return self.over(shape, context, leaf, guard=guard)

    def _version_of(self, field: Field, context: Context) -> int:
        return version_of(self, field, context, transform="Fpe") if self.decrypts else self.version(context)

    def _after(self, field: Field) -> Field:
        """Decrypting ends the protection of any Fpe: two rings may hold one key, so their names prove nothing."""
        if not self.decrypts:
            return field
        return without_last(field).but(guards=tuple(guard for guard in field.guards if guard.transform != "Fpe"))

    def _check_type(self, field: Field, context: Context) -> None:
        type_ = field.type
        match type_.kind:
            case "any":
                return
            case "string" if type_.logical is None or set(self._characters) <= _HEX:
                return
            case "int" | "long" if type_.logical is None and set(self._characters) == _DIGITS:
                if type_.attrs.get("connect.type") not in ("int8", "int16"):
                    return
        raise Unbindable(
            f"transforms.{context.alias}: {field.origin or field.name} is of a type that alphabet and length do not "
            "fit: strings do, with digits int and long as well. Hmac or MaskField protect the others",
            code=Code.WRONG_TYPE,
            path=field.origin,
        )

    def _cipher(self, ff1: FF1, field: Field) -> Apply:
        luhn = self.luhn != "false"
        form = Format(self.separators, self.keep_first, self.keep_last, luhn, self.luhn == "invalid")
        texts = TextCipher(ff1, form, decrypts=self.decrypts)
        kind = field.type.kind
        if kind == "string":
            return texts
        numbers = IntegerCipher(ff1, form, INT_RANGE.get(kind, (0, _LONG))[1], decrypts=self.decrypts)
        if kind != "any":
            return numbers
        return _by_type({str: texts, int: numbers} if set(self._characters) == _DIGITS else {str: texts})


class FpeDecrypt(Fpe):
    """Decrypt what Fpe encrypted with the same options; what it gives back is not protected any more."""

    protecting: ClassVar[bool] = False
    decrypts: ClassVar[bool] = True

    key_version: Integer | None = VERSION_TO_REVERSE


def _by_type(ciphers: dict[type, Apply]) -> Apply:
    """For values without a schema: each as what it is."""

    def apply(values: list[Any]) -> list[Any]:
        out: list[Any] = [Rejected(Code.WRONG_TYPE)] * len(values)
        for kind, cipher in ciphers.items():
            rows = [row for row, value in enumerate(values) if type(value) is kind]
            for row, result in zip(rows, cipher([values[row] for row in rows]), strict=True):
                out[row] = result
        return out

    return apply
