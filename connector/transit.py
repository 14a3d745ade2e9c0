"""The keys that tokens of mode=transit are made with: they stay in Vault, which encrypts and decrypts for us.

A failure of Vault becomes what a running connector knows: `Unavailable` for what may pass, `Stop` for what does not.
Nothing here creates or changes a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from connector.config import Connector
from connector.plan import Link
from connector.record import Log, Stop
from connector.vault_failures import waiting
from transforms.keyed import Keyed
from transforms.outcome import Unavailable
from transforms.tokenize import Tokenize
from vault.answers import TransitKey
from vault.client import VaultClient

_Given = TypeVar("_Given")
_Answer = TypeVar("_Answer")

_IN_A_CALL: Final = 796
"""What goes in one round of requests. Each round has the client's deadline for itself: a batch that had to be through
within one would never be, where Vault answers, but slowly.
"""


class TransitKeys:
    """Keys of Vault's Transit engine, as transforms use them. Shows nothing of what it encrypts.

    Each call blocks at most a few of the client's deadlines, and one more for each 796 values. Raises `Unavailable`
    where Vault does not answer, `Stop` for a key that is not there, that we may not use, or that is no good any more.
    """

    def __init__(self, client: VaultClient) -> None:
        self._client = client
        self._only_versions: dict[str, int | None] = {}

    def check(self, key: str, version: int | None) -> None:
        """Raise `Stop` where a key does not make tokens that can be joined and read, or where it lacks a version.

        With no version given, what its only one is now will be written with from now on, even if it is rotated.
        """
        found = self._usable(key)
        if version is not None:
            _check_version(found, version)
        self._only_versions.setdefault(key, 1 if found.latest_version == 1 else None)

    def writing_version(self, key: str) -> int:
        """The only version that a key had when it was checked. Raises LookupError where it had several."""
        version = self._only_versions[key]
        if version is None:
            raise LookupError("the Transit key has several versions, and none to write with")
        return version

    def encrypt(self, key: str, plaintexts: Sequence[bytes], *, context: bytes, version: int) -> Sequence[str | None]:
        """A ciphertext for each plaintext, None for one that Vault refuses though the key is as it should be."""
        answers = _in_rounds(
            key, plaintexts, lambda some: self._client.encrypt(key, some, context=context, key_version=version)
        )
        tokens = [answer if isinstance(answer, str) else None for answer in answers]
        if None in tokens:  # it may be for the key's sake, and then no record is at fault
            _check_version(self._usable(key), version)
        return tokens

    def decrypt(self, key: str, ciphertexts: Sequence[str], *, context: bytes) -> Sequence[bytes | None]:
        """The plaintext of each ciphertext, None for what is not of this key and context, or of a retired version."""
        answers = _in_rounds(key, ciphertexts, lambda some: self._client.decrypt(key, some, context=context))
        return [answer if isinstance(answer, bytes) else None for answer in answers]

    def _usable(self, key: str) -> TransitKey:
        with waiting(_named(key)):
            found = self._client.transit_key(key)
        if not found.derived or not found.convergent:
            raise Stop(f"{_named(key)}: it must be derived, with convergent encryption, so that tokens can be joined")
        if found.exportable:
            raise Stop(f"{_named(key)}: the key can be exported from Vault, and then it may be anywhere")
        return found


def transit_of(connector: Connector, vault: VaultClient | None) -> TransitKeys | None:
    """The Transit keys that the chain names, each of them checked; None where it names none.

    Blocks as long as the client's deadline for each. Raises `Stop` where one is not as it must be, in an outage as
    well, and where a transform must name the version that it writes with and does not.
    """
    using = [(link, key) for link in connector.chain if (key := link.transform.transit_key()) is not None]
    if not using:
        return None
    if vault is None:
        raise Stop(f"transforms.{using[0][0].alias}.vault.transit.key: vault.url is required: Vault has the key")
    keys = TransitKeys(vault)
    for link, key in using:
        try:
            _check(keys, link, key)
        except Unavailable as problem:
            raise Stop(f"transforms.{link.alias}: {problem}") from None
    return keys


def report_caches(links: Iterable[Link], log: Log) -> None:
    """Say how many tokens were remembered, and how many had to be asked for, by each transform that remembers any."""
    for link in links:
        cache = link.transform.cache if isinstance(link.transform, Tokenize) else None
        if cache is not None:
            log.info("tokens remembered", transform=link.alias, hits=cache.hits, misses=cache.misses)


def _check(keys: TransitKeys, link: Link, key: str) -> None:
    transform = link.transform
    version = transform.key_version if isinstance(transform, Keyed) else None
    keys.check(key, version)
    if version is not None or not transform.protecting:
        return
    try:
        keys.writing_version(key)
    except LookupError:
        expected = f"the version to write with, because {_named(key)} has several"
        raise Stop(f"transforms.{link.alias}.key.version: expected {expected}") from None


def _check_version(found: TransitKey, version: int) -> None:
    oldest = max(1, found.min_encryption_version, found.min_decryption_version)
    if not oldest <= version <= found.latest_version:
        raise Stop(
            f"{_named(found.name)}: version {version} cannot be written with, only {oldest} to {found.latest_version}"
        )


def _in_rounds(
    key: str, given: Sequence[_Given], ask: Callable[[Sequence[_Given]], Sequence[_Answer]]
) -> list[_Answer]:
    answers: list[_Answer] = []
    for start in range(0, len(given), _IN_A_CALL):
        with waiting(_named(key)):
            answers += ask(given[start : start + _IN_A_CALL])
    return answers


def _named(key: str) -> str:
    return f"the Transit key {key}"
