"""Linting a chain: what is allowed, and yet likely not what was meant. Says nothing of a record's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.binding import Protection
from connector.explain import explain
from connector.linting.conditions import conditional
from connector.linting.dead_ends import drops_everything, rejects_the_schema
from connector.linting.domains import split_domains, split_tags
from connector.linting.doubling import twice_protected
from connector.linting.remark import Remark, Rule, Subject
from connector.linting.selecting import finding_nothing
from connector.linting.small_domains import near_the_minimum
from connector.linting.unproven import may_stay, not_demanded
from connector.source_schemas import Source

RULES: Sequence[Rule] = (
    twice_protected,
    finding_nothing,
    conditional,
    near_the_minimum,
    split_domains,
    split_tags,
    not_demanded,
    may_stay,
    drops_everything,
    rejects_the_schema,
)


def lint(protection: Protection, source: Source | None = None, topic: str = "") -> list[Remark]:
    """What every rule has to say, in the order of the rules. Without a source only the chain is looked at."""
    subject = Subject(protection, None if source is None else explain(protection, source, topic))
    return list(dict.fromkeys(remark for rule in RULES for remark in rule(subject)))


def as_document(remarks: Sequence[Remark], topic: str) -> dict[str, Any]:
    """The remarks as JSON objects, in the form that `docs/command-line.md` describes."""
    return {"topic": topic or None, "warnings": [remark._asdict() for remark in remarks]}
