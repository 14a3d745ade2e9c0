"""Key rings in Vault as a connector uses them: opened at the start or no start, kept through outages, never made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connector.binding import Protection
from connector.config import Connector, Need, load
from connector.envelope import Envelope
from connector.keys import opened, vault_client
from connector.protecting import protection_of
from connector.record import Stop
from connector.service import protecting_pipeline
from tests.unit.commands import CUSTOMER, Folder, streamveil
from tests.unit.configuring import LEAST, dotted, errors_of
from tests.unit.vaults import CUSTOMERS, call, client_of, token_with
from transforms.keys import KeyRing
from transforms.outcome import Unavailable
from vault.client import VaultClient
from vault.devserver import DevVault, Fault
from vault.ring_keeping import create_ring, retire_version, rewrap_ring, rotate_ring

DOCUMENT = "secret/data/streamveil/rings/customers"
READ_ONLY = ("GET auth/token/lookup-self", "GET secret/", "GET transit/keys/", "POST transit/decrypt/")


@pytest.fixture
def vault() -> Iterator[DevVault]:
    with DevVault() as vault:
        yield vault


@pytest.fixture
def operator(vault: DevVault) -> Iterator[VaultClient]:
    """Who makes the key rings."""
    with client_of(vault) as client:
        yield client


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are told after a moment."""
    monkeypatch.setattr("connector.keys.VaultClient", partial(VaultClient, deadline=0.4))


def config(vault: DevVault, **keys: str) -> dict[str, Any]:
    """Pseudonyms with a ring in Vault; `__` stands for a dot."""
    return {
        "vault.url": vault.url,
        "vault.token": vault.root_token,
        "keys": "customers",
        "keys.customers.provider": "vault",
        "transforms": "pseudonym",
        "transforms.pseudonym.type": "Hmac",
        "transforms.pseudonym.tags": "EMAIL",
        "transforms.pseudonym.key": "customers",
        "policy.on.uncovered": "drop-field",
    } | dotted(keys)


def connector(vault: DevVault, **keys: str) -> Connector:
    return load(config(vault, **keys), need=Need.VAULT)


def rings(connector: Connector, closing: ExitStack) -> Mapping[str, KeyRing]:
    return opened(connector, vault_client(connector, closing))


def pseudonym(connector: Connector, closing: ExitStack) -> str:
    """What the chain makes of one address."""
    return pseudonym_of(protection_of(connector, rings(connector, closing)))


def pseudonym_of(protection: Protection) -> str:
    record = {
        "topic": "customers",
        "partition": 0,
        "offset": 0,
        "timestamp": None,
        "headers": [],
        "key_schema": None,
        "key": None,
        "value_schema": {"type": "record", "name": "C", "fields": [CUSTOMER["fields"][1]]},
        "value": {"email": "ada@example.com"},
    }
    answer = Envelope(protection).apply(record)
    found: str = answer["record"]["value"]["email"]
    return found


# At the start


def test_a_chain_uses_a_ring_from_vault(vault: DevVault, operator: VaultClient, closing: ExitStack) -> None:
    create_ring(operator, CUSTOMERS)

    first, again = (pseudonym(connector(vault), closing) for _ in range(2))

    assert first == again
    assert len(first) == 64


def test_a_ring_that_is_missing_is_no_start_and_nothing_is_made(vault: DevVault, closing: ExitStack) -> None:
    with pytest.raises(Stop, match=rf"keys\.customers: .*{DOCUMENT}"):
        rings(connector(vault), closing)

    assert [request for request in vault.requests if not request.startswith(READ_ONLY)] == []


def test_a_mistyped_path_makes_no_key(vault: DevVault, operator: VaultClient, closing: ExitStack) -> None:
    create_ring(operator, CUSTOMERS)
    vault.requests.clear()

    with pytest.raises(Stop, match="secret/data/streamveil/rings/custommers"):
        rings(connector(vault, keys__customers__path="streamveil/rings/custommers"), closing)

    assert [request for request in vault.requests if not request.startswith(READ_ONLY)] == []
    assert call(vault, "LIST", "secret/metadata/streamveil/rings")["keys"] == ["customers"]


def test_a_vault_that_does_not_answer_is_no_start(vault: DevVault, operator: VaultClient, closing: ExitStack) -> None:
    create_ring(operator, CUSTOMERS)
    vault.stop()

    with pytest.raises(Stop, match=r"keys\.customers: Vault at http://127\.0\.0\.1:\d+ is unavailable"):
        rings(connector(vault), closing)


def test_a_token_that_may_not_read_the_ring_is_no_start_and_the_path_is_named(
    vault: DevVault, operator: VaultClient, closing: ExitStack
) -> None:
    create_ring(operator, CUSTOMERS)
    vault.inject(Fault(status=403, path=DOCUMENT, times=None))

    with pytest.raises(Stop, match=DOCUMENT) as stopped:
        rings(connector(vault), closing)

    assert vault.root_token not in str(stopped.value)


def test_a_connector_without_vault_settings_says_what_it_needs(
    vault: DevVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    without = {key: value for key, value in config(vault).items() if not key.startswith("vault.")}

    assert any(error.startswith("vault.") for error in errors_of(without, Need.VAULT))


def test_the_version_to_write_with_must_be_named_once_there_are_two(
    vault: DevVault, operator: VaultClient, closing: ExitStack
) -> None:
    create_ring(operator, CUSTOMERS)
    rotate_ring(operator, CUSTOMERS)

    expected = r"transforms\.pseudonym\.key\.version: expected the version to write with, .* has several: 1, 2"
    with pytest.raises(Stop, match=expected):
        rings(connector(vault), closing)


def test_the_version_need_not_be_named_once_all_but_one_are_retired(
    vault: DevVault, operator: VaultClient, closing: ExitStack
) -> None:
    create_ring(operator, CUSTOMERS)
    rotate_ring(operator, CUSTOMERS)
    retire_version(operator, CUSTOMERS, 1)

    assert rings(connector(vault), closing)["customers"].writing_version == 2


def test_rotation_changes_no_pseudonym_as_long_as_the_version_is_named(
    vault: DevVault, operator: VaultClient, closing: ExitStack
) -> None:
    create_ring(operator, CUSTOMERS)
    before = pseudonym(connector(vault), closing)
    rotate_ring(operator, CUSTOMERS)

    old, new = (
        pseudonym(connector(vault, **{"transforms__pseudonym__key.version": version}), closing)
        for version in ("1", "2")
    )

    assert old == before
    assert new != before


def test_wrapping_anew_after_a_rotation_of_the_transit_key_changes_no_pseudonym(
    vault: DevVault, operator: VaultClient, closing: ExitStack
) -> None:
    create_ring(operator, CUSTOMERS)
    before = pseudonym(connector(vault), closing)

    operator.rotate_transit_key("streamveil-rings")
    rewrap_ring(operator, CUSTOMERS)

    assert pseudonym(connector(vault), closing) == before


def test_a_version_that_was_retired_cannot_be_written_with(
    vault: DevVault, operator: VaultClient, closing: ExitStack
) -> None:
    create_ring(operator, CUSTOMERS)
    rotate_ring(operator, CUSTOMERS)
    retire_version(operator, CUSTOMERS, 1)

    with pytest.raises(Stop, match=r"key\.version: expected a version that the key ring customers has: 2"):
        rings(connector(vault, **{"transforms__pseudonym__key.version": "1"}), closing)


def test_run_ends_with_status_1_and_names_what_it_lacks(vault: DevVault, tmp_path: Path) -> None:
    """Before Kafka is asked anything: nothing answers at its address."""
    file = tmp_path / "connector.json"
    file.write_text(json.dumps(config(vault) | LEAST | {"bootstrap.servers": "127.0.0.1:1"}))

    ended = subprocess.run(
        [sys.executable, "-m", "connector.cli", "run", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert ended.returncode == 1
    assert json.loads(ended.stderr.splitlines()[-1])["reason"].startswith(f"keys.customers: GET {DOCUMENT}: status 404")
    assert vault.root_token not in ended.stderr


def test_every_task_opens_its_rings_for_itself(vault: DevVault, operator: VaultClient, closing: ExitStack) -> None:
    create_ring(operator, CUSTOMERS)
    service = load(config(vault) | LEAST | {"key.converter": "string", "value.converter": "json"}, need=Need.SERVICE)
    vault.requests.clear()

    protecting_pipeline(service, closing)

    assert vault.requests.count("POST transit/decrypt/streamveil-rings") == 1


# While it runs


def test_records_go_on_through_an_outage(vault: DevVault, operator: VaultClient, closing: ExitStack) -> None:
    create_ring(operator, CUSTOMERS)
    protection = protection_of(connector(vault), rings(connector(vault), closing))
    before = pseudonym_of(protection)

    vault.seal()

    assert pseudonym_of(protection) == before


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring may ask Vault again at once."""
    monkeypatch.setattr("vault.vault_rings._ASKS_AGAIN_S", 0.0)


def test_an_outage_is_waited_for_when_a_version_is_not_known(
    vault: DevVault, operator: VaultClient, closing: ExitStack, later: None
) -> None:
    create_ring(operator, CUSTOMERS)
    ring = rings(connector(vault), closing)["customers"]
    rotate_ring(operator, CUSTOMERS)

    vault.seal()
    with pytest.raises(Unavailable):
        ring.has(2)
    vault.unseal()

    assert ring.has(2)
    assert not ring.has(3)


def test_a_document_that_was_deleted_stops_the_connector_where_it_is_needed(
    vault: DevVault, operator: VaultClient, closing: ExitStack, later: None
) -> None:
    create_ring(operator, CUSTOMERS)
    ring = rings(connector(vault), closing)["customers"]
    call(vault, "DELETE", DOCUMENT)

    with pytest.raises(Stop, match=rf"keys\.customers: .*{DOCUMENT}"):
        ring.subkey("hmac", "EMAIL", 32, 2)


def test_a_revoked_token_stops_the_connector_where_vault_is_needed(
    vault: DevVault, operator: VaultClient, closing: ExitStack, later: None
) -> None:
    create_ring(operator, CUSTOMERS)
    token = token_with(vault, 'path "*" { capabilities = ["create", "read", "update"] }')
    ring = rings(connector(vault, vault__token=token), closing)["customers"]
    call(vault, "POST", "auth/token/revoke", token=token)

    with pytest.raises(Stop, match=rf"keys\.customers: .*{DOCUMENT}") as stopped:
        ring.has(2)

    assert token not in str(stopped.value)
    assert ring.subkey("hmac", "EMAIL", 32, 1)


# Where no record runs


def test_validate_and_explain_ask_vault_nothing(vault: DevVault, folder: Folder) -> None:
    file = folder.write("connector.json", config(vault) | LEAST)

    validated = streamveil("validate", file)
    explained = streamveil("explain", file, "--schema", folder.schema(), "--json")

    assert validated.exit_code == explained.exit_code == 0, validated.stderr + explained.stderr
    (email,) = [leaf for leaf in json.loads(explained.stdout)["fields"] if leaf["path"] == "email"]
    assert email["verdict"] == "protected"
    assert email["guards"] == [
        {"step": "pseudonym", "transform": "Hmac", "key": "customers", "version": 1, "domain": "EMAIL"}
    ]
    assert not vault.requests


def test_explain_needs_no_credentials_of_vault(vault: DevVault, folder: Folder) -> None:
    file = folder.write("connector.json", config(vault, vault__token="${env:NOT_IN_CI}"))

    assert streamveil("explain", file, "--schema", folder.schema()).exit_code == 0


def test_explain_shows_the_version_that_is_named(vault: DevVault, folder: Folder) -> None:
    file = folder.write("connector.json", config(vault, **{"transforms__pseudonym__key.version": "7"}))

    explained = streamveil("explain", file, "--schema", folder.schema(), "--json")

    (email,) = [leaf for leaf in json.loads(explained.stdout)["fields"] if leaf["path"] == "email"]
    assert email["guards"][0]["version"] == 7


def test_no_record_runs_through_a_chain_whose_ring_is_not_open(vault: DevVault) -> None:
    with pytest.raises(ValueError, match="a key ring has not been opened"):
        Envelope(protection_of(connector(vault)))


def test_apply_opens_the_ring(vault: DevVault, operator: VaultClient, folder: Folder, closing: ExitStack) -> None:
    create_ring(operator, CUSTOMERS)
    schema = folder.write("c.avsc", {"type": "record", "name": "C", "fields": [CUSTOMER["fields"][1]]})
    file = folder.write("connector.json", config(vault))

    done = streamveil("apply", file, "--schema", schema, lines=[{"email": "ada@example.com"}])

    assert json.loads(done.stdout) == {"email": pseudonym(connector(vault), closing)}


def test_apply_without_the_ring_refuses_and_writes_nothing(vault: DevVault, folder: Folder) -> None:
    done = streamveil("apply", folder.write("connector.json", config(vault)), lines=[{"email": "ada@example.com"}])

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"keys.customers: GET {DOCUMENT}: status 404")


# The configuration


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"keys__customers__variable": "X"}, "keys.customers.variable: found an unknown key; expected a key that"),
        ({"keys__customers__path": "/s3cret/"}, "keys.customers.path: expected a path below vault.kv.mount"),
        ({"keys__customers__path": "a/../b"}, "keys.customers.path: expected a path below vault.kv.mount"),
        ({"keys__customers__wrapping.key": "a/b"}, "keys.customers.wrapping.key: expected the name of a Transit key"),
    ],
)
def test_a_ring_in_vault_has_a_path_and_a_wrapping_key(vault: DevVault, keys: dict[str, str], error: str) -> None:
    errors = errors_of(config(vault, **keys), Need.CHAIN)

    assert [each for each in errors if each.startswith(error)], errors
    assert not any("s3cret" in each for each in errors)


def test_a_ring_in_vault_has_a_name_that_vault_can_have(vault: DevVault) -> None:
    given = config(vault, keys="a b") | {"keys.a b.provider": "vault", "transforms.pseudonym.key": "a b"}
    without = {key: value for key, value in given.items() if not key.startswith("keys.customers")}

    assert errors_of(without, Need.CHAIN) == [
        'keys: found "a b"; expected names of letters, digits, dots, dashes and underscores, at most 100, for key '
        "rings in Vault"
    ]
