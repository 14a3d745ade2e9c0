"""Drift: what a running configuration says, compared with every version that its subjects have.

Each version is judged as `explain` would judge it, together with the latest version of the record's other side.
Versions are compared with those before them: a field may have become sensitive, or what is selected may be gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from connector.binding import Judged, Protection
from connector.coverage import Finding, Verdict
from connector.explain import explain
from connector.selections import Selection, found_in
from connector.shapes import shape_of
from connector.source_schemas import Source
from connector.subject_versions import SubjectVersions, Topic
from registry.schema.tree import Field, Shape, leaves


class Kind(StrEnum):
    """What may be the case, in the order in which it is told."""

    UNCOVERED = "uncovered"
    """A sensitive field that nothing protects."""
    REFUSED = "refused"
    """A version whose records must not pass for another reason, or cannot be read."""
    MISSING = "missing"
    """A subject that the registry does not have."""
    GONE = "gone"
    """A path that the configuration selects, and that the latest version has not."""
    NEWLY_SENSITIVE = "newly-sensitive"
    """A field that is sensitive in a version, and in none before."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is the case. `path` is a field's, or the one that `key` of the configuration selects.

    `versions` are those in which it is so; of what is gone those that still had it. `needs_action` is False for a
    field that is newly sensitive and covered already.
    """

    kind: Kind
    subject: str | None
    path: str
    versions: tuple[int, ...]
    message: str
    tags: tuple[str, ...] = ()
    key: str | None = None
    needs_action: bool = True

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def as_document(topics: Sequence[Topic], found: Sequence[Drift]) -> dict[str, Any]:
    """What was compared and what was found as JSON objects, in the form that `docs/command-line.md` describes."""
    return {
        "drifts": any(drift.needs_action for drift in found),
        "subjects": [
            {"subject": versions.subject, "topic": topic.name, "side": side, "versions": versions.numbers}
            for topic in topics
            for side, versions in topic.versions.items()
        ],
        "found": [asdict(drift) for drift in found],
    }


def drift_of(protection: Protection, topics: Sequence[Topic]) -> list[Drift]:
    """All that is the case, by kind, and of one kind by topic. Blocks for nothing: the versions were read before."""
    looks = [_Look(protection, topic) for topic in topics]
    found = [drift for look in looks for drift in look.found()]
    return sorted([*found, *_never_there(looks)], key=lambda drift: list(Kind).index(drift.kind))


class _Look:
    """One topic, looked at: every version judged, and every selection looked for in every version."""

    def __init__(self, protection: Protection, topic: Topic) -> None:
        self._protection = protection
        self._topic = topic
        self._judged: dict[str, dict[int, Judged]] = {}
        self.selected: dict[str, dict[Selection, dict[int, bool]]] = {}
        """By side, for each selection the versions in which it was looked for, and whether it finds something."""
        for side, versions in topic.versions.items():
            self._judged[side] = {}
            self.selected[side] = {}
            for number, root in versions.roots.items():
                self._look_at(side, number, self._shape(side, root))

    def _shape(self, side: str, root: Field) -> Shape:
        roots: dict[str, Field | None] = {**self._topic.without_schema, side: root}
        for other, versions in self._topic.versions.items():
            if other != side:
                roots[other] = versions.latest
        return shape_of(roots["key"], roots["value"], self._protection.rules)

    def _look_at(self, side: str, number: int, shape: Shape) -> None:
        source = Source(shape, dict.fromkeys(self._topic.versions, ""))
        judged = explain(self._protection, source, self._topic.name).judged
        self._judged[side][number] = judged
        for each in found_in(self._protection.links, self._protection.rules, shape, judged.plan):
            if each.selection.side == side and not each.selection.by_tags:
                there = self.selected[side].setdefault(each.selection, {})
                there[number] = each.matched or each.lost is not None

    def found(self) -> Iterator[Drift]:
        for side, versions in self._topic.versions.items():
            if not versions.roots and not versions.unusable:
                yield Drift(Kind.MISSING, versions.subject, "", (), f"the registry has no subject {versions.subject}")
            yield from self._unusable(versions)
            yield from self._uncovered(side, versions)
            yield from self._refused(side, versions)
            yield from self._gone(side, versions)
            yield from self._newly_sensitive(side, versions)

    def _findings(self, side: str, number: int) -> Iterator[Finding]:
        """The findings that a side answers for; headers, of which there are no versions, go with the value."""
        sides = ("key",) if side == "key" else ("value", "header")
        return (finding for finding in self._judged[side][number].findings if finding.side in sides)

    def _unusable(self, versions: SubjectVersions) -> Iterator[Drift]:
        for number, reason in versions.unusable.items():
            message = f"{versions.subject} version {number} cannot be used: {reason}"
            yield Drift(Kind.REFUSED, versions.subject, "", (number,), message)

    def _uncovered(self, side: str, versions: SubjectVersions) -> Iterator[Drift]:
        found: dict[str, tuple[set[str], list[int]]] = {}
        for number in versions.roots:
            for finding in self._findings(side, number):
                if finding.verdict is Verdict.UNCOVERED:
                    tags, numbers = found.setdefault(finding.path, (set(), []))
                    tags.update(finding.tags)
                    numbers.append(number)
        for path, (tags, numbers) in found.items():
            shown = ", ".join(sorted(tags))
            message = f"{versions.subject} {_numbers(numbers)}: nothing protects {path} ({shown})"
            yield Drift(Kind.UNCOVERED, versions.subject, path, tuple(numbers), message, tuple(sorted(tags)))

    def _refused(self, side: str, versions: SubjectVersions) -> Iterator[Drift]:
        found: dict[tuple[str, str], list[int]] = {}
        for number, judged in self._judged[side].items():
            problem = judged.problem
            if problem is not None and problem.kind != "uncovered":
                found.setdefault((problem.path, problem.message), []).append(number)
            for refusal in judged.plan.refusals():
                reason = f"{refusal.stage}: {refusal.reason or refusal.code}"
                found.setdefault((refusal.path, reason), []).append(number)
        for (path, reason), numbers in found.items():
            numbers = list(dict.fromkeys(numbers))
            message = f"{versions.subject} {_numbers(numbers)}: {reason}"
            yield Drift(Kind.REFUSED, versions.subject, path, tuple(numbers), message)

    def _gone(self, side: str, versions: SubjectVersions) -> Iterator[Drift]:
        last = versions.last
        for selection, there in self.selected[side].items():
            numbers = [number for number, found in there.items() if found]
            if numbers and not there.get(last, True):
                message = (
                    f"{versions.subject} version {last} does not have {selection.text}, which {selection.key} selects, "
                    f"and {_numbers(numbers)} did"
                )
                yield Drift(Kind.GONE, versions.subject, selection.text, tuple(numbers), message, key=selection.key)

    def _newly_sensitive(self, side: str, versions: SubjectVersions) -> Iterator[Drift]:
        """By what each version says itself: what is said later of an earlier one, or earlier of a later, is not new."""
        known: set[str] = set()
        sensitive = self._protection.sensitive
        for at, (number, root) in enumerate(versions.alone.items()):
            now = {leaf.origin: leaf.tags for _, leaf in leaves(root) if sensitive.match(leaf.tags)}
            verdicts = {finding.origin: finding.verdict for finding in self._findings(side, number)}
            for path, tags in now.items() if at else ():
                if path not in known:
                    # A chain that cannot be bound has found nothing.
                    verdict = verdicts.get(path, Verdict.UNCOVERED)
                    shown = tuple(sorted(tags))
                    message = (
                        f"{versions.subject} version {number}: {path} ({', '.join(shown)}) is sensitive, and was not "
                        f"before; it is {verdict}"
                    )
                    acts = verdict >= Verdict.UNPROVEN
                    yield Drift(
                        Kind.NEWLY_SENSITIVE, versions.subject, path, (number,), message, shown, needs_action=acts
                    )
            known |= now.keys()


def _never_there(looks: Sequence[_Look]) -> Iterator[Drift]:
    """Selections that find nothing in any version of any subject."""
    found: dict[Selection, bool] = {}
    for look in looks:
        for selected in look.selected.values():
            for selection, there in selected.items():
                found[selection] = found.get(selection, False) or any(there.values())
    for selection, once in found.items():
        if not once:
            message = f"{selection.text}, which {selection.key} selects, is in no version of a {selection.side}"
            yield Drift(Kind.GONE, None, selection.text, (), message, key=selection.key)


def _numbers(numbers: Sequence[int]) -> str:
    word = "version" if len(numbers) == 1 else "versions"
    return f"{word} {', '.join(map(str, numbers))}"
