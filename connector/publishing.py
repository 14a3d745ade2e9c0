"""Output schemas: what a shape says to those who read the sink topic.

A protected leaf tells its lineage (`streamveil:protected`: transform, key ring, version, fingerprint, domain, and of
tokens mode, format and the type of before; `transforms.lineage` reads it) and which tags held before
(`streamveil:was`). One that is masked in part keeps its tags: what is left is as sensitive as it was. What an earlier
connector wrote of a leaf that this chain leaves alone stays, for whoever has to reverse it; it never counts as
protection. One that this chain has reversed has its tags again, so that the next chain knows what it meets. Nothing
that could repeat a value of the source stays on a sensitive leaf or around one: no doc, alias or other attribute, and
no default but null or the protected form of the old one.
"""

from __future__ import annotations

from typing import Any

from registry.schema.paths import TagGlobs
from registry.schema.tree import LINEAGE, Field, Guard, Type, leaves
from registry.schema.walk import edit_leaves
from transforms.lineage import PROTECTED, WAS

# What a value looks like, not what it is.
_STRUCTURAL = frozenset(
    {"name", "logicalType", "precision", "scale", "size", "symbols", "connect.type", "order", "raw", "union"}
)


def published(root: Field, sensitive: TagGlobs) -> Field:
    """The tree as it may be registered."""
    return _containers(edit_leaves(root, lambda leaf: _leaf(leaf, sensitive)), sensitive)


def _leaf(leaf: Field, sensitive: TagGlobs) -> Field:
    if WAS in leaf.attrs and PROTECTED not in leaf.attrs and not leaf.guards:
        leaf = _with_its_tags(leaf)
    held = frozenset(tag for tag in leaf.tags if sensitive.match([tag]))
    if not held and not leaf.guards:
        return leaf
    attrs, type_ = dict(leaf.attrs), leaf.type
    if held:
        attrs = _silent(leaf)
        type_ = Type(type_.kind, (), {k: v for k, v in type_.attrs.items() if k in _STRUCTURAL})
    if not leaf.guards:
        return leaf.but(type=type_, attrs=attrs)
    attrs = {name: value for name, value in attrs.items() if not name.startswith(LINEAGE)}
    attrs[PROTECTED] = [_lineage(guard) for guard in leaf.guards]
    if all(guard.partial for guard in leaf.guards):
        return leaf.but(type=type_, attrs=attrs)
    if held:
        attrs[WAS] = sorted(held)
    return leaf.but(type=type_, attrs=attrs, tags=leaf.tags - held)


def _with_its_tags(leaf: Field) -> Field:
    """The leaf with the tags that it had before it was protected, once it no longer is."""
    was = leaf.attrs[WAS]
    tags = [tag for tag in was if isinstance(tag, str)] if isinstance(was, list) else []
    return leaf.without_attrs(WAS).but(tags=leaf.tags | frozenset(tags))


def _silent(place: Field) -> dict[str, Any]:
    """The attributes of a sensitive place that cannot repeat a value of it."""
    kept = {k: v for k, v in place.attrs.items() if k in _STRUCTURAL}
    return kept | _default(place, protected=place.protected_default)


def _default(place: Field, *, protected: bool) -> dict[str, Any]:
    """A default becomes null where null comes first in the union, which is the only place where Avro allows it."""
    if "default" not in place.attrs:
        return {}
    if protected or place.attrs["default"] in (None, [], {}):
        return {"default": place.attrs["default"]}
    return {"default": None} if place.null == 0 else {}


def _lineage(guard: Guard) -> dict[str, Any]:
    return {"transform": guard.transform, **guard.facts()}


def _containers(root: Field, sensitive: TagGlobs) -> Field:
    """A container's default may repeat what is in it; its other attributes may where it is tagged itself."""
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
        is_sensitive = sensitive.match(place.tags)
        attrs = {k: v for k, v in place.attrs.items() if not k.startswith(LINEAGE)}
        if is_sensitive:
            attrs = _silent(place.but(protected_default=False))
        elif taint(place.type):
            attrs = {k: v for k, v in attrs.items() if k != "default"} | _default(place, protected=False)
        return place.but(type=rebuild(place.type, silent=is_sensitive), attrs=attrs)

    def rebuild(type_: Type, *, silent: bool) -> Type:
        if id(type_) not in types:
            kept = {k: v for k, v in type_.attrs.items() if not silent or k in _STRUCTURAL}
            new = types[id(type_)] = Type(type_.kind, (), kept)
            new.close(tuple(visit(inner) for inner in type_.fields))
        return types[id(type_)]

    return visit(root)
