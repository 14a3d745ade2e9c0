"""Tokenize: replaces values by tokens that can be joined like the values, and that Detokenize takes back.

What of a value goes into a token says leaf_input.py. How tokens are made: mode=local in token_local.py, mode=transit
in token_transit.py, mode=vault in token_vault.py, format=digits in token_digits.py.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, PrivateAttr, model_validator
from pydantic import Field as Option

from registry.schema.paths import BadPath, parse_path
from registry.schema.tree import Field, Guard, Shape, Type
from transforms.leaf_input import NO_INPUT, input_of
from transforms.leaf_restored import remembered
from transforms.outcome import Code, Rejected, Unbindable
from transforms.token_cache import TokenCache
from transforms.token_cipher import Make, beside
from transforms.token_digits import digits
from transforms.token_local import local_maker
from transforms.token_options import TokenOptions
from transforms.token_subject import emitting
from transforms.token_transit import transit_maker
from transforms.token_vault import Mapper
from transforms.transform import Apply, Bound, Context, Integer, Transform


def _is_path(text: str) -> str:
    try:
        parse_path(text)
    except BadPath as problem:
        raise ValueError(str(problem)) from None
    return text


class Tokenize(TokenOptions):
    """Replace the selected values by reversible tokens; null stays null; the type becomes string."""

    protecting: ClassVar[bool] = True
    batched: ClassVar[bool] = True

    subject_field: Annotated[str, AfterValidator(_is_path)] | None = Option(
        default=None,
        alias="subject.field",
        description="mode=vault: the path of the field, on the same side, that says whose value it is.",
    )
    cache_entries: Integer = Option(
        default=100_000,
        ge=0,
        alias="cache.entries",
        description="mode=transit: how many tokens are remembered (some 250 bytes each). 0 asks Vault for each value.",
    )
    cache_seconds: Integer = Option(
        default=300,
        ge=1,
        alias="cache.seconds",
        description="mode=transit: how long a token is remembered, so that a withdrawn key is noticed.",
    )

    _cache: TokenCache | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _has_the_options_of_its_mode(self) -> Self:
        if self.mode != "transit" and self.model_fields_set & {"cache_entries", "cache_seconds"}:
            raise ValueError("cache.entries and cache.seconds are for mode=transit")
        if (self.subject_field is not None) != (self.mode == "vault"):
            raise ValueError("subject.field is for mode=vault, which needs one")
        return self

    @property
    def cache(self) -> TokenCache | None:
        """What is remembered of mode=transit: one for all schemas; None before the first of them and without."""
        return self._cache

    def undoes(self, earlier: Transform) -> bool:
        """Digits alone: other tokens are noticed to be none, so they come only from what was one before."""
        return (
            isinstance(earlier, TokenOptions)
            and not earlier.protecting
            and earlier.format == self.format == "digits"
            and self.may_share_key(earlier)
        )

    def bind(self, shape: Shape, context: Context) -> Bound:
        def leaf(field: Field) -> tuple[Field, Apply]:
            self._check_type(field, context)
            domain = context.domain(self.domain, field)
            self.check_large(domain, field, context)
            new = field.but(type=Type("string"))
            if self.format == "digits":
                return new, digits(self.ring(context), domain, self.version(context), decrypts=False)
            return new, _making(field, self._maker(domain, context))

        bound = self.over(shape, context, leaf, guard=lambda field: self._guard(field, context))
        if self.subject_field is None:
            return bound
        return emitting(bound, shape, self.side, self.subject_field, self.ring(context), context)

    def _check_type(self, field: Field, context: Context) -> None:
        if self.format != "token":
            self.check_string(field, context)
        elif not field.type.is_leaf and field.type.kind != "any":
            raise Unbindable(
                f"transforms.{context.alias}: {field.origin or field.name} is a container: select the values in it",
                code=Code.WRONG_TYPE,
                path=field.origin,
            )

    def _maker(self, domain: str, context: Context) -> Make:
        match self.mode, self.vault_transit_key:
            case "local", _:
                return local_maker(self.ring(context), domain, self.version(context), self.addresses())
            case "transit", str() as key:
                version = self.transit_version(context)
                return transit_maker(self.transit(context), key, domain, version or 0, self._remembering())
            case _:
                return Mapper(self.ring(context), domain, self.version(context)).tokens

    def _remembering(self) -> TokenCache | None:
        if self._cache is None and self.cache_entries:
            self._cache = TokenCache(self.cache_entries, self.cache_seconds)
        return self._cache

    def _guard(self, field: Field, context: Context) -> Guard:
        if self.mode == "transit":
            domain = context.domain(self.domain, field)
            guard = Guard(context.alias, "Tokenize", self.vault_transit_key, self.transit_version(context), domain)
        else:
            guard = self.keyed_guard(context, "Tokenize", field)
        return guard._replace(mode=self.mode, format=self.format, type=remembered(field.type))


def _making(field: Field, make: Make) -> Apply:
    to_input = _checked_input(field)

    def apply(values: list[Any]) -> list[Any]:
        return beside(list(map(to_input, values)), make)

    if field.type.kind != "string":
        return apply

    def of_texts(texts: list[Any]) -> list[Any]:
        try:
            inputs = [text.encode() for text in texts]
        except UnicodeEncodeError:
            return apply(texts)
        return list(make(inputs))

    return of_texts


def _checked_input(field: Field) -> Any:
    to_input = input_of(field)
    leaves_only = field.type.kind == "any"

    def checked(value: Any) -> bytes | Rejected:
        if leaves_only and not isinstance(value, (str, bool, int, float)):
            return Rejected(Code.WRONG_TYPE)
        try:
            return to_input(value)
        except UnicodeEncodeError:
            return Rejected(Code.NOT_ENCODABLE)
        except NO_INPUT:
            return Rejected(Code.OUT_OF_RANGE)

    return checked
