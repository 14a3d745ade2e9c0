"""Explaining a chain on a schema: what happens to each field, and the verdict. Needs schemas alone, never a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from connector.binding import Judged, Protection, bind_and_judge
from connector.coverage import Finding, Verdict
from connector.plan import Stage
from connector.record import Failure
from connector.source_schemas import Source


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
        ways = list(self.judged.plan.ways())
        found: dict[str, Happening] = {}
        for stage in self.judged.plan.all_stages():
            alias = stage.link.alias
            if alias not in found and _touches(stage, finding):
                always = all(any(other.link.alias == alias for other in way) for way in ways)
                found[alias] = Happening(alias, stage.link.name, always)
        order = [link.alias for link in self.protection.links]
        return sorted(found.values(), key=lambda happening: order.index(happening.alias))


def explain(protection: Protection, source: Source, topic: str = "") -> Explanation:
    """Bind the chain to a source and judge it. Blocks for nothing."""
    judged = bind_and_judge(protection, source.shape, topic)
    return Explanation(source, protection, replace(judged, warnings=(*source.warnings, *judged.warnings)), topic)


def _touches(stage: Stage, finding: Finding) -> bool:
    if stage.link.transform.side != finding.side:
        return False
    return any(is_within(finding.origin, place) for place in stage.touched)


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
