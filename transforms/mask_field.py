"""MaskField: replace values by a constant that says nothing about them, or hide a part of a text.

Kafka's own transform, with two more ways to say which places are meant: path patterns and tags. Without a
`replacement` a value becomes its type's empty value (constant_mask.py has the table).

The options for texts (`keep.first` and those after it) change what strings become, and are in partial_mask.py. A
uuid in a string is a text like any other then, and its type a plain string. All else becomes its empty value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, model_validator
from pydantic import Field as Option

from registry.schema.paths import Matcher
from registry.schema.tree import Field, Guard, Shape, Type
from registry.schema.walk import Walk
from transforms.characters import Between, OneCharacter
from transforms.constant_mask import constant, empty, empty_any, read_float, replaced, wrapped
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.partial_mask import (
    Cover,
    TextMask,
    Unmatched,
    compile_pattern,
    mask_characters,
    mask_email,
    mask_matches,
)
from transforms.selecting import Selecting
from transforms.transform import Apply, Boolean, Bound, ColumnStep, Context, Integer

_KEEPING = frozenset({"keep_first", "keep_last", "keep_chars"})
_TEXTS = frozenset({"string", "any"})
_FOR_TEXTS = _KEEPING | {"mask_char", "mask_length", "email", "pattern", "pattern_unmatched"}


def _compiles(pattern: str) -> str:
    compile_pattern(pattern)
    return pattern


class MaskField(Selecting):
    """Mask the selected places; nulls stay null unless `replace.null.with.default` says otherwise."""

    protecting: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True

    replacement: str | None = Option(
        default=None,
        min_length=1,
        description="What strings and numbers become, instead of their empty value.",
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )
    keep_first: Integer = Option(
        default=0,
        ge=0,
        alias="keep.first",
        description="How many characters of a text stay at its start, those of `keep.chars` not counted.",
    )
    keep_last: Integer = Option(
        default=0,
        ge=0,
        alias="keep.last",
        description="How many characters of a text stay at its end, those of `keep.chars` not counted.",
    )
    keep_chars: Between = Option(
        default="",
        alias="keep.chars",
        description="Characters of a text that stay wherever they are, such as `-` and `@.`; no letters or digits.",
    )
    mask_char: OneCharacter = Option(
        default="*", alias="mask.char", description="What each hidden character of a text becomes."
    )
    mask_length: Integer | None = Option(
        default=None,
        ge=1,
        le=256,
        alias="mask.length",
        description="How many mask characters stand for the hidden part, to hide its length. Default: its length.",
    )
    email: Literal["domain"] | None = Option(
        default=None,
        description="`domain`: of an e-mail address stay the first character and the domain (`j***@example.com`).",
    )
    pattern: Annotated[str, AfterValidator(_compiles)] | None = Option(
        default=None,
        description="A regular expression (RE2): of a text only what matches is masked, or becomes `replacement`.",
    )
    pattern_unmatched: Unmatched = Option(
        default="mask",
        alias="pattern.unmatched",
        description="What becomes of a text that `pattern` does not match: it is masked whole, its record is "
        "rejected, or it stays (`keep`), which does not count as protection.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> MaskField:
        given = self.model_fields_set
        if self.pattern is None and "pattern_unmatched" in given:
            raise ValueError("pattern.unmatched goes with pattern")
        if self.email and given & (_KEEPING | {"pattern"}):
            raise ValueError("email goes with neither pattern nor keep.first, keep.last, keep.chars")
        if self.mask_length is not None and self.keep_chars:
            raise ValueError("mask.length hides the length, which the places of keep.chars would show")
        allowed = {"pattern", "pattern_unmatched"} if self.pattern is not None else set()
        if self.replacement is not None and given & (_FOR_TEXTS - allowed):
            raise ValueError("replacement takes the place of a whole value, or of what pattern matches")
        return self

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)

        def guard(field: Field) -> Guard | None:
            if self._may_stay(field):
                return None
            return Guard(context.alias, "MaskField", partial=self._leaves_some and field.type.kind in _TEXTS)

        bound = self.over(shape, context, self._leaf, guard=guard)
        if root.type.kind == "any":
            matcher = Matcher(self.fields, self.tags)
            if matcher.accepts(matcher.start(), root):  # whatever it is, it is masked whole
                return bound
            return replace(bound, steps=(self._schemaless(root), *bound.steps))
        if self.fields and root.type.kind != "record" and not bound.matched:
            code = Code.NULL_VALUE if root.type.kind == "null" else Code.WRONG_TYPE
            raise Unbindable(f"transforms.{context.alias}: only records can be masked by field", code=code)
        if self.replace_null_with_default and root.type.kind == "record":
            return replace(bound, steps=(*defaults_for_nulls(root, self.side), *bound.steps))
        return bound

    def _may_stay(self, field: Field) -> bool:
        return self.pattern_unmatched == "keep" and field.type.kind in _TEXTS

    @property
    def _leaves_some(self) -> bool:
        """Whether some of a text stays on purpose."""
        return bool(self.keep_first or self.keep_last or self.keep_chars or self.email or self.pattern)

    def _text_mask(self) -> TextMask | None:
        """How texts are masked, or None where no option asks for more than Kafka's transform does."""
        if not self.model_fields_set & _FOR_TEXTS:
            return None
        cover = Cover(
            self.mask_char, self.mask_length, self.keep_first, self.keep_last, self.keep_chars, self.replacement
        )
        if self.pattern is not None:
            return mask_matches(cover, self.pattern, self.pattern_unmatched)
        return mask_email(cover) if self.email else mask_characters(cover)

    def _leaf(self, field: Field) -> tuple[Field, Apply]:
        mask = self._text_mask()
        return self._kafkas_leaf(field) if mask is None else _masked_text(field, mask)

    def _kafkas_leaf(self, field: Field) -> tuple[Field, Apply]:
        if field.type.kind == "any":
            return field, _each(self._mask_any)
        if field.type.kind == "enum":
            return field.but(type=Type("string")), constant(self.replacement or "")
        if field.type.logical == "uuid" and field.type.kind == "string" and self.replacement:
            return field.but(type=Type("string")), constant(self.replacement)
        if self.replacement is None:
            return field, empty(field.type, takes_bytes=bool(self.tags))
        return field, replaced(field.type, self.replacement)

    def _mask_any(self, value: Any) -> Any:
        """A value without a schema is masked by what it is."""
        if self.replacement is None:
            return empty_any(value)
        match value:
            case bool() | list() | dict():
                return Rejected(Code.WRONG_TYPE)
            case int():
                return wrapped(self.replacement, 64)
            case float():
                return read_float(self.replacement)
            case _:
                return self.replacement

    def _schemaless(self, root: Field) -> ColumnStep:
        """As in Kafka, a top-level field that is named but absent appears, null."""
        names = [name for name in self.fields if not re.search(r"[.*\[{`]", name)]

        def add_missing(values: list[Any]) -> list[Any]:
            return [
                {**dict.fromkeys(names), **value} if isinstance(value, dict) else self._not_a_map(value)
                for value in values
            ]

        return ColumnStep(self.side, Walk(root, "", selected=True), add_missing, nulls=True)

    def _not_a_map(self, value: Any) -> Any:
        """Without `fields` there is nothing that a value must be."""
        if not self.fields:
            return value
        return Rejected(Code.NULL_VALUE if value is None else Code.WRONG_TYPE)


def _masked_text(field: Field, mask: TextMask) -> tuple[Field, Apply]:
    """Strings are masked as texts; other types become their empty value, whatever the options for texts say."""
    match field.type.kind:
        case "any":
            return field, _each(lambda value: mask(value) if isinstance(value, str) else empty_any(value))
        case "string":
            return (field.but(type=Type("string")) if field.type.logical else field), _each(mask)
        case "enum":
            return field.but(type=Type("string")), constant("")
        case _:
            return field, empty(field.type, takes_bytes=True)


def _each(mask: Callable[[Any], Any]) -> Apply:
    return lambda values: [mask(value) for value in values]
