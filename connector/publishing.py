"""Output schemas: what a shape says to those who read the sink topic.

A protected leaf tells its lineage (`streamveil:protected`: transform, key ring, version, fingerprint, domain, and of
tokens mode, format and the type of before; `transforms.lineage` reads it) and which tags held before
(`streamveil:was`). Nothing that could repeat a value of the source stays on a sensitive leaf or around one: no
default, doc, alias or other attribute.
"""

from __future__ import annotations

from typing import Any

from registry.schema.paths import TagGlobs
from registry.schema.tree import Field, Guard, Type, leaves
from registry.schema.walk import edit_leaves
from transforms.lineage import PROTECTED

WAS = "streamveil:was"
_OURS = "streamveil:"

_LINEAGE = ("transform", "step", "key", "version", "fingerprint", "domain", "mode", "format", "type")

# What a value looks like, not what it is.
_STRUCTURAL = frozenset(
    {"name", "logicalType", "precision", "scale", "size", "symbols", "connect.type", "order", "raw", "union"}
)


def published(root: Field, sensitive: TagGlobs) -> Field:
    """The tree as it may be registered."""
    return _containers(edit_leaves(root, lambda leaf: _leaf(leaf, sensitive)), sensitive)


def _leaf(leaf: Field, sensitive: TagGlobs) -> Field:
    held = frozenset(tag for tag in leaf.tags if sensitive.match([tag]))
    attrs = {k: v for k, v in leaf.attrs.items() if not k.startswith(_OURS)}
    kept = {k: v for k, v in leaf.type.attrs.items() if not k.startswith(_OURS)}
    if held:
        attrs = _silent(attrs, leaf.null)
        kept = {k: v for k, v in kept.items() if k in _STRUCTURAL}
    type_ = Type(leaf.type.kind, (), kept)
    if leaf.guards:
        attrs[PROTECTED] = [_lineage(guard) for guard in leaf.guards]
        if held:
            attrs[WAS] = sorted(held)
        return leaf.but(type=type_, attrs=attrs, tags=leaf.tags - held)
    return leaf.but(type=type_, attrs=attrs)


def _silent(attrs: dict[str, Any], null: int | None) -> dict[str, Any]:
    """A default becomes null where null comes first in the union, which is the only place where Avro allows it."""
    kept = {k: v for k, v in attrs.items() if k in _STRUCTURAL}
    if "default" in attrs and null == 0:
        kept["default"] = None
    return kept


def _lineage(guard: Guard) -> dict[str, Any]:
    facts = guard.facts()
    return {name: facts[name] for name in _LINEAGE if name in facts}


def _containers(root: Field, sensitive: TagGlobs) -> Field:
    """A container's default, doc and own attributes may repeat what the leaves in it hold."""
    types: dict[int, Type] = {}
    tainted: dict[int, bool] = {}

    def taint(type_: Type) -> bool:
        if id(type_) not in tainted:
            inside = (leaf for _, leaf in leaves(Field("", "", type_)))
            tainted[id(type_)] = any(WAS in leaf.attrs or sensitive.match(leaf.tags) for leaf in inside)
        return tainted[id(type_)]

    def visit(place: Field) -> Field:
        if place.type.is_leaf:
            return place
        attrs = {k: v for k, v in place.attrs.items() if not k.startswith(_OURS)}
        if taint(place.type) and attrs.get("default"):
            attrs = _silent(attrs, place.null)
        return place.but(type=rebuild(place.type), attrs=attrs)

    def rebuild(type_: Type) -> Type:
        if id(type_) not in types:
            kept = {k: v for k, v in type_.attrs.items() if not k.startswith(_OURS)}
            new = types[id(type_)] = Type(type_.kind, (), kept)
            new.close(tuple(visit(inner) for inner in type_.fields))
        return types[id(type_)]

    return visit(root)
