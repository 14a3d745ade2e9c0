"""Predicates that make coverage conditional: a leaf counts as protected only where every record of it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.coverage import Verdict
from connector.explain import Explanation
from connector.linting.remark import Remark, Subject, key_of, listed
from connector.plan import Link
from transforms.record_is_tombstone import RecordIsTombstone
from transforms.replace_field import ReplaceField
from transforms.topic_name_matches import TopicNameMatches


def conditional(subject: Subject) -> Iterator[Remark]:
    """`conditional-coverage`, for transforms that protect or drop by tags; with a schema where it shows in a field."""
    for at, link in enumerate(subject.links):
        if link.predicate is None or not _covers(link) or _is_settled(link, subject.links[:at]):
            continue
        uncovered = _uncovered_by(link, subject.explanation)
        if uncovered or subject.explanation is None or _is_for_tombstones(link):
            what = listed(uncovered) if uncovered else "a field that it alone protects"
            yield Remark("conditional-coverage", key_of(link, "predicate"), _message(link, what), _advice(link))


def _uncovered_by(link: Link, explanation: Explanation | None) -> list[str]:
    """The fields that the transform would cover if it were for all records."""
    if explanation is None:
        return []
    return [
        finding.path
        for finding in explanation.findings
        if finding.verdict is Verdict.UNCOVERED
        and any(step.alias == link.alias and not step.always for step in explanation.happenings(finding))
    ]


def _covers(link: Link) -> bool:
    transform = link.transform
    return transform.protecting or (isinstance(transform, ReplaceField) and bool(transform.exclude_tags))


def _is_settled(link: Link, earlier: Sequence[Link]) -> bool:
    """Whether binding answers for all records of a schema and topic whose coverage is in question."""
    match link.predicate:
        case RecordIsTombstone():
            return link.negate and link.transform.side == "value"
        case TopicNameMatches():
            return not any(before.transform.routes for before in earlier)
        case _:
            return False


def _is_for_tombstones(link: Link) -> bool:
    return isinstance(link.predicate, RecordIsTombstone) and not link.negate and link.transform.side == "value"


def _message(link: Link, what: str) -> str:
    if _is_for_tombstones(link):
        return f"{link.name} is only for tombstones, which have no value to protect"
    name, negated = type(link.predicate).__name__, "not " if link.negate else ""
    return f"{link.name} is only for records for which {name} does {negated}hold, so that {what} counts as uncovered"


def _advice(link: Link) -> str:
    if isinstance(link.predicate, RecordIsTombstone):
        return "Set negate=true" if link.transform.side == "value" else "Leave the predicate out"
    return "Leave the predicate out, or protect the other records by another transform"
