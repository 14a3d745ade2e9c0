"""Explaining a chain on a schema: what happens to each field, and the verdict. Needs schemas alone, never a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.binding import Judged, Protection, bind_and_judge
from connector.coverage import Finding, Verdict
from connector.plan import Plan, Stage
from connector.publishing import published
from connector.record import Failure
from connector.source_schemas import Source
from registry.schema.printer import print_schema
from registry.schema.tree import Shape

_COLOURS = {
    Verdict.CLEAR: "dim",
    Verdict.DROPPED: "cyan",
    Verdict.PROTECTED: "green",
    Verdict.UNPROVEN: "yellow",
    Verdict.UNCOVERED: "bold red",
}


class Happening(NamedTuple):
    """What one transform does to a leaf; not `always` where a predicate decides record by record."""

    alias: str
    transform: str
    always: bool

    def __str__(self) -> str:
        return f"{self.alias}: {self.transform}{'' if self.always else ', for some records'}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A chain, judged on a source, for people (`print_explanation`) and for programs (`as_document`)."""

    source: Source
    protection: Protection
    judged: Judged
    topic: str

    @property
    def refusals(self) -> Sequence[Failure]:
        """Why the chain rejects every record of this schema, or those that a predicate leads there."""
        return [end.refused for end in self.judged.plan.ends() if end.refused is not None]

    @property
    def holds(self) -> bool:
        """Whether records of this schema pass, and every sensitive leaf is protected or dropped."""
        return self.judged.problem is None and not self.refusals

    def happenings(self, finding: Finding) -> Sequence[Happening]:
        """What the transforms do to a leaf, in the order of the chain."""
        ways = list(_ways(self.judged.plan))
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
    return Explanation(source, protection, bind_and_judge(protection, source.shape, topic), topic)


def _ways(plan: Plan, before: tuple[Stage, ...] = ()) -> Iterator[tuple[Stage, ...]]:
    """The stages that a record can go through, one tuple for each end."""
    stages = before + plan.stages
    if plan.fork is None:
        yield stages
    else:
        yield from _ways(plan.fork.yes, stages)
        yield from _ways(plan.fork.no, stages)


def _touches(stage: Stage, finding: Finding) -> bool:
    if stage.link.transform.side != finding.side:
        return False
    return any(_is_within(finding.origin, place) for place in stage.touched)


def _is_within(origin: str, place: str) -> bool:
    return not place or origin == place or origin.startswith((f"{place}.", f"{place}[", f"{place}{{"))


def print_explanation(explanation: Explanation, console: Console) -> None:
    """The table and what there is to say about it: coloured on a terminal, plain text elsewhere."""
    console.print(explanation_table(explanation, plain=not console.is_terminal))
    for warning in explanation.judged.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)
    for refusal in explanation.refusals:
        text = f"rejected: {refusal.stage}: {refusal.reason or refusal.code}"
        console.print(Text(text, style="bold red"), soft_wrap=True)
    problem = explanation.judged.problem
    if problem is not None:
        console.print(Text(f"{problem.kind}: {problem.message}", style="bold red"), soft_wrap=True)


def explanation_table(explanation: Explanation, *, plain: bool = False) -> Table:
    """A row for each leaf: path, type, tags, what happens, what comes out, verdict."""
    table = Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("field", "type", "tags", "what happens", "output", "verdict"):
        table.add_column(heading, no_wrap=plain or heading in ("field", "verdict"), overflow="fold")
    for finding in explanation.judged.findings:
        table.add_row(
            Text(finding.path),
            Text(finding.type),
            Text(", ".join(sorted(finding.tags))),
            Text("\n".join(map(str, explanation.happenings(finding)))),
            Text("\n".join(f"{_place(side, path)}: {type_}" for side, path, type_ in finding.outputs) or "dropped"),
            Text(str(finding.verdict), style=_COLOURS[finding.verdict]),
        )
    return table


def _place(side: str, path: str) -> str:
    match side:
        case "key":
            return f"key{path if path.startswith(('[', '{')) else path and f'.{path}'}"
        case "header":
            return f"header:{path}"
        case _:
            return path or "value"


def as_document(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON objects, in the form that `docs/command-line.md` describes."""
    judged = explanation.judged
    problem = judged.problem
    return {
        "topic": explanation.topic or None,
        "holds": explanation.holds,
        "fields": [_leaf(explanation, finding) for finding in judged.findings],
        "problem": problem and {"kind": problem.kind, "message": problem.message, "path": problem.path},
        "rejected": [_refusal(refusal) for refusal in explanation.refusals],
        "warnings": list(judged.warnings),
        "outputs": [_schemas(explanation, end.shape) for end in judged.plan.ends() if end.shape is not None],
    }


def _leaf(explanation: Explanation, finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "side": finding.side,
        "origin": finding.origin,
        "type": finding.type,
        "tags": sorted(finding.tags),
        "steps": [happening._asdict() for happening in explanation.happenings(finding)],
        "outputs": [{"path": _place(side, path), "type": type_} for side, path, type_ in finding.outputs],
        "guards": [guard.facts() for guard in finding.guards],
        "verdict": str(finding.verdict),
    }


def _refusal(refusal: Failure) -> dict[str, Any]:
    return {"stage": refusal.stage, "code": str(refusal.code), "path": refusal.path, "reason": refusal.reason}


def _schemas(explanation: Explanation, end: Shape) -> dict[str, str | None]:
    """The Avro schemas of the sink's records, null where a side has none."""
    return {side: _schema(explanation, end, side) for side in ("key", "value")}


def _schema(explanation: Explanation, end: Shape, side: str) -> str | None:
    root, source = end.side(side), explanation.source
    if side not in source.texts or root.type.kind == "null":
        return None
    if root is source.shape.side(side):
        return source.texts[side]
    protection = explanation.protection
    return print_schema(published(root, protection.sensitive), protection.rules.property)
