"""Whether a chain gives back what it was given because two rings, or two versions of one, hold the same key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.plan import Link
from transforms.keyed import Keyed
from transforms.keys import KeyRing


def undoing_by_key(links: Sequence[Link], keys: Mapping[str, KeyRing]) -> tuple[Link, Link] | None:
    """As `connector.plan.undoing`, by the keys themselves and not by what they are called.

    A key that is not at hand is taken to be no other's.
    """
    pairs = ((later, earlier) for at, later in enumerate(links) for earlier in links[:at])
    return next((pair for pair in pairs if _undoes(pair[0], pair[1], keys)), None)


def _undoes(later: Link, earlier: Link, keys: Mapping[str, KeyRing]) -> bool:
    ours, theirs = later.transform, earlier.transform
    if not isinstance(ours, Keyed) or not isinstance(theirs, Keyed):
        return False
    if _fingerprints(ours, keys).isdisjoint(_fingerprints(theirs, keys)):
        return False
    one_name = {"key": ours.key, "key_version": None}
    return ours.model_copy(update=one_name).undoes(theirs.model_copy(update=one_name))


def _fingerprints(keyed: Keyed, keys: Mapping[str, KeyRing]) -> set[str]:
    """Of every key that the transform may use."""
    ring = keys.get(keyed.key or "")
    if ring is None:
        return set()
    found = (ring.fingerprint(version) for version in ring.versions if keyed.key_version in (None, version))
    return {fingerprint for fingerprint in found if fingerprint is not None}
