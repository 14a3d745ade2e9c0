"""An explanation for programs: JSON objects, in the form that `docs/command-line.md` describes."""

from __future__ import annotations

from typing import Any

from connector.coverage import Finding
from connector.explain import Explanation, place_of
from connector.publishing import published
from connector.record import Failure
from registry.schema.printer import print_schema
from registry.schema.tree import Shape


def as_document(explanation: Explanation) -> dict[str, Any]:
    """All that the other forms show, and the Avro schemas of the sinks."""
    judged = explanation.judged
    problem = judged.problem
    return {
        "topic": explanation.topic or None,
        "schemas": {side: origin._asdict() for side, origin in explanation.source.origins.items()},
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
        "tag_sources": [source._asdict() for source in sorted(finding.tag_sources)],
        "steps": [happening._asdict() for happening in explanation.happenings(finding)],
        "outputs": [{"path": place_of(side, path), "type": type_} for side, path, type_ in finding.outputs],
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
