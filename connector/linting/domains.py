"""Domains and key rings: values are comparable where transform, key ring and domain are the same, and only there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connector.coverage import places
from connector.explain import Explanation
from connector.linting.remark import Remark, Subject, key_of, listed
from connector.plan import Link
from transforms.keyed import Keyed


def split_domains(subject: Subject) -> Iterator[Remark]:
    """`domain-under-two-keys`: what is in one domain is meant to be comparable, and under two keys it is not."""
    uses = _guarded(subject.explanation) if subject.explanation is not None else _configured(subject.links)
    found: dict[tuple[str, str], dict[str, str]] = {}
    for use in uses:
        found.setdefault((use.transform, use.domain), {}).setdefault(use.key, use.where)
    for (transform, domain), keys in found.items():
        if len(keys) > 1:
            message = f"{transform} uses the domain {domain} under {listed(keys)}, so that equal values differ"
            advice = "Use one key, or give them domains of their own"
            yield Remark("domain-under-two-keys", list(keys.values())[-1], message, advice)


def split_tags(subject: Subject) -> Iterator[Remark]:
    """`tag-under-two-domains`: fields of one name and the same tags, under one key, that cannot be joined."""
    if subject.explanation is None:
        return
    sensitive = subject.protection.sensitive
    found: dict[tuple[str, str | None, str, frozenset[str]], dict[str, tuple[str, str]]] = {}
    for finding in subject.explanation.findings:
        tags = frozenset(tag for tag in finding.tags if sensitive.match([tag]))
        name = finding.path.rpartition(".")[2]
        for guard in finding.guards:
            if guard.domain is not None and tags:
                domains = found.setdefault((guard.transform, guard.key, name, tags), {})
                domains.setdefault(guard.domain, (finding.path, f"transforms.{guard.step}"))
    for (transform, key, _, tags), domains in found.items():
        if len(domains) > 1:
            shown = listed(f"{path} ({domain})" for domain, (path, _) in domains.items())
            message = f"{transform} under {key} gives fields of one name, tagged {listed(sorted(tags))}, two domains"
            where = list(domains.values())[-1][1]
            yield Remark(
                "tag-under-two-domains", where, f"{message}: {shown}", "Give them one domain if they are to join"
            )


class _Use(NamedTuple):
    """A transform that uses a key for a domain; the key by ring and version, where that is known."""

    transform: str
    domain: str
    key: str
    where: str


def _configured(links: Sequence[Link]) -> Iterator[_Use]:
    for link in links:
        transform = link.transform
        if isinstance(transform, Keyed) and transform.protecting and transform.domain is not None:
            yield _Use(link.name, transform.domain, _key(transform.key, transform.key_version), key_of(link))


def _guarded(explanation: Explanation) -> Iterator[_Use]:
    for end in explanation.judged.plan.ends():
        for _, _, leaf in places(end.shape) if end.shape is not None else ():
            for guard in leaf.guards:
                if guard.key is not None and guard.domain is not None:
                    key = _key(guard.key, guard.version)
                    yield _Use(guard.transform, guard.domain, key, f"transforms.{guard.step}")


def _key(ring: str, version: int | None) -> str:
    return f"the key ring {ring}" if version is None else f"version {version} of the key ring {ring}"
