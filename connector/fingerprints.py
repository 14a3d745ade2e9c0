"""Whether the keys are those that a sink was written with so far.

Every schema that a chain registers says with which version of which key ring it protects, and tells that key from any
other by its fingerprint. Another key under the same ring and version would write values that join with nothing and
that nobody can reverse, so a connector that has one does not write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from connector.record import Stop
from registry.client import EVER
from registry.errors import SchemaNotFound
from registry.registered import RegisteredSchema
from transforms.keys import KeyRing
from transforms.lineage import PROTECTED

_Key = tuple[str, int]
"""A ring's name and a version of it."""


class Versioned(Protocol):
    """What is asked of the registry."""

    def versions(self, subject: str, *, deleted: bool = False, since: float = EVER) -> list[int]: ...

    def version(self, subject: str, version: int) -> RegisteredSchema: ...


class Fingerprints:
    """Compares the open rings with what the schemas of a sink say."""

    def __init__(self, registry: Versioned, rings: Mapping[str, KeyRing]) -> None:
        self._registry = registry
        self._rings = rings
        self._checked: set[str] = set()

    def check(self, subject: str) -> None:
        """Raise `Stop` where a schema of the subject was written with another key. Asks once for each subject.

        The subject's schemas are read from the latest back, until every version of every ring has been met. Blocks as
        long as the registry client's deadline for each, and raises the client's errors. Calling again is safe.
        """
        if subject in self._checked:
            return
        awaited = {(name, version) for name, ring in self._rings.items() for version in ring.versions}
        for number in reversed(self._numbers(subject)) if awaited else ():
            for key, fingerprint in fingerprints_in(self._text(subject, number)):
                self._compare(subject, number, key, fingerprint)
                awaited.discard(key)
            if not awaited:
                break
        self._checked.add(subject)

    def _numbers(self, subject: str) -> list[int]:
        try:
            return self._registry.versions(subject)
        except SchemaNotFound:
            return []  # nothing has been written under the subject

    def _text(self, subject: str, number: int) -> str:
        try:
            return self._registry.version(subject, number).text
        except SchemaNotFound:
            return ""  # deleted for good since the versions were listed

    def _compare(self, subject: str, number: int, key: _Key, fingerprint: str) -> None:
        name, version = key
        ring = self._rings.get(name)
        if ring is None or version not in ring.versions:
            return
        ours = ring.fingerprint(version)
        if ours != fingerprint:
            raise Stop(
                f"keys.{name}: version {version} is another key than the one that subject {subject}, version {number}, "
                f"was written with: its fingerprint is {ours}, that one's {fingerprint}. Bring the old key back, or "
                "add the new one as another version or under another name"
            )


def fingerprints_in(text: str) -> Iterator[tuple[_Key, str]]:
    """The keys that a schema says it was written with, and their fingerprints. Other schemas say nothing."""
    try:
        places: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while places:
        place = places.pop()
        if isinstance(place, dict):
            yield from _named(place.get(PROTECTED))
            places += place.values()
        elif isinstance(place, list):
            places += place


def _named(lineage: Any) -> Iterator[tuple[_Key, str]]:
    for facts in lineage if isinstance(lineage, list) else ():
        match facts:
            case {"key": str(name), "version": int(version), "fingerprint": str(fingerprint)}:
                yield (name, version), fingerprint
