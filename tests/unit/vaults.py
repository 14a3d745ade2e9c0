"""A Vault for tests, and what an operator would do in it besides what Streamveil does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import httpx

from vault.client import VaultClient
from vault.ring_document import RingPlace
from vault.settings import VaultSettings

CUSTOMERS = RingPlace.of("customers")


class AnyVault(Protocol):
    """The development Vault, or a real one."""

    @property
    def url(self) -> str: ...
    @property
    def root_token(self) -> str: ...


def settings_of(vault: AnyVault, token: str | None = None) -> VaultSettings:
    """How to log in to a Vault, with its root token where no other is given."""
    return VaultSettings.model_validate({"vault.url": vault.url, "vault.token": token or vault.root_token})


@contextmanager
def client_of(vault: AnyVault, token: str | None = None, *, deadline: float = 5.0) -> Iterator[VaultClient]:
    """A client that is closed at the end."""
    with VaultClient(settings_of(vault, token), deadline=deadline) as client:
        yield client


def call(vault: AnyVault, method: str, path: str, **body: Any) -> Any:
    """What Vault answers to the operator: `data`, or nothing."""
    answer = httpx.request(
        method, f"{vault.url}/v1/{path}", json=body or None, headers={"X-Vault-Token": vault.root_token}
    )
    answer.raise_for_status()
    return answer.json().get("data") if answer.content else None


def document_of(vault: AnyVault, place: RingPlace = CUSTOMERS) -> dict[str, Any]:
    """The document of a ring, as it lies in KV."""
    found: dict[str, Any] = call(vault, "GET", f"secret/data/{place.path}")["data"]
    return found


def put_document(vault: AnyVault, document: Mapping[str, Any], place: RingPlace = CUSTOMERS) -> None:
    """What somebody who may write to KV can do to a ring."""
    call(vault, "POST", f"secret/data/{place.path}", data=dict(document))


def token_with(vault: AnyVault, policy: str) -> str:
    """A token that may do what this policy says and nothing else."""
    call(vault, "PUT", "sys/policies/acl/some", policy=policy)
    made = httpx.post(
        f"{vault.url}/v1/auth/token/create",
        json={"policies": ["some"]},
        headers={"X-Vault-Token": vault.root_token},
    )
    token: str = made.json()["auth"]["client_token"]
    return token
