"""Vault as a stream processor needs it: KV v2 for documents, Transit for keys and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

from hvac.api.secrets_engines import KvV2, Transit

from vault.access import Access
from vault.answers import (
    BATCH,
    DATA_KEY,
    LISTED,
    TRANSIT_KEY,
    VERSIONED,
    WRITTEN,
    BatchItem,
    TokenFacts,
    TransitKey,
    checked,
    from_base64,
    to_base64,
)
from vault.batches import REFUSED, Item, ItemRefused, Pool, cut
from vault.boundary import bare
from vault.conversation import Conversation
from vault.deadline import Deadline
from vault.errors import VaultConflict, VaultNotFound, VaultProtocolError, VaultRejected
from vault.renewal import Renewer
from vault.settings import VaultSettings, is_path
from vault.transport import Transport

_Result = TypeVar("_Result")

_DATA_KEY_BYTES: Final = 32
_NO_KEY_TYPE_TO_ENCRYPT_WITH: Final = "ecdsa-p256"
"""Vault makes a key that it does not have as it encrypts, unless it is to be of a type that cannot encrypt."""


class Secret:
    """One version of a KV v2 secret. Shows nothing of its data; no copy and no pickle of it exists."""

    __slots__ = ("data", "version")

    def __init__(self, data: Mapping[str, Any], version: int) -> None:
        self.data = MappingProxyType(dict(data))
        self.version = version

    def __repr__(self) -> str:
        return f"<version {self.version} of a secret>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret cannot be copied or pickled")


class VaultClient:
    """Logged in to one Vault, and kept so by a thread in the background. Safe to share between threads.

    Every method blocks for ``deadline`` seconds at most, login and retries included, and raises the errors of
    `vault.errors`, which hold nothing of what went in or out. The first call logs in.

    A secret's path lies below the mount of KV, a Transit key's name below the mount of Transit.
    """

    def __init__(self, settings: VaultSettings, *, deadline: float = 5.0) -> None:
        self._settings = settings
        self._seconds = deadline
        self._transport = Transport(settings)
        self._access = Access(settings, self._transport, on_new_token=self._wake)
        self._renewer = Renewer(self._access, deadline=deadline)
        self._pool = Pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<client of Vault at {self._settings.url}>"

    def close(self) -> None:
        """Ends the threads and the connections; the token stays valid until its TTL. Not to be used afterwards."""
        self._renewer.close()
        self._pool.close()
        self._transport.close()

    @bare
    def read_secret(self, path: str) -> Secret:
        """The latest version. Raises `VaultNotFound` when there is none, or it is deleted."""
        answer = KvV2(self._conversation()).read_secret_version(
            _path(path), mount_point=self._settings.kv_mount, raise_on_deleted_version=True
        )
        found = checked(VERSIONED, answer)
        return Secret(found.data, found.metadata.version)

    @bare
    def write_secret(self, path: str, data: Mapping[str, Any], *, cas: int) -> int:
        """Writes a version after version ``cas`` (0: there is none yet), and gives its number.

        Raises `VaultConflict` when the latest version is another one, and has not been written by this very call.
        """
        conversation = self._conversation()
        kv, mount = KvV2(conversation), self._settings.kv_mount
        try:
            answer = kv.create_or_update_secret(_path(path), dict(data), cas=cas, mount_point=mount)
        except VaultConflict:
            if not conversation.repeated or not self._is_written(kv, path, data, cas + 1):
                raise
            return cas + 1
        return checked(WRITTEN, answer).version

    @bare
    def list_secrets(self, path: str) -> list[str]:
        """The names below a path, empty when there are none; a name that ends in a slash has others below it."""
        kv = KvV2(self._conversation())
        try:
            answer = kv.list_secrets(_path(path) if path.strip("/") else "", mount_point=self._settings.kv_mount)
        except VaultNotFound:
            return []
        return checked(LISTED, answer).keys

    @bare
    def transit_key(self, name: str) -> TransitKey:
        """What Vault says of a key. Raises `VaultNotFound` when it has none of this name."""
        return checked(TRANSIT_KEY, self._transit().read_key(_name(name), mount_point=self._settings.transit_mount))

    @bare
    def create_transit_key(self, name: str, *, derived: bool, convergent: bool = False) -> None:
        """Creates a key of type aes256-gcm96 that cannot be exported. One that exists stays as it is."""
        self._transit().create_key(
            _name(name),
            convergent_encryption=convergent,
            derived=derived,
            exportable=False,
            allow_plaintext_backup=False,
            key_type="aes256-gcm96",
            mount_point=self._settings.transit_mount,
        )

    @bare
    def rotate_transit_key(self, name: str) -> None:
        """Adds a version, with which Vault encrypts from then on where none is asked for."""
        self._transit().rotate_key(_name(name), mount_point=self._settings.transit_mount)

    @bare
    def wrapped_data_key(self, name: str, context: bytes) -> tuple[str, bytes]:
        """A new key of 32 random bytes: encrypted by the Transit key under the context, and as it is."""
        answer = self._transit().generate_data_key(
            _name(name),
            key_type="plaintext",
            context=to_base64(context),
            bits=8 * _DATA_KEY_BYTES,
            mount_point=self._settings.transit_mount,
        )
        found = checked(DATA_KEY, answer)
        key = from_base64(found.plaintext)
        if key is None or len(key) != _DATA_KEY_BYTES:
            raise VaultProtocolError(f"transit/datakey: not a key of {_DATA_KEY_BYTES} bytes")
        return found.ciphertext, key

    @bare
    def encrypt(
        self, name: str, plaintexts: Sequence[bytes], *, context: bytes | None, key_version: int
    ) -> list[str | ItemRefused]:
        """A ciphertext for each plaintext, with this version of the key (0: the latest); never creates a key.

        ``context`` is for derived keys. What Vault refuses for itself alone is `ItemRefused`.
        """
        version = {"key_version": key_version} if key_version else {}
        items = [{**_item(context, plaintext=to_base64(plaintext)), **version} for plaintext in plaintexts]
        expected = f"vault:v{key_version}:" if key_version else "vault:v"

        def of_version(found: BatchItem) -> str | None:
            return found.ciphertext if found.ciphertext and found.ciphertext.startswith(expected) else None

        more = {"type": _NO_KEY_TYPE_TO_ENCRYPT_WITH}
        return self._in_batches(Transit.encrypt_data, name, items, of_version, more)

    @bare
    def decrypt(self, name: str, ciphertexts: Sequence[str], *, context: bytes | None) -> list[bytes | ItemRefused]:
        """The plaintext of each ciphertext; what is none of this key, or of this context, is `ItemRefused`."""
        items = [_item(context, ciphertext=ciphertext) for ciphertext in ciphertexts]

        def decoded(found: BatchItem) -> bytes | None:
            return None if found.plaintext is None else from_base64(found.plaintext)

        return self._in_batches(Transit.decrypt_data, name, items, decoded)

    @bare
    def rewrap(self, name: str, ciphertexts: Sequence[str], *, context: bytes | None) -> list[str | ItemRefused]:
        """Each ciphertext under the latest version of the key. The plaintexts stay in Vault."""
        items = [_item(context, ciphertext=ciphertext) for ciphertext in ciphertexts]
        return self._in_batches(
            partial(Transit.rewrap_data, ciphertext=None), name, items, lambda found: found.ciphertext
        )

    @bare
    def lookup_self(self) -> TokenFacts:
        """What Vault knows about our token, without the token."""
        return self._access.facts(Deadline(self._seconds))

    def _wake(self) -> None:
        self._renewer.wake()

    def _conversation(self, deadline: Deadline | None = None) -> Conversation:
        until = deadline or Deadline(self._seconds)
        return Conversation(lambda request: self._access.call(request, until))

    def _transit(self) -> Transit:
        return Transit(self._conversation())

    def _is_written(self, kv: KvV2, path: str, data: Mapping[str, Any], version: int) -> bool:
        """Whether this version is what an attempt of ours has written whose answer was lost."""
        mount = self._settings.kv_mount
        answer = kv.read_secret_version(_path(path), mount_point=mount, raise_on_deleted_version=True)
        found = checked(VERSIONED, answer)
        return found.metadata.version == version and found.data == dict(data)

    def _in_batches(
        self,
        operation: Callable[..., Any],
        name: str,
        items: Sequence[Item],
        read: Callable[[BatchItem], _Result | None],
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> list[_Result | ItemRefused]:
        """What ``read`` makes of the result of each item; where it makes None of it, the answer is none of Vault's."""
        deadline = Deadline(self._seconds)
        key, mount = _name(name), self._settings.transit_mount

        def send(part: Sequence[Item]) -> list[_Result | ItemRefused]:
            transit = Transit(self._conversation(deadline))
            answer = operation(transit, name=key, batch_input=part, mount_point=mount, **more)
            results = checked(BATCH, answer).batch_results
            read_results = [REFUSED if result.error else read(result) for result in results]
            complete = [result for result in read_results if result is not None]
            if len(complete) != len(part):
                raise VaultProtocolError(f"Transit key {key}: not a result for each item of a batch")
            return complete

        return self._pool.each(cut(items, 1 + 2 * len(more)), send)


def _item(context: bytes | None, **texts: str) -> dict[str, str | int]:
    return dict(texts) if context is None else {**texts, "context": to_base64(context)}


def _path(path: str) -> str:
    inner = path.strip("/")
    if not is_path(inner):
        raise VaultRejected("a path that Vault cannot have: empty, or with a blank, '.' or '..' between its slashes")
    return inner


def _name(name: str) -> str:
    if "/" in name or not is_path(name):
        raise VaultRejected("a name that a Transit key cannot have: empty, or with a slash")
    return name
