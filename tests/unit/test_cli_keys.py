"""`streamveil keys`: key rings in Vault as an operator makes and changes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from typer.testing import Result

from tests.unit.commands import Folder, streamveil
from tests.unit.vaults import CUSTOMERS, call, client_of, document_of
from vault.client import VaultClient
from vault.devserver import DevVault
from vault.ring_document import RingPlace
from vault.vault_rings import VaultRing


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[DevVault]:
    """A Vault in which the operator has logged in with Vault's own tools."""
    with DevVault() as vault:
        monkeypatch.setenv("VAULT_ADDR", vault.url)
        monkeypatch.setenv("VAULT_TOKEN", vault.root_token)
        yield vault


def keys(*arguments: str) -> Result:
    return streamveil("keys", *arguments)


def done(*arguments: str) -> str:
    result = keys(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refused(*arguments: str) -> str:
    result = keys(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()[1:]]


def test_create_makes_a_ring_that_a_connector_can_open(vault: DevVault) -> None:
    said = done("create", "customers")

    with client_of(vault) as client:
        ring = VaultRing(client, CUSTOMERS)
    assert ring.versions == (1,)
    assert said == (
        f"key ring customers at streamveil/rings/customers has version 1, with the fingerprint {ring.fingerprint(1)}\n"
    )


def test_create_refuses_a_ring_that_is_there(vault: DevVault) -> None:
    done("create", "customers")

    assert refused("create", "customers") == (
        "key ring customers at streamveil/rings/customers: there is something already, and it stays as it is\n"
    )


def test_list_names_the_rings(vault: DevVault) -> None:
    done("create", "orders")
    done("create", "customers")

    assert done("list") == "customers\norders\n"


def test_list_without_rings_shows_nothing(vault: DevVault) -> None:
    assert done("list") == ""


def test_list_of_a_ring_shows_its_versions(vault: DevVault) -> None:
    done("create", "customers")
    done("rotate", "customers")
    done("retire", "customers", "1")

    table = done("list", "customers")

    versions = document_of(vault)["versions"]
    one, two = versions["1"], versions["2"]
    assert _rows(table) == [
        ["1", "retired", one["created"], one["retired"], one["fingerprint"], "-"],
        ["2", "active", two["created"], "-", two["fingerprint"], "1"],
    ]


def test_rotate_says_what_a_second_version_asks_of_connectors(vault: DevVault) -> None:
    done("create", "customers")

    said = done("rotate", "customers")

    assert "has version 2 now, with the fingerprint" in said
    assert "needs key.version before its connector starts again" in said


def test_rewrap_after_a_rotation_of_the_transit_key_changes_no_key(vault: DevVault) -> None:
    done("create", "customers")
    before = _rows(done("list", "customers"))
    call(vault, "POST", "transit/keys/streamveil-rings/rotate")

    said = done("rewrap", "customers")

    after = _rows(done("list", "customers"))
    assert "is wrapped with version 2 of streamveil-rings now: versions 1" in said
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert [row[-1] for row in (*before, *after)] == ["1", "2"]


def test_retire_says_what_is_lost(vault: DevVault) -> None:
    done("create", "customers")
    done("rotate", "customers")

    said = done("retire", "customers", "1")

    assert "has lost the key of version 1; versions 2 are active" in said
    assert "What it wrote can no longer be reversed" in said
    assert said.endswith("vault kv destroy -mount=secret -versions=1,2 streamveil/rings/customers\n")


def test_retire_refuses_the_last_active_version(vault: DevVault) -> None:
    done("create", "customers")

    assert "version 1 is the last one that is active: rotate first" in refused("retire", "customers", "1")


@pytest.mark.parametrize("command", [("list",), ("rotate",), ("rewrap",), ("retire", "1")])
def test_a_ring_that_is_not_there_is_not_made(vault: DevVault, command: tuple[str, ...]) -> None:
    said = refused(command[0], "customers", *command[1:])

    assert "secret/data/streamveil/rings/customers" in said
    assert [request for request in vault.requests if not request.startswith("GET")] == []


def test_a_ring_may_be_elsewhere_and_wrapped_by_another_key(vault: DevVault) -> None:
    done("create", "customers", "--path", "team/rings/customers", "--wrapping-key", "team-rings")

    with client_of(vault) as client:
        place = RingPlace.of("customers", path="team/rings/customers", wrapping_key="team-rings")
        assert VaultRing(client, place).versions == (1,)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("a/b",), "NAME: expected at most 100 letters"),
        (("customers", "--path", "../x"), "--path: expected a path below the mount of KV"),
        (("customers", "--wrapping-key", "a/b"), "--wrapping-key: expected the name of a Transit key"),
    ],
)
def test_names_that_are_no_names_are_refused_before_vault_is_asked(
    vault: DevVault, arguments: tuple[str, ...], error: str
) -> None:
    assert error in refused("create", *arguments)
    assert not vault.requests


def test_a_path_without_the_ring_that_is_there_is_no_command(vault: DevVault) -> None:
    assert keys("list", "--path", "team/rings").exit_code == 2
    assert not vault.requests


def test_without_a_token_in_the_environment_nothing_is_asked(vault: DevVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")

    assert refused("list") == (
        "VAULT_TOKEN: found nothing; expected a token of Vault in this environment variable, or --config\n"
    )
    assert not vault.requests


def test_a_connector_says_how_to_reach_vault_and_where_its_rings_are(
    vault: DevVault, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_ADDR")
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("OPERATOR", vault.root_token)
    config = {
        "vault.url": vault.url,
        "vault.token": "${env:OPERATOR}",
        "keys": "customers",
        "keys.customers.provider": "vault",
        "keys.customers.path": "team/customers",
        "keys.customers.wrapping.key": "team-rings",
    }
    file = folder.write("connector.json", config)

    assert "key ring customers at team/customers has version 1" in done("create", "customers", "--config", file)
    assert call(vault, "GET", "transit/keys/team-rings")["derived"]


def test_what_else_is_in_a_connector_does_not_matter(vault: DevVault, folder: Folder) -> None:
    file = folder.write(
        "connector.json",
        {
            "vault.url": vault.url,
            "vault.token": vault.root_token,
            "keys": "other",
            "keys.other.provider": "file",
            "keys.other.path": "/nowhere",
            "kafka.sasl.password": "${env:NOT_HERE}",
        },
    )

    assert "has version 1" in done("create", "customers", "--config", file)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({}, "vault.*: "),
        ({"vault.token": "hvs.s3cret", "vault.url": "http://example.org"}, "vault.url can only be http:// on loopback"),
        ({"vault.tken": "hvs.s3cret"}, "vault.tken: found an unknown key; expected a key that"),
    ],
)
def test_a_connector_whose_vault_is_not_usable_is_refused(
    folder: Folder, config: dict[str, Any], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://vault:8200")

    said = refused("list", "--config", folder.write("connector.json", config))

    assert error in said
    assert "s3cret" not in said


def test_a_vault_that_is_not_there_is_told_within_the_deadline(
    vault: DevVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.ring_commands.VaultClient", partial(VaultClient, deadline=0.3))
    vault.stop()

    assert f"Vault at {vault.url} is unavailable" in refused("list")


def test_nothing_that_is_shown_holds_a_key_a_wrapped_key_or_the_token(vault: DevVault) -> None:
    shown = done("create", "customers") + done("rotate", "customers") + done("rewrap", "customers")
    shown += done("list", "customers") + done("retire", "customers", "1") + refused("create", "customers")

    assert "vault:v" not in shown
    assert vault.root_token not in shown
    assert not re.search(r"[A-Za-z0-9+/_-]{40,}", shown)
