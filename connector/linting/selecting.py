"""Selections that find nothing: never there, dropped or renamed before, or a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.linting.overlap import covered, globs_of, left_out, paths_of, within
from connector.linting.remark import Remark, Subject, key_of
from connector.plan import Link
from connector.selections import Found, found_in
from transforms.replace_field import ReplaceField

_UNKNOWN = "Correct it, or take it out: what it was meant for is not selected"


def finding_nothing(subject: Subject) -> Iterator[Remark]:
    """`shadowed-selection` and `matches-nothing`; without a schema, selections of what is surely dropped by then."""
    explanation = subject.explanation
    if explanation is None:
        yield from _on_selections(subject.links)
        return
    shape, plan = explanation.source.shape, explanation.judged.plan
    found = found_in(subject.links, subject.protection.rules, shape, plan)
    yield from (_remark(each) for each in found if not each.matched)


def _remark(found: Found) -> Remark:
    selection = found.selection
    if found.lost is not None:
        return _shadowed(selection.key, selection.text, found.lost)
    message = f"{selection.text} matches nothing in the schema of the {selection.side}"
    return Remark("matches-nothing", selection.key, message, _UNKNOWN)


def _shadowed(key: str, text: str, by: str) -> Remark:
    message = f"{text} is not there any more after transforms.{by}"
    advice = f"Take it out, or move the transform before transforms.{by}"
    return Remark("shadowed-selection", key, message, advice)


def _on_selections(links: Sequence[Link]) -> Iterator[Remark]:
    for at, link in enumerate(links):
        for earlier in links[:at]:
            dropping = earlier.transform
            if (
                isinstance(dropping, ReplaceField)
                and earlier.predicate is None
                and dropping.side == link.transform.side
            ):
                yield from _shadowed_by(earlier.alias, dropping, link)


def _shadowed_by(alias: str, dropping: ReplaceField, link: Link) -> Iterator[Remark]:
    drops = isinstance(link.transform, ReplaceField)
    for path in paths_of(link):
        if within(path, dropping.exclude) or left_out(path, dropping.include):
            yield _shadowed(key_of(link, "exclude" if drops else "fields"), path, alias)
    for glob in globs_of(link):
        if covered(glob, dropping.exclude_tags):
            yield _shadowed(key_of(link, "exclude.tags" if drops else "tags"), glob, alias)
