"""Making and changing key rings in Vault: what `streamveil keys` does, and nothing that runs a connector.

Every change is one write with check-and-set: of two at the same time one wins, and the other is told. Each function
blocks at most a few of the client's deadlines and raises the client's errors, or `UnusableRing`.
"""

from __future__ import annotations

from collections.abc import Callable

from vault.boundary import bare
from vault.client import VaultClient
from vault.errors import VaultConflict, VaultNotFound
from vault.keyring import Ring
from vault.ring_document import FOLDER, LAST_VERSION, RingDocument, RingPlace, RingVersion, UnusableRing, read_document
from vault.vault_rings import check_wrapping_key


@bare
def create_ring(client: VaultClient, place: RingPlace) -> RingDocument:
    """A ring with version 1, and its wrapping key where that is missing. Refuses a ring that is there already."""
    if _is_there(lambda: client.read_secret(place.path)):
        raise UnusableRing(f"{place}: there is something already, and it stays as it is")
    if not _is_there(lambda: client.transit_key(place.wrapping_key)):
        client.create_transit_key(place.wrapping_key, derived=True)
    check_wrapping_key(client, place)
    document = RingDocument(ring=place.name, versions={"1": _new_version(client, place, 1)})
    _write(client, place, document, expected=0)
    return document


@bare
def rotate_ring(client: VaultClient, place: RingPlace) -> RingDocument:
    """The ring with a version more, of a new key. The others stay as they are."""
    document, at = _read(client, place)
    number = document.last + 1
    if number > LAST_VERSION:
        raise UnusableRing(f"{place}: {LAST_VERSION} versions are all that a ring can have")
    check_wrapping_key(client, place)
    changed = document.having({number: _new_version(client, place, number)})
    _write(client, place, changed, expected=at)
    return changed


@bare
def rewrap_ring(client: VaultClient, place: RingPlace) -> RingDocument:
    """The ring with every key wrapped by the latest version of the wrapping key. The keys are the same, and stay in
    Vault while it happens.
    """
    document, at = _read(client, place)
    check_wrapping_key(client, place)
    changed = document.having({n: _rewrapped(client, place, n, version) for n, version in document.active().items()})
    _write(client, place, changed, expected=at)
    return changed


@bare
def retire_version(client: VaultClient, place: RingPlace, number: int) -> RingDocument:
    """The ring without the key of this version. Refuses the last one that is active, and one that is not."""
    document, at = _read(client, place)
    active = document.active()
    if number not in active:
        state = "retired already" if str(number) in document.versions else "not there"
        raise UnusableRing(f"{place}: version {number} is {state}")
    if len(active) == 1:
        raise UnusableRing(f"{place}: version {number} is the last one that is active: rotate first")
    changed = document.having({number: active[number].ended()})
    _write(client, place, changed, expected=at)
    return changed


def read_ring(client: VaultClient, place: RingPlace) -> RingDocument:
    """The ring's document. Unwraps nothing."""
    return _read(client, place)[0]


def ring_names(client: VaultClient, folder: str = FOLDER) -> list[str]:
    """The rings in a folder, sorted."""
    return sorted(name for name in client.list_secrets(folder) if not name.endswith("/"))


def _is_there(read: Callable[[], object]) -> bool:
    try:
        read()
    except VaultNotFound:
        return False
    return True


def _read(client: VaultClient, place: RingPlace) -> tuple[RingDocument, int]:
    """The document, and the version of the secret that a write must replace."""
    secret = client.read_secret(place.path)
    return read_document(place, secret), secret.version


def _write(client: VaultClient, place: RingPlace, document: RingDocument, *, expected: int) -> None:
    try:
        client.write_secret(place.path, document.data(), cas=expected)
        return
    except VaultConflict:
        created = expected == 0
    why = "a ring is there, or was and is deleted" if created else "somebody else has changed it meanwhile"
    raise UnusableRing(f"{place}: {why}; nothing is written")


def _new_version(client: VaultClient, place: RingPlace, number: int) -> RingVersion:
    wrapped, key = client.wrapped_data_key(place.wrapping_key, place.context(number))
    return RingVersion.new(wrapped, Ring({number: key}, number).fingerprint(number))


def _rewrapped(client: VaultClient, place: RingPlace, number: int, version: RingVersion) -> RingVersion:
    (wrapped,) = client.rewrap(place.wrapping_key, [version.wrapped], context=place.context(number))
    if not isinstance(wrapped, str):
        raise UnusableRing(f"{place}: {place.wrapping_key} does not unwrap version {number}; nothing is written")
    return version.rewrapped(wrapped)
