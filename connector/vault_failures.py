"""What a failure of Vault is to a connector: an outage to wait for while it runs, or the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connector.record import Stop
from transforms.outcome import Unavailable
from vault.errors import VaultError, VaultUnavailable


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Of a connector that runs: `Unavailable` for what may pass, `Stop`, which names `what`, for all else."""
    try:
        yield
    except VaultUnavailable:
        raise Unavailable("Vault does not answer") from None
    except VaultError as problem:
        raise Stop(f"{what}: {problem}") from None


@contextmanager
def stopping(what: str) -> Iterator[None]:
    """Of one that starts: `Stop`, which names `what`, in an outage as well."""
    try:
        yield
    except VaultError as problem:
        raise Stop(f"{what}: {problem}") from None
