"""Detokenize: the way back from Tokenize.

A token names the version of the ring that it was made with, and each that the ring still has is read. Digits name
none: `transforms.lineage` says where theirs comes from. The type of before is known from the chain or the source's
schema; else what comes back is a string (leaf_restored.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Option

from registry.schema.tree import Field, Guard, Shape, Type
from transforms.leaf_restored import restored, type_of
from transforms.lineage import VERSION_TO_REVERSE, check_key, is_of, last_protection, version_of, without_last
from transforms.outcome import Code, Rejected, Unbindable
from transforms.token_cipher import Read, beside
from transforms.token_digits import digits
from transforms.token_local import local_reader
from transforms.token_options import TokenOptions
from transforms.token_transit import transit_reader
from transforms.transform import Apply, Bound, Context, Integer


def _is_read_in_a_stream(mode: Any) -> Any:
    if mode == "vault":
        raise ValueError("expected local or transit: streamveil resolve reads the tokens of mode=vault")
    return mode


class Detokenize(TokenOptions):
    """Give back what Tokenize replaced with the same options; what it gives back is not protected any more."""

    batched: ClassVar[bool] = True

    mode: Annotated[Literal["local", "transit"], BeforeValidator(_is_read_in_a_stream)] = Option(
        default="local", description="How the tokens were made. Those of mode=vault are read by `streamveil resolve`."
    )
    key_version: Integer | None = VERSION_TO_REVERSE

    @model_validator(mode="after")
    def _needs_a_version_for_digits_alone(self) -> Self:
        if self.key_version is not None and self.format != "digits":
            raise ValueError("key.version is for format=digits: other tokens name their version")
        return self

    def bind(self, shape: Shape, context: Context) -> Bound:
        def leaf(field: Field) -> tuple[Field, Apply]:
            self.check_string(field, context)
            domain = context.domain(self.domain, field)
            self.check_large(domain, field, context)
            type_ = self._type_before(field, context)
            return self._after(field, type_, context), self._apply(field, domain, type_, context)

        return self.over(shape, context, leaf, guard=lambda _: None, reverses=True)

    def _apply(self, field: Field, domain: str, type_: Type, context: Context) -> Apply:
        if self.format == "digits":
            version = version_of(self, field, context, transform="Tokenize", format="digits")
            return digits(self.ring(context), domain, version, decrypts=True)
        return _reading(self._reader(domain, context), restored(type_))

    def _reader(self, domain: str, context: Context) -> Read:
        if self.vault_transit_key is not None:
            return transit_reader(self.transit(context), self.vault_transit_key, domain)
        return local_reader(self.ring(context), domain, self.addresses())

    def _type_before(self, field: Field, context: Context) -> Type:
        last = last_protection(field, context)
        if self.mode == "local":
            check_key(self, field, context, last)
        if last is None or last.transform != "Tokenize" or last.type is None:
            return Type("string")
        if (type_ := type_of(dict(last.type))) is None:
            raise Unbindable(f"transforms.{context.alias}: the type that was before is not known", path=field.origin)
        return type_

    def _after(self, field: Field, type_: Type, context: Context) -> Field:
        left = tuple(guard for guard in field.guards if not self._may_end(guard, context))
        return without_last(field).but(type=type_, guards=left)

    def _may_end(self, guard: Guard, context: Context) -> bool:
        """Whether a guard is of tokens that this may read. Names of keys prove nothing: two may hold the same."""
        if (guard.transform, guard.mode, guard.format) != ("Tokenize", self.mode, self.format):
            return False
        return self.mode == "transit" or is_of(self.ring(context), guard)


def _reading(read: Read, restore: Callable[[bytes], Any]) -> Apply:
    def one(found: bytes) -> Any:
        try:
            return restore(found)
        except (ValueError, RecursionError):  # its text and context may hold the value
            return Rejected(Code.WRONG_TYPE)

    def apply(values: list[Any]) -> list[Any]:
        tokens = [value if isinstance(value, str) else Rejected(Code.WRONG_TYPE) for value in values]
        return beside(beside(tokens, read), lambda found: list(map(one, found)))

    return apply
