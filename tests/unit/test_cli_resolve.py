"""`streamveil resolve` against a Vault: who may decrypt may resolve, and the audit has them by Vault's own names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from connector import logs
from connector.cli import app
from tests.unit.commands import Folder, streamveil
from tests.unit.vaults import CUSTOMERS, client_of, token_with
from vault.devserver import DevVault
from vault.ring_keeping import create_ring

_POLICIES = Path(__file__).parents[2] / "docs" / "vault-policies"
_ITSELF = 'path "auth/token/lookup-self" { capabilities = ["read"] }'
_LOCAL = {"type": "Tokenize", "fields": "name", "key": "customers", "domain": "names"}
_TRANSIT = {
    "type": "Tokenize",
    "fields": "email",
    "mode": "transit",
    "vault.transit.key": "streamveil-tokens",
    "domain": "mail",
}


@pytest.fixture(autouse=True)
def _no_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command would send this process's logs to a standard error that is gone after it."""
    silent = structlog.ReturnLoggerFactory()
    monkeypatch.setattr(logs, "configure", lambda **_: structlog.configure(logger_factory=silent))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def vault() -> Iterator[DevVault]:
    with DevVault() as started, client_of(started) as client:
        create_ring(client, CUSTOMERS)
        client.create_transit_key("streamveil-tokens", derived=True, convergent=True)
        yield started


def _connector(folder: Folder, vault: DevVault, token: str) -> str:
    chain = {"name": _LOCAL, "email": _TRANSIT}
    options = {f"transforms.{alias}.{key}": text for alias, given in chain.items() for key, text in given.items()}
    config = {
        "transforms": ",".join(chain),
        **options,
        "keys": "customers",
        "keys.customers.provider": "vault",
        "vault.url": vault.url,
        "vault.token": token,
        "topics": "customers",
        "bootstrap.servers": "127.0.0.1:1",
        "key.converter": "string",
        "value.converter": "json",
        "audit.file": str(folder.path / "audit"),
    }
    return folder.write("connector.json", {"name": "customers", "config": config})


def _tokens(folder: Folder, vault: DevVault) -> list[str]:
    connector = _connector(folder, vault, vault.root_token)
    done = streamveil("apply", connector, lines=[{"name": "Ann Lee", "email": "ann@example.com"}])
    made: dict[str, Any] = json.loads(done.stdout)
    return [made["name"], made["email"]]


def _resolve(connector: str, tokens: list[str]) -> Result:
    return streamveil("resolve", connector, "--reason", "request 4711", lines=tokens)


def test_who_has_the_policy_of_resolvers_gets_values_in_order_and_is_named_in_the_audit(
    folder: Folder, vault: DevVault
) -> None:
    tokens = _tokens(folder, vault)
    resolver = token_with(vault, (_POLICIES / "resolver.hcl").read_text())
    done = _resolve(_connector(folder, vault, resolver), [*tokens, "tok_x", tokens[0]])

    assert done.exit_code == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer.get("value", answer.get("error")) for answer in answers] == [
        "Ann Lee",
        "ann@example.com",
        "not-a-token",
        "Ann Lee",
    ]
    record = json.loads((folder.path / "audit").read_text())
    with client_of(vault, resolver) as client:
        assert record["vault.accessor"] == client.lookup_self().accessor
    assert (record["reason"], record["count"], record["domains"]) == ("request 4711", 4, ["names", "mail"])
    assert resolver not in (folder.path / "audit").read_text()


def test_who_may_not_decrypt_gets_nothing_and_the_audit_has_the_attempt(folder: Folder, vault: DevVault) -> None:
    tokens = _tokens(folder, vault)
    nobody = token_with(vault, _ITSELF)
    done = _resolve(_connector(folder, vault, nobody), tokens)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "streamveil/rings/customers" in done.stderr
    assert nobody not in done.stderr
    assert json.loads((folder.path / "audit").read_text())["count"] == 2


def test_where_vault_does_not_answer_nothing_is_resolved(folder: Folder) -> None:
    with DevVault() as own, client_of(own) as client:
        create_ring(client, CUSTOMERS)
        connector = _connector(folder, own, own.root_token)
    done = _resolve(connector, ["tok_x"])

    assert (done.exit_code, done.stdout) == (1, "")
    assert not (folder.path / "audit").exists() or not (folder.path / "audit").read_text()


def test_more_tokens_than_the_most_are_refused_before_vault_is_asked(folder: Folder, vault: DevVault) -> None:
    before = len(vault.requests)
    done = streamveil(
        "resolve",
        _connector(folder, vault, vault.root_token),
        *("--reason", "r", "--max", "1"),
        lines=["tok_a", "tok_b"],
    )

    assert (done.exit_code, done.stdout) == (1, "")
    assert "more than 1 lines" in done.stderr
    assert len(vault.requests) == before


@pytest.mark.parametrize(
    ("given", "says"),
    [(b"", "has no lines"), (b"\n\n", "has no lines"), (b"tok_x\n\xff\n", "line 2 of the input is not UTF-8")],
)
def test_an_input_that_is_no_lines_of_text_is_refused(folder: Folder, vault: DevVault, given: bytes, says: str) -> None:
    connector = _connector(folder, vault, vault.root_token)
    done = CliRunner().invoke(app, ["resolve", connector, "--reason", "r"], input=given)

    assert (done.exit_code, done.stdout) == (1, "")
    assert says in done.stderr


def test_a_reason_must_be_given_and_say_something(folder: Folder, vault: DevVault) -> None:
    connector = _connector(folder, vault, vault.root_token)

    assert streamveil("resolve", connector, lines=["tok_x"]).exit_code == 2
    done = streamveil("resolve", connector, "--reason", " ", lines=["tok_x"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "--reason" in done.stderr
