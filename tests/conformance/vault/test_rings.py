"""Key rings on the development Vault and on a real one: what rests on how Vault itself behaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.realvault.server import RealVault
from tests.unit.vaults import CUSTOMERS, call, client_of, document_of, put_document, token_with
from vault.client import VaultClient
from vault.devserver import DevVault
from vault.errors import VaultNotFound, VaultRefused, VaultUnavailable
from vault.ring_document import RingPlace, UnusableRing
from vault.ring_keeping import create_ring, retire_version, rewrap_ring, ring_names, rotate_ring
from vault.vault_rings import VaultRing

ORDERS = RingPlace.of("orders")
SERVICE = """
path "secret/data/streamveil/rings/customers" { capabilities = ["read"] }
path "transit/keys/streamveil-rings" { capabilities = ["read"] }
path "transit/decrypt/streamveil-rings" { capabilities = ["update"] }
"""
"""All that a connector with one ring needs."""

Vault = DevVault | RealVault


@pytest.fixture(scope="module", params=[DevVault, RealVault], ids=["development", "real"])
def server(request: pytest.FixtureRequest) -> Iterator[Vault]:
    with request.param() as server:
        yield server


@pytest.fixture
def vault(server: Vault) -> Iterator[Vault]:
    """Without rings and without a wrapping key; the server is shared, because a real one takes a second to start."""
    yield server
    for name in ("customers", "orders"):
        call(server, "DELETE", f"secret/metadata/streamveil/rings/{name}")
    with suppress(httpx.HTTPStatusError):  # there is no key where the test has made none
        call(server, "POST", "transit/keys/streamveil-rings/config", deletion_allowed=True)
        call(server, "DELETE", "transit/keys/streamveil-rings")


@pytest.fixture
def client(vault: Vault) -> Iterator[VaultClient]:
    with client_of(vault) as client:
        yield client


def _subkeys(client: VaultClient, place: RingPlace = CUSTOMERS) -> dict[int, bytes]:
    ring = VaultRing(client, place)
    return {version: ring.subkey("hmac", "EMAIL", 32, version) for version in ring.versions}


def test_a_ring_that_was_created_opens_to_the_same_keys_each_time(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)

    assert _subkeys(client) == _subkeys(client)


def test_rotation_keeps_what_the_ring_had(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    before = _subkeys(client)
    rotate_ring(client, CUSTOMERS)

    after = _subkeys(client)
    assert after.keys() == {1, 2}
    assert after[1] == before[1] != after[2]


def test_wrapping_anew_keeps_every_key_and_lets_old_versions_of_the_wrapping_key_go(
    vault: Vault, client: VaultClient
) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)
    before, old_document = _subkeys(client), document_of(vault)

    client.rotate_transit_key("streamveil-rings")
    rewrap_ring(client, CUSTOMERS)
    call(vault, "POST", "transit/keys/streamveil-rings/config", min_decryption_version=2)

    assert _subkeys(client) == before
    put_document(vault, old_document)
    with pytest.raises(UnusableRing, match="unwraps only from version 2 on"):
        VaultRing(client, CUSTOMERS)


def test_a_retired_version_is_gone_from_the_ring(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)
    retire_version(client, CUSTOMERS, 1)

    assert VaultRing(client, CUSTOMERS).versions == (2,)


def _swapped(vault: Vault) -> dict[str, Any]:
    document = document_of(vault)
    one, two = document["versions"]["1"], document["versions"]["2"]
    return document | {"versions": {"1": one | {"key": two["key"]}, "2": two | {"key": one["key"]}}}


def _of_another_ring(vault: Vault) -> dict[str, Any]:
    return document_of(vault, ORDERS) | {"ring": "customers"}


@pytest.mark.parametrize("attack", [_swapped, _of_another_ring])
def test_a_wrapped_key_works_in_no_other_place(vault: Vault, client: VaultClient, attack: Any) -> None:
    for place in (CUSTOMERS, ORDERS):
        create_ring(client, place)
        rotate_ring(client, place)
    put_document(vault, attack(vault))

    with pytest.raises(UnusableRing, match="streamveil-rings does not unwrap version 1"):
        VaultRing(client, CUSTOMERS)


def test_a_ring_that_is_there_is_never_written_over(vault: Vault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    before = _subkeys(client)

    with pytest.raises(UnusableRing):
        create_ring(client, CUSTOMERS)
    assert _subkeys(client) == before

    call(vault, "DELETE", "secret/data/streamveil/rings/customers")
    with pytest.raises(UnusableRing, match="or was and is deleted"):
        create_ring(client, CUSTOMERS)


def test_the_wrapping_key_leaves_vault_in_no_way(vault: Vault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)

    key = call(vault, "GET", "transit/keys/streamveil-rings")
    assert (key["derived"], key["exportable"], key["allow_plaintext_backup"]) == (True, False, False)


def test_a_wrapping_key_that_was_made_exportable_is_refused(vault: Vault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    call(vault, "POST", "transit/keys/streamveil-rings/config", exportable=True)

    with pytest.raises(UnusableRing, match="can be exported"):
        VaultRing(client, CUSTOMERS)


def test_a_connector_needs_to_read_one_document_and_to_unwrap(vault: Vault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    create_ring(client, ORDERS)

    with client_of(vault, token_with(vault, SERVICE)) as service:
        assert _subkeys(service) == _subkeys(client)
        with pytest.raises(VaultRefused, match="secret/data/streamveil/rings/orders"):
            VaultRing(service, ORDERS)
        with pytest.raises(VaultRefused):
            rotate_ring(service, CUSTOMERS)


def test_opening_a_ring_that_is_missing_makes_neither_ring_nor_key(client: VaultClient) -> None:
    with pytest.raises(VaultNotFound, match="secret/data/streamveil/rings/customers"):
        VaultRing(client, CUSTOMERS)

    assert ring_names(client) == []
    with pytest.raises(VaultNotFound):
        client.transit_key("streamveil-rings")


def test_an_open_ring_survives_a_sealed_vault_and_learns_of_new_versions_after_it(vault: Vault) -> None:
    now = [0.0]
    with client_of(vault, deadline=2.0) as client:
        create_ring(client, CUSTOMERS)
        ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
        rotate_ring(client, CUSTOMERS)
        now[0] = 60.0

        vault.seal()
        try:
            assert ring.subkey("hmac", "EMAIL", 32, 1)
            with pytest.raises(VaultUnavailable):
                ring.has(2)
        finally:
            vault.unseal()

        assert ring.has(2)
