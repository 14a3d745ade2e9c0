"""Tokens of mode=transit against each Vault: what the transforms take for granted of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.record import Stop
from connector.transit import TransitKeys
from tests.unit.chains import values
from tests.unit.tokens import detokenize, tokenize
from transforms.outcome import Code
from vault.client import VaultClient
from vault.settings import VaultSettings

KEY = "tokens-of-crm"
TRANSIT = {"mode": "transit", "key": None, "vault_transit_key": KEY}
GIVEN = ["", "ada@example.com", "Zoë", "x" * 10_000, *(f"user-{number}" for number in range(600))]


@pytest.fixture(scope="module")
def client(own: Any) -> Iterator[VaultClient]:
    settings = VaultSettings.model_validate({"vault.url": own.url, "vault.token": own.root_token})
    with VaultClient(settings, deadline=20.0) as client:
        yield client


@pytest.fixture
def keys(client: VaultClient) -> TransitKeys:
    client.create_transit_key(KEY, derived=True, convergent=True)
    keys = TransitKeys(client)
    keys.check(KEY, 1)
    return keys


def test_every_value_comes_back_the_empty_one_and_those_beyond_one_request_as_well(keys: TransitKeys) -> None:
    tokens = values("string", GIVEN, tokenize(**TRANSIT, key_version="1"), transit=keys)
    assert len(set(tokens)) == len(GIVEN)
    assert values("string", tokens, detokenize(**TRANSIT), transit=keys) == GIVEN


def test_equal_values_have_equal_tokens_whenever_they_are_made(keys: TransitKeys) -> None:
    first, second = (
        values("string", GIVEN[:9], tokenize(**TRANSIT, key_version="1", cache_entries="0"), transit=keys)
        for _ in range(2)
    )
    assert first == second
    elsewhere = values("string", GIVEN[:9], tokenize(**TRANSIT, key_version="1", domain="E"), transit=keys)
    assert not set(first) & set(elsewhere)


def test_what_vault_refuses_rejects_its_record_and_no_other(keys: TransitKeys) -> None:
    [token] = values("string", ["ada"], tokenize(**TRANSIT, key_version="1"), transit=keys)
    [foreign] = values("string", ["ada"], tokenize(**TRANSIT, key_version="1", domain="E"), transit=keys)
    changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    found = values("string", [foreign, token, changed, "vault:v99:AAAA"], detokenize(**TRANSIT), transit=keys)
    assert found == [Code.VAULT_REFUSED, "ada", Code.VAULT_REFUSED, Code.VAULT_REFUSED]


def test_a_pinned_version_outlasts_a_rotation(client: VaultClient, keys: TransitKeys) -> None:
    [before] = values("string", ["ada"], tokenize(**TRANSIT, key_version="1"), transit=keys)
    client.rotate_transit_key(KEY)
    assert values("string", ["ada"], tokenize(**TRANSIT, key_version="1", cache_entries="0"), transit=keys) == [before]
    [after] = values("string", ["ada"], tokenize(**TRANSIT, key_version="2"), transit=keys)
    assert after.startswith("vault:v2:")
    assert values("string", [before, after], detokenize(**TRANSIT), transit=keys) == ["ada", "ada"]


def test_a_key_that_is_not_there_stops_the_connector_and_is_not_made(client: VaultClient, keys: TransitKeys) -> None:
    for transform, given in ((tokenize, "ada"), (detokenize, "vault:v1:AAAA")):
        options = {**TRANSIT, "vault_transit_key": "mistyped", "key_version": "1" if transform is tokenize else None}
        with pytest.raises(Stop, match="the Transit key mistyped"):
            values("string", [given], transform(**options), transit=keys)
    with pytest.raises(Stop, match="the Transit key mistyped"):
        keys.check("mistyped", None)
