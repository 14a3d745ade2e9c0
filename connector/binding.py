"""A chain bound to one shape, with the verdict on it: the plan to run, or why its records must not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from connector.coverage import Finding, Verdict, drop_uncovered, judge
from connector.plan import Link, Plan, bind
from connector.policy import OnUnclassified, OnUncovered, OnUntagged, Policy
from connector.same_keys import undoing_by_key
from connector.unopened_ring import UnopenedRing
from registry.schema.paths import TagGlobs
from registry.schema.tags import TagRules
from registry.schema.tree import Field, Shape, leaves
from registry.schema.walk import CannotDrop
from transforms.keys import KeyRing, Transit
from transforms.outcome import Unbindable
from transforms.transform import Context


@dataclass(frozen=True, slots=True)
class Protection:
    """All that the configuration says about protecting: the chain, tags, policies, key rings by name.

    `transit` are the keys that stay in Vault; None where the chain needs none, or is only judged.
    """

    links: tuple[Link, ...] = ()
    rules: TagRules = field(default_factory=TagRules)
    policy: Policy = field(default_factory=Policy)
    keys: Mapping[str, KeyRing] = field(default_factory=dict)
    transit: Transit | None = None

    @property
    def sensitive(self) -> TagGlobs:
        return self.rules.globs()

    def used_keys(self) -> Mapping[str, KeyRing]:
        """The key rings that the chain refers to."""
        used = {link.transform.key_ring() for link in self.links}
        return {name: ring for name, ring in self.keys.items() if name in used}

    def for_running(self) -> Self:
        """The same, for records to run through. Raises ValueError where a key that it needs is not at hand."""
        if any(isinstance(ring, UnopenedRing) for ring in self.keys.values()):
            raise ValueError("a key ring has not been opened")
        if self.transit is None and any(link.transform.transit_key() is not None for link in self.links):
            raise ValueError("nothing connects to Vault")
        return self


@dataclass(frozen=True, slots=True)
class Problem:
    """Why records of a shape must not pass. `stops` tells a refusal to run from a reason to dead-letter."""

    kind: Literal["uncovered", "untagged", "unclassified", "chain"]
    message: str
    path: str = ""
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan with the findings on every leaf, at most one problem, and warnings (paths and tags, no values)."""

    plan: Plan
    findings: Sequence[Finding]
    problem: Problem | None = None
    warnings: tuple[str, ...] = ()


def bind_and_judge(protection: Protection, shape: Shape, topic: str) -> Judged:
    """Bind the chain to a shape and decide, on schemas alone, whether its records may pass."""
    sensitive = protection.sensitive

    def context(alias: str) -> Context:
        return Context(alias, topic, sensitive, protection.keys, transit=protection.transit)

    if (pair := undoing_by_key(protection.links, protection.keys)) is not None:
        later, earlier = pair
        message = f"transforms.{later.alias} may give back what transforms.{earlier.alias} was given: they share a key"
        return Judged(Plan(()), (), Problem("chain", message))
    try:
        plan = bind(protection.links, shape, context)
    except Unbindable as problem:
        return Judged(Plan(()), (), Problem("chain", problem.reason, problem.path))
    findings = judge(shape, plan, sensitive)
    warnings = tuple(_unmatched(plan))
    untagged = _untagged(protection, shape)
    if untagged and protection.policy.untagged is OnUntagged.FAIL:
        return Judged(plan, findings, Problem("untagged", untagged), warnings)
    warnings += (untagged,) if untagged else ()
    return _covered(protection, shape, Judged(plan, findings, warnings=warnings))


def _covered(protection: Protection, shape: Shape, judged: Judged) -> Judged:
    uncovered = [finding for finding in judged.findings if finding.verdict is Verdict.UNCOVERED]
    if uncovered and protection.policy.uncovered is OnUncovered.DROP_FIELD:
        try:
            plan = _dropping(judged.plan, protection.sensitive)
        except CannotDrop:
            return replace(judged, problem=_uncovered(uncovered, stops=True))
        dropped = f"dropped, because nothing protects them: {_named(uncovered)}"
        judged = Judged(plan, judge(shape, plan, protection.sensitive), warnings=(*judged.warnings, dropped))
    elif uncovered:
        return replace(judged, problem=_uncovered(uncovered, stops=protection.policy.uncovered is OnUncovered.FAIL))
    unproven = [finding for finding in judged.findings if finding.verdict is Verdict.UNPROVEN]
    if not unproven:
        return judged
    named = ", ".join(finding.path for finding in unproven)
    message = f"unproven, because they have neither a schema nor declared tags: {named}"
    if protection.policy.unclassified is OnUnclassified.FAIL:
        return replace(judged, problem=Problem("unclassified", message, unproven[0].path))
    return replace(judged, warnings=(*judged.warnings, message))


def _uncovered(findings: Sequence[Finding], *, stops: bool) -> Problem:
    message = f"sensitive fields that no transform protects: {_named(findings)}"
    return Problem("uncovered", message, findings[0].path, stops)


def _named(findings: Sequence[Finding]) -> str:
    return ", ".join(_named_one(finding) for finding in findings)


def _named_one(finding: Finding) -> str:
    """The places that are exposed, with the tags, and where the value comes from when that is another place."""
    tags = ", ".join(sorted(finding.tags))
    places = finding.exposed or (finding.path,)
    source = f"; from {finding.origin}" if finding.origin and finding.origin not in places else ""
    return ", ".join(f"{place} ({tags}{source})" for place in places)


def _dropping(plan: Plan, sensitive: TagGlobs) -> Plan:
    """The plan whose ends lack the sensitive leaves that nothing protects. Raises `CannotDrop`."""
    if plan.fork is not None:
        yes, no = _dropping(plan.fork.yes, sensitive), _dropping(plan.fork.no, sensitive)
        return replace(plan, fork=replace(plan.fork, yes=yes, no=no))
    if plan.shape is None:
        return plan
    shape = drop_uncovered(plan.shape, sensitive)
    withheld = tuple(header for header in plan.shape.headers if header not in shape.headers)
    return replace(plan, shape=shape, withheld=withheld)


def _unmatched(plan: Plan) -> Sequence[str]:
    stages = dict.fromkeys(stage.where for stage in plan.all_stages() if not stage.matched)
    return [f"{where} selects nothing in this schema" for where in stages]


def _untagged(protection: Protection, shape: Shape) -> str:
    """A registry that silently drops tags must not turn protection off."""
    for link in protection.links:
        root = shape.side(link.transform.side)
        if link.transform.selects_by_tags() and root.type.kind != "null" and not _has_tags(root):
            return (
                f"transforms.{link.alias} selects by tags, and the {root.name}'s schema shows none, neither inline nor "
                "in metadata (which some registries drop: tags.file and tags.fields declare tags without it)"
            )
    return ""


def _has_tags(root: Field) -> bool:
    return any(leaf.tags for _, leaf in leaves(root))
