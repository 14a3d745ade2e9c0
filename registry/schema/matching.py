"""Whether two schemas stand for the same bytes and the same values."""

from __future__ import annotations

from collections.abc import Iterator

from registry.schema.tree import Field, step_into

_MEANING = ("name", "symbols", "size", "logicalType", "precision", "scale")


def differences(wanted: Field, found: Field) -> list[str]:
    """What a record of `wanted` would be misread by in a reader of `found`, place by place; empty when nothing.

    Names, types, order, nulls, symbols, sizes and logical types count. Docs, defaults, aliases, tags and other
    attributes do not.
    """
    return list(_differences(wanted, found, "", set()))


def _differences(wanted: Field, found: Field, path: str, assumed: set[tuple[int, int]]) -> Iterator[str]:
    here = path or "the root"
    if (id(wanted.type), id(found.type)) in assumed:
        return
    assumed.add((id(wanted.type), id(found.type)))
    if wanted.type.kind != found.type.kind:
        yield f"{here} is {found.type.kind} instead of {wanted.type.kind}"
        return
    if wanted.null != found.null:
        yield f"{here} has null at another place of its union, or has it where the other has not"
    for name in _MEANING:
        ours, theirs = wanted.type.attrs.get(name), found.type.attrs.get(name)
        if ours != theirs and not (name == "scale" and not ours and not theirs):
            yield f"{here} has {name} {_said(theirs)} instead of {_said(ours)}"
    yield from _inside(wanted, found, path, assumed)


def _inside(wanted: Field, found: Field, path: str, assumed: set[tuple[int, int]]) -> Iterator[str]:
    ours, theirs = wanted.type.fields, found.type.fields
    names, others = [field.name for field in ours], [field.name for field in theirs]
    by_name = {field.name: field for field in theirs}
    yield from (f"{step_into(path, field)} is missing" for field in ours if field.name not in by_name)
    yield from (f"{step_into(path, field)} is not in ours" for field in theirs if field.name not in names)
    if sorted(names) == sorted(others) and names != others:
        yield f"{path or 'the root'} has its fields or branches in another order"
    union = wanted.type.kind == "union"
    for field in ours:
        if field.name in by_name:
            yield from _differences(field, by_name[field.name], path if union else step_into(path, field), assumed)


def _said(fact: object) -> str:
    return "none" if fact is None else str(fact)
