"""An explanation for a terminal: coloured there, plain text elsewhere."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.coverage import Finding, Verdict
from connector.explain import Explanation, place_of
from registry.schema.tree import TagSource

HEADINGS = ("field", "type", "tags", "what happens", "output", "verdict")
_COLOURS = {
    Verdict.CLEAR: "dim",
    Verdict.DROPPED: "cyan",
    Verdict.PROTECTED: "green",
    Verdict.UNPROVEN: "yellow",
    Verdict.UNCOVERED: "bold red",
}


def print_explanation(explanation: Explanation, console: Console) -> None:
    """The table and what there is to say about it."""
    console.print(explanation_table(explanation, plain=not console.is_terminal))
    for warning in explanation.judged.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)
    for failure in explanation.failures:
        console.print(Text(failure, style="bold red"), soft_wrap=True)


def explanation_table(explanation: Explanation, *, plain: bool = False) -> Table:
    """A row for each leaf: path, type, tags, what happens, what comes out, verdict."""
    table = Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=plain or heading in ("field", "verdict"), overflow="fold")
    for finding in explanation.findings:
        table.add_row(
            Text(finding.path),
            Text(finding.type),
            Text("\n".join(tags_of(finding))),
            Text("\n".join(map(str, explanation.happenings(finding)))),
            Text("\n".join(outputs_of(finding))),
            Text(str(finding.verdict), style=_COLOURS[finding.verdict]),
        )
    return table


def outputs_of(finding: Finding) -> list[str]:
    """Where a leaf ends and as what type, for people."""
    return [f"{place_of(side, path)}: {type_}" for side, path, type_ in finding.outputs] or ["dropped"]


def tags_of(finding: Finding) -> list[str]:
    """A leaf's tags, each with where it came from, for people. Of an inline tag the place goes without saying."""
    return [
        f"{tag} ({', '.join(_source(source) for source in finding.tag_sources if source.tag == tag)})"
        for tag in sorted(finding.tags)
    ]


def _source(source: TagSource) -> str:
    return source.kind if source.kind == "inline" else f"{source.kind}: {source.where}"
