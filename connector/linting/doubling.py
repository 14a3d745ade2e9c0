"""Leaves that two transforms protect: one of them is for nothing, or undoes what the other was for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise

from connector.coverage import places
from connector.explain import Explanation, is_within, place_of
from connector.linting.overlap import shared
from connector.linting.remark import Remark, Subject, key_of, listed
from connector.plan import Link, Stage
from registry.schema.tree import Guard
from transforms.replace_field import ReplaceField
from transforms.selecting import Selecting

_REVERSIBLE = frozenset({"Fpe", "Tokenize"})


def twice_protected(subject: Subject) -> Iterator[Remark]:
    """`double-protection` and `destroyed-result`; with a schema by leaf, else where two selections say the same."""
    if subject.explanation is not None:
        yield from _on_leaves(subject.explanation, {link.alias: link for link in subject.links})
        yield from _dropped_later(subject.explanation)
    else:
        yield from _on_selections(subject.links)


def _on_leaves(explanation: Explanation, links: Mapping[str, Link]) -> Iterator[Remark]:
    found: dict[tuple[Guard, Guard], list[str]] = {}
    for end in explanation.judged.plan.ends():
        if end.shape is not None:
            for side, path, leaf in places(end.shape):
                for earlier, later in pairwise(leaf.guards):
                    if not _exclude_each_other(links.get(earlier.step), links.get(later.step)):
                        pair = earlier._replace(domain=None), later._replace(domain=None)
                        found.setdefault(pair, []).append(place_of(side, path))
    for (earlier, later), paths in found.items():
        yield _remark((earlier.step, earlier.transform), (later.step, later.transform), listed(paths))


def _on_selections(links: Sequence[Link]) -> Iterator[Remark]:
    for (at, earlier), (to, later) in combinations(enumerate(links), 2):
        if not earlier.transform.protecting or not _surely_meet(earlier, later):
            continue
        both = shared(earlier, later)
        if not both or any(_gives_back(link) and shared(earlier, link) for link in links[at + 1 : to]):
            continue
        if later.transform.protecting:
            yield _remark((earlier.alias, earlier.name), (later.alias, later.name), listed(both))
        elif isinstance(later.transform, ReplaceField) and later.predicate is None:
            yield _dropped(earlier, later, listed(both))


def _gives_back(link: Link) -> bool:
    return isinstance(link.transform, Selecting) and not link.transform.protecting


def _surely_meet(earlier: Link, later: Link) -> bool:
    """Whether some record takes both: two predicates may be such that none does."""
    if earlier.predicate is None or later.predicate is None:
        return True
    return earlier.predicate == later.predicate and earlier.negate == later.negate


def _exclude_each_other(one: Link | None, other: Link | None) -> bool:
    """Whether no record takes both, which a plan does not know: it forks at each predicate anew."""
    if one is None or other is None:  # a guard of a plugin need not name its link
        return False
    return one.predicate is not None and one.predicate == other.predicate and one.negate != other.negate


def _dropped_later(explanation: Explanation) -> Iterator[Remark]:
    """Leaves that are protected and then dropped, and of which nothing is left at any end."""
    plan = explanation.judged.plan
    left = {leaf.origin for end in plan.ends() if end.shape for _, _, leaf in places(end.shape)}
    found: dict[tuple[str, str], tuple[Link, Link, list[str]]] = {}
    for way in plan.ways():
        for earlier, later in combinations(way, 2):
            if earlier.link.transform.protecting and isinstance(later.link.transform, ReplaceField):
                lost = _both_touched(earlier, later) - left
                if lost:
                    pair = earlier.link.alias, later.link.alias
                    found.setdefault(pair, (earlier.link, later.link, []))[2].extend(sorted(lost))
    for earlier_link, later_link, paths in found.values():
        yield _dropped(earlier_link, later_link, listed(paths))


def _both_touched(earlier: Stage, later: Stage) -> set[str]:
    if earlier.link.transform.side != later.link.transform.side:
        return set()
    return {origin for origin in later.touched if any(is_within(origin, place) for place in earlier.touched)}


def _remark(earlier: tuple[str, str], later: tuple[str, str], what: str) -> Remark:
    (first, first_name), (second, second_name) = earlier, later
    where = f"transforms.{second}"
    if _destroys(first_name, second_name):
        lost = "can be decrypted no more" if second_name == "Hmac" else "is hidden by it"
        message = f"what transforms.{first} ({first_name}) makes of {what} {lost}"
        advice = f"Take what is meant for transforms.{first} out of the selection of transforms.{second}"
        return Remark("destroyed-result", where, message, advice)
    message = f"protects {what}, which transforms.{first} ({first_name}) has protected already"
    return Remark("double-protection", where, message, "Let one of the two select it")


def _destroys(earlier: str, later: str) -> bool:
    if later == "MaskField":
        return earlier != "MaskField"
    return later == "Hmac" and earlier in _REVERSIBLE


def _dropped(earlier: Link, later: Link, what: str) -> Remark:
    message = f"drops {what}, which {key_of(earlier)} ({earlier.name}) has protected for nothing"
    advice = f"Drop it before {key_of(earlier)}, or keep it"
    return Remark("destroyed-result", key_of(later), message, advice)
