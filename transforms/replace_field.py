"""ReplaceField: drop or rename fields.

Kafka's own transform. On a record with a schema it changes the schema alone and costs nothing per record.
Beyond Kafka's, `include` and `exclude` take path patterns, and `exclude.tags` drops the leaves that carry a tag.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic import Field as Option

from registry.schema.paths import Matcher
from registry.schema.tree import Field, Shape, Type, leaves
from registry.schema.walk import CannotDrop, Walk, rewrite, select
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.selecting import Paths
from transforms.transform import Boolean, Bound, ColumnStep, Context, TextList, Transform, split_list


def _pairs(value: Any) -> Any:
    """`old:new` entries, as Kafka reads them: blanks around an entry are left out, those in it belong to the names."""
    if not isinstance(value, str):
        return value
    pairs = []
    for entry in split_list(value):
        old, colon, new = entry.rstrip(":").partition(":")
        if not colon or not new or ":" in new:
            raise ValueError(f"has an invalid rename mapping: {entry}")
        pairs.append((old, new))
    return tuple(pairs)


Renames = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]


class ReplaceField(Transform):
    """Keep (`include`), drop (`exclude`) and rename (`renames`) fields. A null value passes as it is."""

    include: Paths = Option(default=(), description="Fields to keep; empty keeps all that exclude does not name.")
    exclude: Paths = Option(default=(), description="Fields to drop; wins over include.")
    exclude_tags: TextList = Option(
        default=(),
        alias="exclude.tags",
        description="Globs over tags: each leaf that carries one is dropped.",
    )
    renames: Renames = Option(default=(), description="`old:new` pairs of top-level names, comma separated.")
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )

    def selects_by_tags(self) -> bool:
        return bool(self.exclude_tags)

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        if root.type.kind == "null":
            return Bound(shape)
        if root.type.kind == "any":
            return Bound(shape, (ColumnStep(self.side, Walk(root, "", selected=True), self._schemaless),))
        if root.type.kind != "record":
            raise Unbindable(f"transforms.{context.alias}: only records have fields", code=Code.WRONG_TYPE)
        new = self._renamed(self._filtered(root), root, context)
        kept = {leaf.origin for _, leaf in leaves(new)}
        touched = tuple(leaf.origin for _, leaf in leaves(root) if leaf.origin not in kept)
        steps = defaults_for_nulls(root, self.side) if self.replace_null_with_default else ()
        return Bound(shape.with_side(self.side, new.but(null=None)), tuple(steps), touched)

    def _filtered(self, root: Field) -> Field:
        if self.include:
            walk = select(root, Matcher(self.include))
            root = _kept(walk) if walk else root.but(type=Type("record", (), root.type.attrs))
        walk = select(root, Matcher(self.exclude, self.exclude_tags))
        if walk is None:
            return root
        try:
            return rewrite(walk, lambda _walk, _place: None)
        except CannotDrop as error:
            raise Unbindable(f"ReplaceField: {error}", path=error.path) from None

    def _renamed(self, root: Field, before: Field, context: Context) -> Field:
        names = dict(self.renames)
        sources = {new: old for old, new in self.renames}
        fields = tuple(field.but(name=names.get(field.name, field.name)) for field in root.type.fields)
        seen: set[str] = set()
        for old, new in zip(root.type.fields, fields, strict=True):
            # Kafka fills an output field by looking its name up backwards, so a rename that names another
            # source for it fails there, or mixes two fields up. Both are refused.
            if new.name in seen or sources.get(new.name, old.name) != old.name:
                raise Unbindable(
                    f"transforms.{context.alias}.renames: {new.name} would be written by two fields",
                    code=Code.DUPLICATE_FIELD,
                    path=new.name,
                )
            seen.add(new.name)
        return root.but(type=Type("record", fields, root.type.attrs))

    def _schemaless(self, values: list[Any]) -> list[Any]:
        names = dict(self.renames)
        return [
            {names.get(k, k): v for k, v in value.items() if self._keeps(k)}
            if isinstance(value, dict)
            else Rejected(Code.WRONG_TYPE)
            for value in values
        ]

    def _keeps(self, name: str) -> bool:
        return name not in self.exclude and (not self.include or name in self.include)


def _kept(walk: Walk) -> Field:
    """The tree of the selected places and what leads to them."""
    types: dict[int, Type] = {}

    def visit(walk: Walk) -> Field:
        if walk.selected:
            return walk.field
        return walk.field.but(type=rebuild(walk))

    def rebuild(walk: Walk) -> Type:
        if id(walk) not in types:
            old = walk.field.type
            new = types[id(walk)] = Type(old.kind, (), old.attrs)
            wanted = {id(child.field): visit(child) for child in walk.children}
            new.close(_surviving(old, wanted))
        return types[id(walk)]

    return visit(walk)


def _surviving(old: Type, wanted: dict[int, Field]) -> tuple[Field, ...]:
    """Only a record can do without some of its places."""
    if old.kind == "record":
        return tuple(wanted[id(inner)] for inner in old.fields if id(inner) in wanted)
    return tuple(wanted.get(id(inner), inner) for inner in old.fields)
