"""Coverage: what becomes of every sensitive leaf, judged on shapes alone, before any record is read.

A leaf of the source is looked for at every end of the plan. Protection is a state of the leaf there (its guards),
not its history, and the worst end counts: a step behind a predicate protects nothing, because at the other end
of the fork the leaf has no guard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from enum import IntEnum

from connector.plan import Plan
from registry.schema.paths import TagGlobs
from registry.schema.tree import Field, Guard, Shape, TagSource, Type, leaves
from registry.schema.walk import CannotDrop


class Verdict(IntEnum):
    """What is true of a leaf, from best to worst."""

    CLEAR = 0
    DROPPED = 1
    PROTECTED = 2
    UNPROVEN = 3
    UNCOVERED = 4

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one leaf. `origin` is its path in the source, empty for one that a step made.

    `tag_sources` say of each tag where it came from. `outputs` are the places where its value ends (side, path,
    type), `exposed` those of them at which the verdict is as bad as the finding's, `guards` what protects it there.
    """

    side: str
    origin: str
    type: str
    tags: frozenset[str]
    verdict: Verdict
    outputs: tuple[tuple[str, str, str], ...] = ()
    guards: tuple[Guard, ...] = ()
    exposed: tuple[str, ...] = ()
    tag_sources: tuple[TagSource, ...] = ()

    @property
    def path(self) -> str:
        """How reports name the leaf: by where it comes from, else by where it ends."""
        return self.origin or next((path for _, path, _ in self.outputs), "")


def judge(source: Shape, plan: Plan, sensitive: TagGlobs) -> list[Finding]:
    """A finding for each leaf of the source in order, then for each sensitive leaf that a step made of several."""
    ends = [end.shape for end in plan.ends() if end.shape is not None]
    outputs: dict[str, list[tuple[str, str, Field]]] = {}
    for shape in ends:
        for side, path, leaf in places(shape):
            outputs.setdefault(leaf.origin, []).append((side, path, leaf))
    several = _of_several(source)
    findings: dict[str, Finding] = {}
    for side, _path, leaf in places(source):
        ended = outputs.get(leaf.origin, [])
        if leaf.origin in several:
            ended = [output for output in ended if leaf.tags <= output[2].tags] or ended
        finding = _finding(side, leaf, ended, sensitive)
        known = findings.get(leaf.origin)
        findings[leaf.origin] = _worse(known, finding) if known else finding
    made = [f for origin, found in outputs.items() if origin not in findings for f in _made(origin, found, sensitive)]
    return [*findings.values(), *made]


def places(shape: Shape) -> Iterator[tuple[str, str, Field]]:
    """Each leaf of a shape with its side and path."""
    for side, root in (("key", shape.key), ("value", shape.value)):
        for path, leaf in leaves(root):
            if leaf.type.kind != "null":
                yield side, path, leaf
    for header in shape.headers:
        yield "header", header.name, header


def _of_several(source: Shape) -> Set[str]:
    """The origins that several leaves share, the branches of a union: there what ends with a leaf's tags is that leaf.

    Tags move with the data, also where branches become one.
    """
    counts = Counter(leaf.origin for _, _, leaf in places(source))
    return {origin for origin, count in counts.items() if count > 1}


def _worse(one: Finding, other: Finding) -> Finding:
    """Of two branches the one to report, with the tags of both."""
    worse = max(one, other, key=lambda finding: (finding.verdict, len(finding.tags)))
    sources = tuple(dict.fromkeys((*one.tag_sources, *other.tag_sources)))
    return replace(worse, tags=one.tags | other.tags, tag_sources=sources)


def _finding(side: str, leaf: Field, outputs: list[tuple[str, str, Field]], sensitive: TagGlobs) -> Finding:
    verdict = Verdict.DROPPED if sensitive.match(leaf.tags) else Verdict.CLEAR
    verdicts = [_verdict(out, leaf, sensitive) for _, _, out in outputs]
    worst = max(verdicts, default=verdict)
    as_bad = [output for output, its in zip(outputs, verdicts, strict=True) if its is worst]
    guards = as_bad[0][2].guards if as_bad else ()
    ends = tuple(dict.fromkeys((s, p, type_name(out)) for s, p, out in outputs))
    exposed = dict.fromkeys(_shown(s, p) for s, p, _ in as_bad)
    return Finding(side, leaf.origin, type_name(leaf), leaf.tags, worst, ends, guards, tuple(exposed), leaf.tag_sources)


def _shown(side: str, path: str) -> str:
    """A path as the configuration would name it."""
    if side == "value":
        return path or side
    return f"header:{path}" if side == "header" else _below(side, path)


def _below(side: str, path: str) -> str:
    if not path or path.startswith(("[", "{")):
        return side + path
    return f"{side}.{path}"


def _verdict(out: Field, leaf: Field, sensitive: TagGlobs) -> Verdict:
    tags = out.tags | leaf.tags
    if sensitive.match(tags):
        return Verdict.PROTECTED if out.guards else Verdict.UNCOVERED
    if _has_no_schema(out) and not tags and not out.guards:
        return Verdict.UNPROVEN
    return Verdict.CLEAR


def _made(origin: str, outputs: list[tuple[str, str, Field]], sensitive: TagGlobs) -> Iterator[Finding]:
    for side, path, out in outputs:
        verdict = _verdict(out, out, sensitive)
        if verdict is not Verdict.CLEAR:
            ends = ((side, path, type_name(out)),)
            exposed = (_shown(side, path),)
            yield Finding(side, origin, type_name(out), out.tags, verdict, ends, out.guards, exposed, out.tag_sources)


def _has_no_schema(leaf: Field) -> bool:
    return leaf.type.kind == "any" or "raw" in leaf.type.attrs


def type_name(place: Field) -> str:
    """A leaf's type for people: `string`, `int (date)`, `string?`."""
    logical = f" ({place.type.logical})" if place.type.logical else ""
    optional = "?" if place.null is not None else ""
    return f"{place.type.kind}{logical}{optional}"


def drop_uncovered(shape: Shape, sensitive: TagGlobs) -> Shape:
    """The shape without its sensitive leaves that nothing protects. Raises `CannotDrop` for one that is a root.

    What cannot be dropped alone (an array's items, a map's keys or values, a union's branch) takes the record
    field around it along.
    """
    for side in ("key", "value"):
        root = _without_uncovered(shape.side(side), sensitive, {})
        if root is None:
            raise CannotDrop(side)
        shape = shape.with_side(side, root)
    return Shape(shape.key, shape.value, tuple(h for h in shape.headers if not _uncovered(h, sensitive)))


def _uncovered(leaf: Field, sensitive: TagGlobs) -> bool:
    return leaf.type.kind != "null" and not leaf.guards and sensitive.match(leaf.tags)


def _without_uncovered(place: Field, sensitive: TagGlobs, types: dict[int, Type]) -> Field | None:
    if place.type.is_leaf:
        return None if _uncovered(place, sensitive) else place
    if id(place.type) not in types:
        new = types[id(place.type)] = Type(place.type.kind, (), place.type.attrs)
        inner = [_without_uncovered(field, sensitive, types) for field in place.type.fields]
        if None in inner and place.type.kind != "record":
            del types[id(place.type)]
            return None
        new.close(tuple(field for field in inner if field is not None))
    return place.but(type=types[id(place.type)])
