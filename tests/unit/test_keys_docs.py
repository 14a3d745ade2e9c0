"""What docs/keys.md shows works: its connector, its document, its commands with the policy that it names for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.config import Need, load
from tests.unit.commands import streamveil
from tests.unit.vaults import CUSTOMERS, client_of, document_of, put_document, token_with
from vault.devserver import DevVault
from vault.errors import VaultRefused
from vault.ring_document import read_document
from vault.ring_keeping import create_ring, read_ring
from vault.vault_rings import VaultRing

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "keys.md").read_text(encoding="utf-8")
OPERATOR, SERVICE = ((DOCS / "vault-policies" / name).read_text() for name in ("operator.hcl", "service.hcl"))


def blocks(kind: str) -> list[str]:
    found = re.findall(rf"^ *```{kind}\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return found


COMMANDS = [line.split() for block in blocks("sh keys") for line in block.splitlines()]


@pytest.fixture
def vault() -> Iterator[DevVault]:
    with DevVault() as vault:
        yield vault


def _as(vault: DevVault, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", token)


def test_the_connector_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    connector = load(json.loads(blocks("json connector")[0]), need=Need.VAULT)

    assert connector.rings["customers"] == CUSTOMERS


def test_the_commands_work_in_their_order_with_no_more_than_the_operators_policy(
    vault: DevVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(vault, token_with(vault, OPERATOR), monkeypatch)

    for command in COMMANDS:
        done = streamveil(*command[1:])
        assert (done.exit_code, done.stderr) == (0, ""), command


def test_the_document_is_one(vault: DevVault) -> None:
    put_document(vault, json.loads(blocks("json document")[0]))

    with client_of(vault) as client:
        assert read_document(CUSTOMERS, client.read_secret(CUSTOMERS.path)).last == 1


def test_the_document_has_the_members_that_a_real_one_has(vault: DevVault) -> None:
    with client_of(vault) as client:
        create_ring(client, CUSTOMERS)

    shown, real = json.loads(blocks("json document")[0]), document_of(vault)
    assert list(shown) == list(real)
    assert shown["versions"]["1"].keys() == real["versions"]["1"].keys()


def test_a_connector_opens_its_ring_with_no_more_than_its_policy(vault: DevVault) -> None:
    with client_of(vault) as operator:
        create_ring(operator, CUSTOMERS)

    with client_of(vault, token_with(vault, SERVICE)) as service:
        assert VaultRing(service, CUSTOMERS).versions == (1,)


def test_an_operator_may_not_unwrap(vault: DevVault) -> None:
    with client_of(vault, token_with(vault, OPERATOR)) as operator:
        create_ring(operator, CUSTOMERS)

        assert read_ring(operator, CUSTOMERS).last == 1
        with pytest.raises(VaultRefused, match="transit/decrypt/streamveil-rings"):
            VaultRing(operator, CUSTOMERS)
