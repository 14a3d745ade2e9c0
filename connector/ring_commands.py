"""What `streamveil keys` says: about rings and their versions, never about a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.config.errors import ConfigError, ConfigErrors
from connector.config.vault_access import VaultAccess, access_from_environment, access_from_file
from vault.client import VaultClient
from vault.ring_document import RingDocument, RingPlace, is_ring_name
from vault.ring_keeping import create_ring, read_ring, retire_version, rewrap_ring, ring_names, rotate_ring
from vault.settings import is_path


class RingKeeper:
    """The commands, for one Vault. Each gives the lines to print, and raises what `vault` raises."""

    def __init__(self, client: VaultClient, access: VaultAccess) -> None:
        self._client = client
        self._access = access

    def place(self, name: str, path: str | None, wrapping_key: str | None) -> RingPlace:
        """Where a ring is: as said here, else as the connector says, else as by default. Raises ConfigErrors."""
        configured = self._access.places.get(name, RingPlace.of(name))
        wrong = []
        if not is_ring_name(name):
            expected = "at most 100 letters, digits, dots, dashes and underscores, the first a letter or digit"
            wrong.append(ConfigError("NAME", expected))
        if path is not None and not is_path(path):
            wrong.append(ConfigError("--path", "a path below the mount of KV"))
        if wrapping_key is not None and (not is_path(wrapping_key) or "/" in wrapping_key):
            wrong.append(ConfigError("--wrapping-key", "the name of a Transit key"))
        if wrong:
            raise ConfigErrors(wrong)
        return RingPlace(name, path or configured.path, wrapping_key or configured.wrapping_key)

    def create(self, place: RingPlace) -> Sequence[str]:
        document = create_ring(self._client, place)
        return [f"{place} has version 1, with the fingerprint {document.versions['1'].fingerprint}"]

    def rotate(self, place: RingPlace) -> Sequence[str]:
        document = rotate_ring(self._client, place)
        number = document.last
        said = [f"{place} has version {number} now, with the fingerprint {document.versions[str(number)].fingerprint}"]
        if len(document.active()) > 1:
            said.append(
                "Every transform that protects with the ring needs key.version before its connector starts again: "
                f"the version that it writes with so far, or {number}. What older versions wrote stays readable."
            )
        return said

    def rewrap(self, place: RingPlace) -> Sequence[str]:
        active = rewrap_ring(self._client, place).active()
        versions = ", ".join(map(str, active))
        with_version = max(version.wrapped_with or 0 for version in active.values())
        return [
            f"{place} is wrapped with version {with_version} of {place.wrapping_key} now: versions {versions}. "
            "Its keys are the same."
        ]

    def retire(self, place: RingPlace, number: int) -> Sequence[str]:
        active = retire_version(self._client, place, number).active()
        earlier = ",".join(map(str, range(1, self._client.read_secret(place.path).version)))
        return [
            f"{place} has lost the key of version {number}; versions {', '.join(map(str, active))} are active",
            "What it wrote can no longer be reversed, and new values no longer join with it, once nobody has the key: "
            "connectors that run keep it until they are restarted, and Vault's KV keeps it, wrapped, in the earlier "
            "versions of the document until somebody who may destroys them:",
            f"vault kv destroy -mount={self._access.settings.kv_mount} -versions={earlier} {place.path}",
        ]

    def names(self) -> Sequence[str]:
        return ring_names(self._client)

    def versions(self, place: RingPlace) -> RingDocument:
        return read_ring(self._client, place)


@contextmanager
def keeping_rings(config: Path | None) -> Iterator[RingKeeper]:
    """The commands for the Vault of a connector's file, else for that of the environment. Raises ConfigErrors."""
    access = access_from_file(config) if config is not None else access_from_environment()
    with VaultClient(access.settings) as client:
        yield RingKeeper(client, access)


def print_versions(document: RingDocument, console: Console) -> None:
    """A row for each version; plain text where it is no terminal."""
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, collapse_padding=True)
    for heading in ("version", "state", "created", "retired", "fingerprint", "wrapped with"):
        table.add_column(heading, no_wrap=True)
    for number, version in document.numbered():
        facts = (number, version.state, version.created, version.retired, version.fingerprint, version.wrapped_with)
        table.add_row(*(Text("-" if fact is None else str(fact)) for fact in facts))
    console.print(table)
