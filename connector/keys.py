"""The key rings of a configuration, opened: those in Vault as well, which only who runs records or reverses them needs.

A ring that cannot be opened is a `Stop`; from then on a failure of Vault is what `connector.vault_failures` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from types import MappingProxyType

from connector.config import Connector
from connector.plan import Link
from connector.record import Stop
from connector.unopened_ring import UnopenedRing
from connector.vault_failures import stopping, waiting
from transforms.keyed import Keyed
from transforms.keys import KeyRing
from vault.client import VaultClient
from vault.ring_document import RingPlace
from vault.vault_rings import VaultRing


def vault_client(connector: Connector, closing: ExitStack) -> VaultClient | None:
    """A client of the Vault that is configured, if one is. Connects to nothing yet. Raises `Stop`."""
    if connector.vault is None:
        return None
    with stopping("vault"):
        return closing.enter_context(VaultClient(connector.vault))


def opened(connector: Connector, vault: VaultClient | None) -> Mapping[str, KeyRing]:
    """The rings of a configuration by name, every one ready for use as long as the client is open.

    Blocks as long as a few of the client's deadlines for each ring in Vault. Raises `Stop` where one cannot be opened,
    in an outage as well, and where a transform must name the version that it writes with and does not.
    """
    rings: dict[str, KeyRing] = {}
    for name, ring in connector.rings.items():
        rings[name] = _open(name, ring, vault) if isinstance(ring, RingPlace) else ring
    for link in connector.chain:
        _check_version(link, rings)
    return MappingProxyType(rings)


def unopened(connector: Connector) -> Mapping[str, KeyRing]:
    """The rings of a configuration by name, with stand-ins for those in Vault. Asks no server."""

    def named(ring: str) -> list[int]:
        keyed = [link.transform for link in connector.chain if isinstance(link.transform, Keyed)]
        return [k.key_version for k in keyed if k.key == ring and k.key_version is not None]

    rings = connector.rings.items()
    return {name: UnopenedRing(named(name)) if isinstance(ring, RingPlace) else ring for name, ring in rings}


class _Kept:
    """A ring in Vault as transforms use it while records flow."""

    def __init__(self, name: str, ring: VaultRing) -> None:
        self._name = name
        self._ring = ring

    @property
    def versions(self) -> tuple[int, ...]:
        return self._ring.versions

    @property
    def writing_version(self) -> int:
        return self._ring.writing_version

    @property
    def last(self) -> int:
        return self._ring.last

    def has(self, version: int) -> bool:
        with self._waiting():
            return self._ring.has(version)

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        with self._waiting():
            return self._ring.subkey(purpose, domain, length, version)

    def fingerprint(self, version: int) -> str:
        with self._waiting():
            return self._ring.fingerprint(version)

    def _waiting(self) -> AbstractContextManager[None]:
        return waiting(f"keys.{self._name}")


def _open(name: str, place: RingPlace, vault: VaultClient | None) -> KeyRing:
    if vault is None:
        raise Stop(f"keys.{name}: vault.url is required, because the key ring is kept in Vault")
    with stopping(f"keys.{name}"):
        return _Kept(name, VaultRing(vault, place))


def _check_version(link: Link, rings: Mapping[str, KeyRing]) -> None:
    """Refuse to begin with a version that the ring does not have, or with none where it has several to choose from."""
    transform = link.transform
    if not isinstance(transform, Keyed) or transform.key is None or transform.key not in rings:
        return
    ring, option = rings[transform.key], f"transforms.{link.alias}.key.version"
    versions = ", ".join(map(str, ring.versions))
    if transform.key_version is not None:
        if transform.key_version not in ring.versions:
            raise Stop(f"{option}: expected a version that the key ring {transform.key} has: {versions}")
        return
    if not transform.protecting:
        return  # it reverses, and learns from each schema with which version
    try:
        _ = ring.writing_version
    except LookupError:
        expected = f"the version to write with, because the key ring {transform.key} has several: {versions}"
        raise Stop(f"{option}: expected {expected}") from None
