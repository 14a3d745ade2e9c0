"""Markers of forgotten subjects: what `streamveil forget` writes and every task reads before it commits a mapping.

A marker is a record of the compacted topic `<mapping.topic>.forgotten`. Its key is the subject's keyed digest under the
newest version of the ring, its value a JSON object: `state` (`requested` or `erased`), `at` (when, in UTC), `subject`
(the digest under each version that the ring had, by the fingerprint of the key). It holds nothing of the subject.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal

State = Literal["requested", "erased"]
_STATES: Mapping[str, State] = {"requested": "requested", "erased": "erased"}

FORGOTTEN = ".forgotten"
"""What the name of the markers' topic has after that of the mapping topic."""

_DIGEST_BYTES = 32


class BadMarker(ValueError):
    """A record that `forget` did not write. Shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Marker:
    """One subject that was forgotten."""

    state: State
    at: str
    digests: Mapping[str, bytes]

    def to_value(self) -> bytes:
        digests = {fingerprint: to_text(digest) for fingerprint, digest in self.digests.items()}
        return json.dumps({"state": self.state, "at": self.at, "subject": digests}).encode()

    @staticmethod
    def from_value(value: bytes) -> Marker:
        """Raises `BadMarker`."""
        try:
            content = json.loads(value)
            state, at = _STATES.get(content["state"]), content["at"]
            # Fingerprints and times are few: kept once, however many markers there are.
            digests = {sys.intern(name): from_text(text) for name, text in content["subject"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadMarker from None
        if state is None or not isinstance(at, str) or not digests:
            raise BadMarker
        return Marker(state, sys.intern(at), digests)


class Forgotten:
    """The markers that were read so far. About 500 bytes of memory for each forgotten subject."""

    def __init__(self) -> None:
        self.markers: dict[bytes, Marker] = {}
        self._owners: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes one record of the topic, in order; a tombstone takes its marker back. Raises `BadMarker`."""
        marker = None if value is None else Marker.from_value(value)
        replaced = self.markers.pop(key, None)
        if replaced is not None:
            for digest in replaced.digests.values():
                # A later marker of the same subject has the same digests.
                if self._owners.get(digest) == key:
                    del self._owners[digest]
        if marker is not None:
            self.markers[key] = marker
            self._owners |= dict.fromkeys(marker.digests.values(), key)

    def holds(self, digest: bytes) -> bool:
        """Whether this is a digest of a forgotten subject."""
        return digest in self._owners

    def owner(self, digest: bytes) -> bytes | None:
        """The key of the marker that has this digest."""
        return self._owners.get(digest)

    def beyond(self, fingerprints: Set[str]) -> int:
        """How many markers none of these keys can honour."""
        return sum(1 for marker in self.markers.values() if fingerprints.isdisjoint(marker.digests))


def to_text(digest: bytes) -> str:
    """A digest as keys and values of records show it: unpadded base64url."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The digest again. Raises ValueError for anything that `to_text` does not give."""
    try:
        digest = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, TypeError):
        raise ValueError from None
    if len(digest) != _DIGEST_BYTES or to_text(digest) != text:
        raise ValueError
    return digest
