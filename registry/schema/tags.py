"""Which tags hold where: inline ones, the registered version's metadata, and those that the configuration adds.

All sources are merged; none can take away what another says. Tags of a place hold for everything inside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.schema.avro import DEFAULT_TAGS_PROPERTY, BadSchema, parse, read_tags
from registry.schema.paths import BadPath, Matcher, Name, Step, TagGlobs, parse_path
from registry.schema.tree import ITEMS, MAP_VALUES, Field, Type, step_into
from registry.schema.walk import Walk, rewrite, select

MOST_PLACES = 50_000


@dataclass(frozen=True, slots=True)
class TagRules:
    """What the configuration says of tags.

    `declared` maps a tag to path patterns; a pattern may start with `key.`, `value.` or `header:NAME`, and means
    the value otherwise; `key` and `value` alone are the roots. `sensitive` are globs over tags.
    """

    property: str = DEFAULT_TAGS_PROPERTY
    sensitive: tuple[str, ...] = ("*",)
    declared: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def for_side(self, side: str) -> dict[str, list[str]]:
        """Tag to paths below the root of that side; `**` for the root itself, which then holds for all inside."""
        found: dict[str, list[str]] = {}
        for tag, patterns in self.declared.items():
            for pattern in patterns:
                if (path := _within(pattern, side)) is not None:
                    found.setdefault(tag, []).append(path)
        return found

    def for_headers(self) -> dict[str, frozenset[str]]:
        """Header name to the tags that are declared for it."""
        found: dict[str, frozenset[str]] = {}
        for tag, patterns in self.declared.items():
            for pattern in patterns:
                if pattern.startswith("header:"):
                    name = pattern.removeprefix("header:")
                    found[name] = found.get(name, frozenset()) | {tag}
        return found

    def globs(self) -> TagGlobs:
        return TagGlobs(self.sensitive)


def _within(pattern: str, side: str) -> str | None:
    if pattern.startswith("header:"):
        return None
    for root in ("key", "value"):
        if pattern == root:
            return "**" if root == side else None
        if pattern.startswith((root + ".", root + "[", root + "{")):
            return pattern.removeprefix(root).removeprefix(".") if root == side else None
    return pattern if side == "value" else None


def tagged_tree(
    schema: str | Any,
    *,
    root: str,
    rules: TagRules,
    references: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Field:
    """An Avro schema with all its tags, carried to the leaves. `root` is `key` or `value`. Raises `BadSchema`."""
    tree = parse(schema, root=root, references=references, tags_property=rules.property)
    tree = _with_metadata(tree, metadata or {})
    return with_declared(tree, rules, root)


def with_declared(tree: Field, rules: TagRules, side: str) -> Field:
    """The tree with the configuration's tags added, and all tags carried to the leaves."""
    for tag, paths in rules.for_side(side).items():
        if tree.type.kind == "any":
            tree = _declared_inside(tree, paths, tag)
            continue
        walk = select(tree, Matcher(paths))
        if walk is not None:
            tree = rewrite(walk, _adding(frozenset({tag})))
    return push_down(tree)


def _declared_inside(root: Field, paths: Sequence[str], tag: str) -> Field:
    """A value without a schema has the places that are declared for it, and whatever else it holds."""
    for path in paths:
        root = _with_place(root, () if path == "**" else parse_path(path), tag, path)
    return root


def _with_place(place: Field, steps: Sequence[Step], tag: str, path: str) -> Field:
    if not steps:
        return place.but(tags=place.tags | {tag})
    name = steps[0].name if isinstance(steps[0], Name) else steps[0]
    if name not in (ITEMS, MAP_VALUES) and not isinstance(steps[0], Name):
        raise BadSchema(f"tags.fields.{tag}: {path} must name each step, because the values have no schema")
    known = {inner.name: inner for inner in place.type.fields}
    inner = known.get(name) or Field(name, name, Type("any"), null=0)
    known[name] = _with_place(inner, steps[1:], tag, path)
    return place.but(type=Type("any", tuple(known.values())))


def _adding(tags: frozenset[str]) -> Any:
    def add(walk: Walk, place: Field) -> Field:
        return place.but(tags=place.tags | tags)

    return add


def _with_metadata(tree: Field, metadata: Mapping[str, Any]) -> Field:
    """`metadata.tags` maps a pattern to tags: a record path, or Confluent's glob over `namespace.Record.field`."""
    tags = metadata.get("tags") or {}
    if not isinstance(tags, Mapping):
        raise BadSchema("metadata.tags is malformed: an object of pattern to tags is expected")
    for pattern, names in tags.items():
        added = read_tags(list(names) if isinstance(names, (tuple, set)) else names, "metadata.tags")
        try:
            walk = select(tree, Matcher([pattern]))
        except BadPath:
            walk = None
        if walk is not None:
            tree = rewrite(walk, _adding(added))
        tree = _with_qualified(tree, _qualified_glob(pattern), added)
    return tree


def _qualified_glob(pattern: str) -> re.Pattern[str]:
    """`?` one character, `*` any within a segment, `**` any at all."""
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    meaning = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))


def _with_qualified(tree: Field, glob: re.Pattern[str], added: frozenset[str]) -> Field:
    """Tags on each record field whose full record name and own name, joined by a dot, match the glob."""
    types: dict[int, Type] = {}

    def visit(place: Field, record: str) -> Field:
        new = rebuild(place.type, record)
        matches = record and glob.fullmatch(f"{record}.{place.name}")
        return place.but(type=new, tags=place.tags | added if matches else place.tags)

    def rebuild(type_: Type, record: str) -> Type:
        if type_.is_leaf:
            return type_
        if id(type_) in types:
            return types[id(type_)]
        new = types[id(type_)] = Type(type_.kind, (), type_.attrs)
        inside = type_.attrs["name"] if type_.kind == "record" else ""
        new.close(tuple(visit(inner, inside) for inner in type_.fields))
        return new

    return visit(tree, "")


def push_down(root: Field) -> Field:
    """Carry the tags of every place to what is inside it, so that a place can be moved without losing any.

    Each place also learns its origin: its path in this tree, with `key` before it on the key's side. A type that
    several places use becomes a type of each, because they may fare differently; only recursion is kept as a
    cycle. (Tags grow on the way down, so a recursive type that meets itself with more of them goes round again.)
    Raises `BadSchema` when that makes too many places.
    """
    around: dict[tuple[int, frozenset[str]], Type] = {}
    places = 0

    def visit(place: Field, path: str, tags: frozenset[str]) -> Field:
        nonlocal places
        places += 1
        if places > MOST_PLACES:
            raise BadSchema(f"the schema has more than {MOST_PLACES} places")
        tags |= place.tags
        return place.but(type=expand(place.type, path, tags), tags=tags, origin=path)

    def expand(type_: Type, path: str, tags: frozenset[str]) -> Type:
        if type_.is_leaf:
            return Type(type_.kind, (), type_.attrs)
        if (id(type_), tags) in around:
            return around[id(type_), tags]
        new = around[id(type_), tags] = Type(type_.kind, (), type_.attrs)
        union = type_.kind == "union"
        new.close(tuple(visit(i, path if union else step_into(path, i), tags) for i in type_.fields))
        del around[id(type_), tags]
        return new

    return visit(root, "" if root.name == "value" and not root.type.is_leaf else root.name, frozenset())
