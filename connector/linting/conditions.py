"""Predicates that make coverage conditional: a leaf counts as protected only where every record of it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.linting.remark import Remark, Subject, key_of
from connector.plan import Link
from transforms.record_is_tombstone import RecordIsTombstone
from transforms.replace_field import ReplaceField
from transforms.topic_name_matches import TopicNameMatches


def conditional(subject: Subject) -> Iterator[Remark]:
    """`conditional-coverage`, for transforms that protect or drop by tags."""
    for at, link in enumerate(subject.links):
        if link.predicate is not None and _covers(link) and not _is_settled(link, subject.links[:at]):
            yield Remark("conditional-coverage", key_of(link, "predicate"), _message(link), _advice(link))


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


def _message(link: Link) -> str:
    negated = "not " if link.negate else ""
    name = type(link.predicate).__name__
    if isinstance(link.predicate, RecordIsTombstone) and not link.negate and link.transform.side == "value":
        return f"only tombstones are for {link.name}, and they have no value to protect"
    return f"{link.name} is only for records for which {name} does {negated}hold; a field that it alone protects " + (
        "counts as uncovered"
    )


def _advice(link: Link) -> str:
    if isinstance(link.predicate, RecordIsTombstone):
        return "Set negate=true" if link.transform.side == "value" else "Leave the predicate out"
    return "Leave the predicate out, or protect the other records by another transform"
