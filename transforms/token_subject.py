"""mode=vault: whose value a token stands for, and the step that gives each row the mappings of its tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from registry.schema.paths import Matcher
from registry.schema.plain import text_of
from registry.schema.tree import Field, Shape
from registry.schema.walk import Walk, select
from transforms.keys import KeyRing
from transforms.leaf_input import NO_INPUT, input_of
from transforms.outcome import Code, Rejected, Unbindable
from transforms.token_vault import Mapped, Subjects
from transforms.transform import Along, Bound, ColumnStep, Context, EmittingStep

_SCALARS = (str, bool, int)


def emitting(bound: Bound, shape: Shape, side: str, path: str, ring: KeyRing, context: Context) -> Bound:
    """The steps of a bound Tokenize, each giving rows its mappings too.

    `path` names the subject's field in the shape before. Raises `Unbindable` where nothing can be forgotten by it.
    """
    if not bound.steps:
        return bound
    walk = _subject_walk(shape, side, path, context)
    place = next(walk.places())
    emit = _emitter(Subjects(ring), _text_of(place, path, context), path)
    steps = [
        EmittingStep(step.side, step.walk, step.apply, emit, walk)
        for step in bound.steps
        if isinstance(step, ColumnStep)
    ]
    # A subject that is tokenized itself is read by all the others first.
    steps.sort(key=lambda step: any(found.path == place.path for found in step.walk.places()))
    return replace(bound, steps=tuple(steps))


def _subject_walk(shape: Shape, side: str, path: str, context: Context) -> Walk:
    walk = select(shape.side(side), Matcher((path,)))
    where = f"transforms.{context.alias}.subject.field"
    if walk is None:
        raise Unbindable(f"{where}: this schema has no {path}", path=path)
    places = list(walk.places())
    if len(places) > 1 or any(mark in places[0].path for mark in ("[*]", "{*}", "{#}")):
        raise Unbindable(f"{where}: {path} may be several values of one record", path=path)
    if places[0].field.guards:
        step = places[0].field.guards[-1].step
        raise Unbindable(
            f"{where}: transforms.{step} has replaced {path} before, so nobody could be found by it", path=path
        )
    return walk


def _text_of(place: Walk, path: str, context: Context) -> Callable[[Any], bytes | None]:
    """A function from the subject's value to its text, as it is later told to `streamveil forget`."""
    field: Field = place.field
    typed = field.type.kind in ("string", "int", "long", "boolean") or text_of(field.type) is not None
    if not typed and field.type.kind != "any":
        raise Unbindable(
            f"transforms.{context.alias}.subject.field: {path} is of a type that cannot be told to forget as text",
            code=Code.WRONG_TYPE,
            path=path,
        )
    to_input = input_of(field)

    def text(value: Any) -> bytes | None:
        if value is None or (not typed and not isinstance(value, _SCALARS)):
            return None
        try:
            return to_input(value)
        except (*NO_INPUT, UnicodeEncodeError):
            return None

    return text


def _emitter(
    subjects: Subjects, text_of_subject: Callable[[Any], bytes | None], path: str
) -> Callable[[Any, Any], tuple[Any, Along | None] | Rejected]:
    def emit(made: Any, subject: Any) -> tuple[Any, Along | None] | Rejected:
        token = next(iter(made.values())) if isinstance(made, dict) and len(made) == 1 else made
        if not isinstance(token, Mapped):
            return made, None  # another branch of a union
        text = text_of_subject(subject)
        if not text:
            return Rejected(Code.NO_SUBJECT, path)
        along = token.mapper.mapping(token, subjects.digests(text))
        plain = str.__str__(token)
        return (dict.fromkeys(made, plain) if isinstance(made, dict) else plain), along

    return emit
