"""What a chain says about tokens of mode=vault: which rings make them, and under which keys subjects are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connector.plan import Link
from transforms.keys import KeyRing
from transforms.tokenize import Tokenize


def vault_rings(links: Iterable[Link], keys: Mapping[str, KeyRing]) -> list[KeyRing]:
    """The rings of the transforms that make tokens of mode=vault, each once."""
    made = (link.transform for link in links)
    names = dict.fromkeys(t.key for t in made if isinstance(t, Tokenize) and t.mode == "vault" and t.key)
    return [keys[name] for name in names]


def subject_keys(rings: Iterable[KeyRing]) -> frozenset[str]:
    """The fingerprints of every key of these rings: a marker under none of them cannot be honoured."""
    found = (ring.fingerprint(version) for ring in rings for version in ring.versions)
    return frozenset(name for name in found if name is not None)
