"""Key rings that are kept in Vault, opened: wrapped keys in a document, unwrapped by Transit, held in memory alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from typing import Any, Final, NoReturn

from vault.boundary import bare
from vault.client import VaultClient
from vault.keyring import KEY_BYTES, Ring
from vault.ring_document import RingDocument, RingPlace, RingVersion, UnusableRing, read_document

_ASKS_AGAIN_S: Final = 1.0


class VaultRing:
    """The active versions of a ring, as they were when it was opened, and those that have been added since.

    Opening reads the ring's document and has every active version unwrapped. From then on Vault is asked only for a
    version that is not known: the document is read once more, at most once a second, because whoever writes records
    may make up version numbers. What has been unwrapped is kept until the process ends, whatever happens to Vault or
    to the document.

    Whatever asks Vault blocks at most a few of the client's deadlines, and raises its errors, or `UnusableRing`.
    Nothing is ever written. Not for concurrent use.
    """

    __slots__ = ("_client", "_clock", "_last", "_place", "_read_at", "_rings", "_writing")

    def __init__(self, client: VaultClient, place: RingPlace, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._place = place
        self._clock = clock
        self._rings: dict[int, Ring] = {}
        self._read()
        if not self._rings:
            raise UnusableRing(f"{place}: every version is retired")
        self._writing = min(self._rings) if len(self._rings) == 1 else None

    @property
    def versions(self) -> tuple[int, ...]:
        """Every version that is known, ascending."""
        return tuple(sorted(self._rings))

    @property
    def writing_version(self) -> int:
        """The only version that the ring had when it was opened. Raises LookupError where it had several."""
        if self._writing is None:
            raise LookupError("the key ring has several versions, and none to write with")
        return self._writing

    @property
    def last(self) -> int:
        """The highest version that the ring had ever had when its document was last read, retired or not."""
        return self._last

    def has(self, version: int) -> bool:
        """Whether the ring has this version, by now."""
        return self._found(version) is not None

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        """As `Ring.subkey`. LookupError says that the ring does not have the version in Vault either."""
        wanted = self.writing_version if version is None else version
        return self._ring(wanted).subkey(purpose, domain, length, wanted)

    def fingerprint(self, version: int) -> str:
        """As `Ring.fingerprint`, with the same LookupError."""
        return self._ring(version).fingerprint(version)

    def _ring(self, version: int) -> Ring:
        ring = self._found(version)
        if ring is None:
            raise LookupError(f"the key ring has no version {version}")
        return ring

    def _found(self, version: int) -> Ring | None:
        if version not in self._rings and self._clock() >= self._read_at + _ASKS_AGAIN_S:
            self._read()
        return self._rings.get(version)

    @bare
    def _read(self) -> None:
        """Unwrap what the document has and we do not."""
        document = read_document(self._place, self._client.read_secret(self._place.path))
        active = document.active()
        for number, version in active.items():
            if number in self._rings and self._rings[number].fingerprint(number) != version.fingerprint:
                raise UnusableRing(f"{self._place}: version {number} is another key than it was")
        self._rings |= _unwrapped(self._client, self._place, document, active.keys() - self._rings.keys())
        self._last = document.last
        self._read_at = self._clock()

    def __repr__(self) -> str:
        return f"<key ring of {len(self._rings)} version(s)>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a key ring cannot be copied or pickled")


def check_wrapping_key(client: VaultClient, place: RingPlace) -> int:
    """Refuse a wrapping key that protects nothing. Gives the oldest of its versions that may still unwrap.

    Raises `UnusableRing` for one that is exportable, because then ring keys are wherever it was exported to, or not
    derived, because then a wrapped key could be moved to another ring or version.
    """
    key = client.transit_key(place.wrapping_key)
    if key.exportable or not key.derived:
        wrong = "can be exported" if key.exportable else "is not derived, so that wrapped keys could be swapped"
        raise UnusableRing(f"{place}: the wrapping key {place.wrapping_key} {wrong}")
    return key.min_decryption_version


def _unwrapped(client: VaultClient, place: RingPlace, document: RingDocument, numbers: Set[int]) -> dict[int, Ring]:
    """These active versions, each as a ring of its own."""
    if not numbers:
        return {}
    oldest = check_wrapping_key(client, place)
    active = document.active()
    return {number: _one(client, place, number, active[number], oldest) for number in sorted(numbers)}


def _one(client: VaultClient, place: RingPlace, number: int, version: RingVersion, oldest: int) -> Ring:
    if (version.wrapped_with or 0) < oldest:
        raise UnusableRing(
            f"{place}: version {number} is wrapped with version {version.wrapped_with} of {place.wrapping_key}, which "
            f"unwraps only from version {oldest} on"
        )
    (key,) = client.decrypt(place.wrapping_key, [version.wrapped], context=place.context(number))
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise UnusableRing(
            f"{place}: {place.wrapping_key} does not unwrap version {number}: it was wrapped with another key, for "
            "another ring or version, or changed"
        )
    ring = Ring({number: key}, number)
    if ring.fingerprint(number) != version.fingerprint:
        raise UnusableRing(f"{place}: version {number} is another key than its fingerprint says")
    return ring
