"""Chains that let no record through, or none of a schema."""

from __future__ import annotations

from collections.abc import Iterator

from connector.linting.remark import Remark, Subject, key_of
from transforms.filter import Filter


def drops_everything(subject: Subject) -> Iterator[Remark]:
    """`drops-everything`: a filter for all records, after which the chain does nothing."""
    for link in subject.links:
        if isinstance(link.transform, Filter) and link.predicate is None:
            message = "drops every record, because it has no predicate"
            yield Remark("drops-everything", key_of(link), message, "Give it a predicate, or take it out")


def rejects_the_schema(subject: Subject) -> Iterator[Remark]:
    """`rejects-schema`: transforms that can do nothing with the schema, and so reject its records."""
    explanation = subject.explanation
    if explanation is None:
        return
    advice = "Change the transform, or give it a predicate"
    for refusal in explanation.refusals:
        message = f"rejects records of this schema: {refusal.reason or refusal.code}"
        yield Remark("rejects-schema", refusal.stage, message, advice)
    problem = explanation.judged.problem
    if problem is not None and problem.kind == "chain":
        yield Remark("rejects-schema", "transforms", f"the chain cannot be used: {problem.message}", advice)
