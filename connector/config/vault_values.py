"""`${vault:path:key}`: values that a configuration takes from Vault's KV v2, while it loads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from connector.config.document import is_text
from connector.config.providers import Unresolved
from vault.client import Secret, VaultClient
from vault.errors import VaultError, VaultNotFound, VaultRefused, VaultRejected
from vault.settings import VaultSettings

_DEADLINE_S = 5.0


class VaultValues:
    """Reads each secret once, logged in once, and only where a value is wanted.

    `settings` is asked when the first value is; None means that they are not there or wrong, which has been noted.
    After a failure that no other path would be spared (Vault is away, a file of TLS is missing) it is asked no more.
    """

    def __init__(self, settings: Callable[[], VaultSettings | None]) -> None:
        self._settings = settings
        self._open = ExitStack()
        self._client: VaultClient | None = None
        self._secrets: dict[str, Secret | str] = {}
        self._is_lost = False

    def __repr__(self) -> str:
        return f"<values of {len(self._secrets)} secrets>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def value(self, path: str, key: str) -> str:
        """The text at a key of a secret. Blocks for 5 s at most. Raises `Unresolved`, which names path and key."""
        if path not in self._secrets:
            self._secrets[path] = self._read(path)
        secret = self._secrets[path]
        if isinstance(secret, str):
            raise Unresolved(f"{_wanted(path, key)} ({secret})")
        text = secret.data.get(key)
        if not isinstance(text, str) or not is_text(text):
            raise Unresolved(f"{_wanted(path, key)}, with text")
        return text

    def _read(self, path: str) -> Secret | str:
        """The secret, or why there is none."""
        if self._is_lost:
            return "Vault could not be used before"
        try:
            client = self._connected()
            if client is None:
                return "vault.* does not say which Vault"
            return client.read_secret(path)
        except VaultNotFound:
            return "Vault has no such secret"
        except VaultError as failure:
            self._is_lost = not isinstance(failure, VaultRefused | VaultRejected)
            return str(failure)

    def _connected(self) -> VaultClient | None:
        if self._client is None:
            settings = self._settings()
            self._is_lost = settings is None
            self._client = (
                None if settings is None else self._open.enter_context(VaultClient(settings, deadline=_DEADLINE_S))
            )
        return self._client


def _wanted(path: str, key: str) -> str:
    return f"the key {key} of the secret {path} in Vault"
