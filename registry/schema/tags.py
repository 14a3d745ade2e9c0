"""Which tags hold where: inline ones, the registered version's metadata, and those that the configuration adds.

All sources are merged; none can take away what another says. Tags of a place hold for everything inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from registry.schema.avro import DEFAULT_TAGS_PROPERTY, AvroParser, BadSchema, read_tags
from registry.schema.carry import push_down, push_down_apart
from registry.schema.catalogue import Entry
from registry.schema.claims import Claim, Claims, Releases
from registry.schema.memory import Memory, TypesApart
from registry.schema.paths import Name, Step, TagGlobs, parse_path
from registry.schema.tree import ITEMS, MAP_VALUES, Field, TagKind, TagSource, Type


@dataclass(frozen=True, slots=True)
class TagRules:
    """What the configuration says of tags.

    `declared` maps a tag to path patterns; a pattern may start with `key.`, `value.` or `header:NAME`, and means
    the value otherwise; `key` and `value` alone are the roots. `released` maps a tag to such patterns of places
    where it may go once no more than earlier versions say it. `catalogue` are the entries of the tag catalogue.
    `sensitive` are globs over tags.
    """

    property: str = DEFAULT_TAGS_PROPERTY
    sensitive: tuple[str, ...] = ("*",)
    declared: Mapping[str, Sequence[str]] = field(default_factory=dict)
    released: Mapping[str, Sequence[str]] = field(default_factory=dict)
    catalogue: tuple[Entry, ...] = ()

    def for_headers(self) -> dict[str, tuple[TagSource, ...]]:
        """Header name to the tags that are declared for it."""
        found: dict[str, tuple[TagSource, ...]] = {}
        for tag, patterns in self.declared.items():
            for pattern in patterns:
                if pattern.startswith("header:"):
                    name = pattern.removeprefix("header:")
                    found[name] = (*found.get(name, ()), _declared(tag, pattern))
        return found

    def globs(self) -> TagGlobs:
        return TagGlobs(self.sensitive)


def on_side(pattern: str, side: str) -> str | None:
    """The path below the root of that side; `**` for the root itself, which then holds for all inside."""
    if pattern.startswith("header:"):
        return None
    for root in ("key", "value"):
        if pattern == root:
            return "**" if root == side else None
        if pattern.startswith((root + ".", root + "[", root + "{")):
            return pattern.removeprefix(root).removeprefix(".") if root == side else None
    return pattern if side == "value" else None


class Said(NamedTuple):
    """The metadata of a schema, and who says it: the subject and version, for people."""

    metadata: Mapping[str, Any]
    where: str = ""


class Referenced(NamedTuple):
    """A schema that another one refers to; `of` names it for people. `edits` are further metadata of the same text."""

    text: str | Any
    of: str = "a referenced schema"
    metadata: Mapping[str, Any] | None = None
    edits: Sequence[Said] = ()


class Tagged(NamedTuple):
    """A tree with its tags, and what is worth a warning: claims that found no place are `missed`.

    `found` are the names of claims that did find one, `released` says which tags have gone. `types` are the named types
    for `registry.schema.memory`.
    """

    root: Field
    found: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    types: TypesApart = MappingProxyType({})


def tagged_tree(
    schema: str | Any,
    *,
    root: str,
    rules: TagRules,
    references: Iterable[Referenced] = (),
    metadata: Iterable[Said] = (),
    subjects: Sequence[str] | None = None,
    earlier: Sequence[Memory] = (),
    releasing: bool = True,
) -> Tagged:
    """An Avro schema with all its tags, carried to the leaves. `root` is `key` or `value`. Raises `BadSchema`.

    `subjects` pick the entries of the catalogue; None, where they are not known, picks those of every subject.
    `earlier` has what the earlier versions of each subject said; a version that is itself only read for that must not
    let anything go: not `releasing`.
    """
    claims = Claims()
    parser = AvroParser(rules.property)
    for reference in references:
        _refer(parser, reference, root, claims)
    tree = parser.read(schema, root=root)
    for said in metadata:
        for pattern, tags in _patterns(said.metadata):
            where = f"{pattern}, {said.where}" if said.where else pattern
            claims.by_either(pattern, Claim(f"metadata.tags: {where}", _sources(tags, "metadata", where)))
    records = _records_in(tree) if rules.catalogue else frozenset()
    for entry in rules.catalogue:
        if entry.is_for(subjects) and (entry.record is None or entry.record in records):
            for path, tags in entry.fields.items():
                where = f"{entry.name}: {path}"
                claims.by_path(path, Claim(f"tags.file {where}", _sources(tags, "catalogue", where), entry.record))
    types = {name: partial(push_down_apart, place, claims) for name, place in parser.named().items()}
    return _carried(tree, claims, rules, root, earlier, releasing=releasing)._replace(types=types)


def with_declared(tree: Field, rules: TagRules, side: str) -> Field:
    """The tree with the configuration's tags added, and all tags carried to the leaves."""
    return _carried(tree, Claims(), rules, side, (), releasing=False).root


def _carried(
    tree: Field, claims: Claims, rules: TagRules, side: str, earlier: Sequence[Memory], *, releasing: bool
) -> Tagged:
    releases = Releases()
    for tag, pattern, path in _below(rules.declared, side):
        if tree.type.kind == "any":
            tree = _declared_inside(tree, path, _declared(tag, pattern))
        else:
            claims.by_path(path, Claim(f"tags.fields.{tag}: {pattern}", (_declared(tag, pattern),)))
    if earlier and releasing:
        for tag, pattern, path in _below(rules.released, side):
            releases.add(tag, path, f"tags.release.{tag}: {pattern}")
    root = push_down(tree, claims, releases, earlier)
    return Tagged(root, tuple(claims.found()), (*claims.missed(), *releases.missed()), tuple(releases.told()))


def _below(patterns: Mapping[str, Sequence[str]], side: str) -> list[tuple[str, str, str]]:
    """Tag, pattern and path below the root, of the patterns that mean this side."""
    return [
        (tag, pattern, path)
        for tag, several in patterns.items()
        for pattern in several
        if (path := on_side(pattern, side)) is not None
    ]


def _declared(tag: str, pattern: str) -> TagSource:
    return TagSource(tag, "declared", f"tags.fields.{tag}: {pattern}")


def _declared_inside(root: Field, path: str, source: TagSource) -> Field:
    """A value without a schema has the places that are declared for it, and whatever else it holds."""
    return _with_place(root, () if path == "**" else parse_path(path), source)


def _with_place(place: Field, steps: Sequence[Step], source: TagSource) -> Field:
    if not steps:
        return place.tagged([source])
    name = steps[0].name if isinstance(steps[0], Name) else steps[0]
    if name not in (ITEMS, MAP_VALUES) and not isinstance(steps[0], Name):
        raise BadSchema(f"{source.where} must name each step, because the values have no schema")
    known = {inner.name: inner for inner in place.type.fields}
    inner = known.get(name) or Field(name, name, Type("any"), null=0)
    known[name] = _with_place(inner, steps[1:], source)
    return place.but(type=Type("any", tuple(known.values())))


def _patterns(metadata: Mapping[str, Any] | None) -> list[tuple[str, frozenset[str]]]:
    """`metadata.tags` maps a pattern to tags."""
    tags = (metadata or {}).get("tags")
    if tags is None:
        return []
    if not isinstance(tags, Mapping):
        raise BadSchema("metadata.tags is malformed: an object of pattern to tags is expected")
    return [
        (pattern, read_tags(list(names) if isinstance(names, (tuple, set)) else names, "metadata.tags"))
        for pattern, names in tags.items()
    ]


def _sources(tags: Iterable[str], kind: TagKind, where: str) -> tuple[TagSource, ...]:
    return tuple(TagSource(tag, kind, where) for tag in sorted(tags))


def _refer(parser: AvroParser, reference: Referenced, root: str, claims: Claims) -> None:
    """Read a referenced schema. Its record paths hold in it wherever it is used, its globs in all that it names."""
    tree = parser.read(reference.text, root=root, of=reference.of)
    said = [Said(reference.metadata or {}, reference.of), *reference.edits]
    patterns = [(pattern, tags, each.where) for each in said for pattern, tags in _patterns(each.metadata)]
    if not patterns:
        return
    names = _records_in(tree)
    for pattern, tags, of in patterns:
        where = f"{pattern}, {of}"
        # Only a record can be referred to and have paths inside; the empty name is nobody's.
        claim = Claim(f"metadata.tags: {where}", _sources(tags, "reference", where), tree.type.attrs.get("name", ""))
        claims.by_either(pattern, claim, names)


def _records_in(root: Field) -> frozenset[str]:
    """The full names of the records in a tree."""
    names: set[str] = set()
    seen: set[int] = set()
    todo = [root.type]
    while todo:
        type_ = todo.pop()
        if id(type_) not in seen:
            seen.add(id(type_))
            if type_.kind == "record":
                names.add(type_.attrs["name"])
            todo += [inner.type for inner in type_.fields]
    return frozenset(names)
