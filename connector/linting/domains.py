"""Domains and key rings: values are comparable where transform, key ring and domain are the same, and only there."""

from __future__ import annotations

from collections.abc import Iterator

from connector.coverage import places
from connector.explain import Explanation, place_of
from connector.linting.remark import Remark, Subject, key_of, listed
from registry.schema.tree import Guard


def split_domains(subject: Subject) -> Iterator[Remark]:
    """`domain-under-two-keys`: what is in one domain is meant to be comparable, and under two keys it is not."""
    rings: dict[tuple[str, str], dict[str, str]] = {}
    if subject.explanation is None:
        for link in subject.links:
            domain, ring = getattr(link.transform, "domain", None), link.transform.key_ring()
            if domain and ring and link.transform.protecting:
                rings.setdefault((link.name, domain), {}).setdefault(ring, key_of(link))
    else:
        for _, guard in _guards(subject.explanation):
            if guard.domain is not None and guard.key is not None:
                by_ring = rings.setdefault((guard.transform, guard.domain), {})
                by_ring.setdefault(guard.key, f"transforms.{guard.step}")
    for (transform, domain), by_ring in rings.items():
        if len(by_ring) > 1:
            message = (
                f"{transform} uses the domain {domain} under the key rings {listed(by_ring)}, so that equal values"
            )
            advice = "Use one key ring, or give them domains of their own"
            yield Remark("domain-under-two-keys", list(by_ring.values())[-1], f"{message} come out different", advice)


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


def _guards(explanation: Explanation) -> Iterator[tuple[str, Guard]]:
    for end in explanation.judged.plan.ends():
        if end.shape is not None:
            for side, path, leaf in places(end.shape):
                yield from ((place_of(side, path), guard) for guard in leaf.guards)
