"""Explaining a chain on a schema: what happens to each field, and the verdict. Needs schemas alone, never a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from connector.avro_names import writable
from connector.binding import Judged, Protection, bind_and_judge
from connector.coverage import Finding, Verdict, places, type_name
from connector.plan import Link, Plan, Stage
from connector.record import Failure
from connector.source_schemas import Source
from registry.schema.tree import Shape

LeafKey = str | tuple[str, str]
"""A leaf by its path in the source, or, where a transform made it, by side and path."""


class Happening(NamedTuple):
    """What one transform does to a leaf; not `always` where a predicate decides record by record."""

    alias: str
    transform: str
    always: bool

    def __str__(self) -> str:
        return f"{self.alias}: {self.transform}{'' if self.always else ', for some records'}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A chain, judged on a source. How it is shown is in the files `explain_*`."""

    source: Source
    protection: Protection
    judged: Judged
    topic: str
    touching: Sequence[tuple[Happening, frozenset[LeafKey]]]
    """What each transform does, and to which leaves."""

    @property
    def findings(self) -> Sequence[Finding]:
        return self.judged.findings

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many fields have each verdict, from the best verdict to the worst; none is left out."""
        verdicts = [finding.verdict for finding in self.findings]
        return {verdict: verdicts.count(verdict) for verdict in Verdict}

    @property
    def refusals(self) -> Sequence[Failure]:
        """Why the chain rejects every record of this schema, or those that a predicate leads there."""
        return self.judged.plan.refusals()

    @property
    def holds(self) -> bool:
        """Whether records of this schema pass, and every sensitive leaf is protected or dropped."""
        return self.judged.problem is None and not self.refusals

    @property
    def failures(self) -> Sequence[str]:
        """Why it does not hold, a sentence each; empty where it does."""
        rejected = [f"rejected: {refusal.stage}: {refusal.reason or refusal.code}" for refusal in self.refusals]
        problem = self.judged.problem
        return rejected if problem is None else [*rejected, f"{problem.kind}: {problem.message}"]

    def happenings(self, finding: Finding) -> Sequence[Happening]:
        """What the transforms do to a leaf, in the order of the chain."""
        leaf = _leaf_key(finding)
        return [happening for happening, touched in self.touching if leaf in touched]


def explain(protection: Protection, source: Source, topic: str = "") -> Explanation:
    """Bind the chain to a source and judge it. Blocks for nothing."""
    judged = bind_and_judge(protection, source.shape, topic)
    judged = replace(
        judged,
        plan=writable(judged.plan, source.shape, source.texts.keys()),
        warnings=(*source.warnings, *judged.warnings),
    )
    return Explanation(source, protection, judged, topic, _touching(protection.links, judged.plan))


def _touching(links: Sequence[Link], plan: Plan) -> list[tuple[Happening, frozenset[LeafKey]]]:
    """Each transform that is taken, in the order of the chain, with the leaves that it touches."""
    ways = [{stage.link.alias for stage in way} for way in plan.ways()]
    touched: dict[str, set[LeafKey]] = {}
    for stage in plan.all_stages():
        touched.setdefault(stage.link.alias, set()).update(_touched(stage))
    return [
        (Happening(link.alias, link.name, all(link.alias in way for way in ways)), frozenset(touched[link.alias]))
        for link in links
        if link.alias in touched
    ]


def _touched(stage: Stage) -> set[LeafKey]:
    """The leaves whose values a stage changes, or which lie elsewhere after it, are of another type, or not there."""
    before, after = _leaves(stage.before), _leaves(stage.after)
    moved = {leaf for leaf in before.keys() | after.keys() if before.get(leaf) != after.get(leaf)}
    side = stage.link.transform.side
    lie = {leaf for leaf in before if isinstance(leaf, str) and any(s == side for s, _, _ in before[leaf])}
    return moved | {leaf for leaf in lie if any(is_within(str(leaf), place) for place in stage.touched)}


def _leaves(shape: Shape | None) -> dict[LeafKey, set[tuple[str, str, str]]]:
    """Where each leaf lies, and as what type."""
    found: dict[LeafKey, set[tuple[str, str, str]]] = {}
    for side, path, leaf in places(shape) if shape is not None else ():
        found.setdefault(leaf.origin or (side, path), set()).add((side, path, type_name(leaf)))
    return found


def _leaf_key(finding: Finding) -> LeafKey:
    if finding.origin or not finding.outputs:
        return finding.origin
    side, path, _ = finding.outputs[0]
    return side, path


def is_within(origin: str, place: str) -> bool:
    """Whether a place is another one or lies in it, by their paths in the source; empty is the root."""
    return not place or origin == place or origin.startswith((f"{place}.", f"{place}[", f"{place}{{"))


def place_of(side: str, path: str) -> str:
    """A place where a value ends, as reports show it: paths of keys start with `key`, of headers with `header:`."""
    match side:
        case "key":
            return f"key{path if path.startswith(('[', '{')) else path and f'.{path}'}"
        case "header":
            return f"header:{path}"
        case _:
            return path or "value"
