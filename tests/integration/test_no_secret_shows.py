"""A canary for keys, Vault's tokens and values: every mode of tokens in one chain, through failures and outages.

The connector and the commands are the real programs, at debug level; Vault is the real one. What they write anywhere is
searched for each secret in all its forms.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import httpx
import pytest
from confluent_kafka import Message

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import PREFIX_LENGTH, prefix
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.planting import Planted, Value, leaked
from tests.integration.programs import program
from tests.integration.slow_line import SlowLine
from tests.integration.workers import all_committed, eventually, send
from tests.realvault.server import RealVault
from vault.client import VaultClient
from vault.keyring import Ring
from vault.ring_document import RingPlace
from vault.ring_keeping import create_ring, read_ring
from vault.settings import VaultSettings

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "docs" / "vault-policies"
PLACE = RingPlace.of("customers")
TAGS = {
    "id": "SUBJECT",
    "email": "EMAIL",
    "account": "ACCOUNT",
    "mail": "MAIL",
    "card": "CARD",
    "ssn": "SSN",
    "name": "NAME",
    "phone": "PHONE",
    "login": "LOGIN",
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Customer",
    "fields": [
        {"name": name, "type": "long" if name == "account" else "string", "confluent:tags": [tag]}
        for name, tag in TAGS.items()
    ],
}
STEPS: dict[str, dict[str, str]] = {
    "local": {"type": "Tokenize", "tags": "EMAIL,ACCOUNT", "key": "customers"},
    "mail": {"type": "Tokenize", "tags": "MAIL", "key": "customers", "format": "email"},
    "digits": {"type": "Tokenize", "tags": "CARD", "key": "customers", "format": "digits"},
    "transit": {"type": "Tokenize", "tags": "SSN", "mode": "transit", "vault.transit.key": "streamveil-tokens"},
    "vault": {
        "type": "Tokenize",
        "tags": "NAME,SUBJECT",
        "key": "customers",
        "mode": "vault",
        "subject.field": "id",
    },
    "fpe": {"type": "Fpe", "tags": "PHONE", "key": "customers"},
    "hmac": {"type": "Hmac", "tags": "LOGIN", "key": "customers"},
}
SUBKEYS = {
    ("token", "EMAIL"): 64,
    ("token", "ACCOUNT"): 64,
    ("token-email", "MAIL"): 64,
    ("token-digits", "CARD"): 32,
    ("token-vault", "NAME"): 32,
    ("token-vault", "SUBJECT"): 32,
    ("token-mapping", "NAME"): 32,
    ("token-subject", ""): 32,
    ("fpe", "PHONE"): 32,
    ("hmac", "LOGIN"): 32,
}


class Operator:
    """Whoever looks after Vault, with its root token."""

    def __init__(self, vault: RealVault) -> None:
        self._vault = vault
        self.client = VaultClient(VaultSettings(url=vault.url, token=vault.root_token))
        create_ring(self.client, PLACE)
        self.client.create_transit_key("streamveil-tokens", derived=True, convergent=True)
        for policy in POLICIES.glob("*.hcl"):
            self.ask("PUT", f"sys/policies/acl/{policy.stem}", policy=policy.read_text())
        self.ask("POST", "auth/approle/role/app", token_policies=["service", "tokenize-transit"])
        self.role_id = self.ask("GET", "auth/approle/role/app/role-id")["data"]["role_id"]
        self.secret_id = self.ask("POST", "auth/approle/role/app/secret-id")["data"]["secret_id"]

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"X-Vault-Token": self._vault.root_token}
        with httpx.Client(trust_env=False, timeout=10) as http:
            answer = http.request(method, f"{self._vault.url}/v1/{path}", json=body or None, headers=headers)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def token(self, *policies: str) -> str:
        return str(self.ask("POST", "auth/token/create", policies=policies)["auth"]["client_token"])

    def shut_out(self) -> None:
        """The connector's token is revoked, and its secret id gives no other."""
        self.ask("POST", "auth/approle/role/app/secret-id/destroy", secret_id=self.secret_id)
        for accessor in self.ask("LIST", "auth/token/accessors")["data"]["keys"]:
            facts = self.ask("POST", "auth/token/lookup-accessor", accessor=accessor)["data"]
            if facts["path"] == "auth/approle/login":
                self.ask("POST", "auth/token/revoke-accessor", accessor=accessor)

    def secrets(self) -> list[bytes]:
        """Every key of the ring, and every subkey that the chain derives."""
        found: list[bytes] = []
        for number, version in read_ring(self.client, PLACE).active().items():
            (key,) = self.client.decrypt(PLACE.wrapping_key, [version.wrapped], context=PLACE.context(number))
            assert isinstance(key, bytes)
            ring = Ring({number: key}, number)
            found += [key, *(ring.subkey(*of, length) for of, length in SUBKEYS.items())]
        return found


class Stage:
    """A source topic, a connector for it, and all that was written about either."""

    def __init__(self, directory: Path, broker: Broker, registry: DevRegistry, url: str, source: str) -> None:
        self.source, self.sink, self.dead = source, f"{source}.protected", f"{source}.dead"
        self.mapping = f"{source}.mapping"
        self.planted: list[Planted] = []
        self.errors: list[bytes] = []
        self._broker = broker
        self._registry = RegistryClient(RegistrySettings.model_validate({"url": registry.url}))
        self._prefix = prefix(self._registry.register(f"{source}-value", json.dumps(SCHEMA)))
        self.document = directory / "connector.json"
        self._audit = directory / "audit.jsonl"
        self._config = {
            "topics": source,
            "bootstrap.servers": broker.bootstrap_servers,
            "schema.registry.url": registry.url,
            "errors.tolerance": "all",
            "errors.log.enable": "true",
            "errors.deadletterqueue.topic.name": self.dead,
            "errors.deadletterqueue.topic.replication.factor": "1",
            "mapping.topic": self.mapping,
            "mapping.topic.replication.factor": "1",
            "audit.file": str(self._audit),
            "vault.url": url,
            "keys": "customers",
            "keys.customers.provider": "vault",
            "transforms": ",".join(STEPS),
            **{f"transforms.{alias}.{key}": text for alias, step in STEPS.items() for key, text in step.items()},
        }

    def configure(self, **config: str) -> None:
        more = {key.replace("_", "."): text for key, text in config.items()}
        self.document.write_text(json.dumps({"name": self.source, "config": {**self._config, **more}}))

    def send(self, cut: int | None = None, **changes: str) -> None:
        """A record that is planted all over; `changes` stand in for what was planted, `cut` bytes are missing."""
        planted = Planted()
        record: dict[str, Any] = {name: planted.text(tagged=True) for name in TAGS if name not in ("card", "account")}
        record |= {"phone": planted.digits(tagged=True), "account": planted.long(tagged=True)}
        record["card"] = planted.digits(tagged=True).replace("-", "")
        out = BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), {**record, **changes})
        send(self._broker.bootstrap_servers, self.source, self._prefix + out.getvalue()[: cut and -cut])
        self.planted.append(planted)

    def await_all(self) -> None:
        eventually(lambda: all_committed(self._broker.bootstrap_servers, self.source), "all is committed")

    def command(self, *words: str, token: str = "", url: str = "", given: str = "") -> bytes:
        """The standard output of a command; what it says on standard error is kept."""
        variables = {"STREAMVEIL_LOG_LEVEL": "debug", "VAULT_TOKEN": token, "VAULT_ADDR": url}
        done = subprocess.run(
            [sys.executable, "-m", "connector.cli", *words],
            cwd=ROOT,
            input=given.encode(),
            capture_output=True,
            env={**os.environ, **variables},
            check=False,
            timeout=120,
        )
        self.errors.append(done.stderr)
        return done.stdout

    def tokens(self) -> list[str]:
        """All that a record has become that `resolve` gives back, by its name."""
        parsed = fastavro.parse_schema(
            {**SCHEMA, "fields": [{"name": field["name"], "type": "string"} for field in SCHEMA["fields"]]}
        )
        records: list[Any] = [
            fastavro.schemaless_reader(BytesIO((message.value() or b"")[PREFIX_LENGTH:]), parsed, None)
            for message in read_committed(self._broker.bootstrap_servers, self.sink)
        ]
        return [record[name] for record in records for name in TAGS if name not in ("card", "phone", "login")]

    def written(self) -> list[bytes]:
        """Records of every topic but the source, schemas of the sink, the audit, and what programs said."""
        topics = (self.sink, self.dead, self.mapping, f"{self.mapping}.forgotten")
        parts = [part for topic in topics for message in self._read(topic) for part in _parts(message)]
        subject = f"{self.sink}-value"
        schemas = [self._registry.version(subject, n).text.encode() for n in self._registry.versions(subject)]
        said = self.document.with_suffix(".log").read_bytes()
        return [*parts, *schemas, said, self._audit.read_bytes(), *self.errors]

    def source_parts(self) -> list[bytes]:
        return [part for message in self._read(self.source) for part in _parts(message)]

    def _read(self, topic: str) -> list[Message]:
        return read_committed(self._broker.bootstrap_servers, topic)


def _parts(message: Message) -> list[bytes]:
    headers: Any = message.headers() or []
    parts: list[Any] = [message.key(), message.value(), *(part for _, part in headers)]
    return [part for part in parts if part]


@pytest.fixture
def vault() -> Iterator[RealVault]:
    with RealVault() as vault:
        yield vault


def test_no_key_no_token_of_vault_and_no_value_shows_anywhere(
    broker: Broker, topic: TopicFactory, vault: RealVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator(vault)
    monkeypatch.setenv("SECRET_ID", operator.secret_id)
    with DevRegistry() as registry, SlowLine(vault.url) as line:
        stage = Stage(tmp_path, broker, registry, line.url, topic())
        stage.configure(
            vault_auth="approle", vault_approle_role_id=operator.role_id, vault_approle_secret_id="${env:SECRET_ID}"
        )
        stage.send()
        bad = [{"card": "12345"}, {"card": "no-card-at-all"}, {"id": ""}, {"phone": "1"}, {"mail": "x" * 300}]
        for changes in bad:
            stage.send(**changes)
        stage.send(cut=9)
        with program(stage.document, log_level="debug") as running:
            stage.await_all()
            vault.seal()
            stage.send()
            eventually(lambda: b'"waiting"' in running.said(), "it waits for Vault")
            vault.unseal()
            stage.await_all()
            operator.shut_out()
            stage.send()
            assert running.exit_status() == 1
            assert b"transit/encrypt/streamveil-tokens" in running.said()

        service = operator.token("service", "tokenize-transit")
        resolver = operator.token("resolver")
        stage.configure(vault_token=service)
        with program(stage.document, log_level="debug") as running:
            stage.await_all()
            assert running.stop() == 0

        given = "".join(f"{token}\n" for token in [*stage.tokens(), "tok_forged", "vault:v1:AAAA"])
        for token in (service, resolver):  # the first may not decrypt what Transit has made
            stage.configure(vault_token=token)
            resolved = stage.command("resolve", str(stage.document), "--reason", "a test", given=given)
        subject = str(stage.planted[0].values[0])
        stage.command("forget", str(stage.document), "--reason", "a test", given=f"{subject}\n")
        secrets: list[Value] = [*operator.secrets()]
        keepers = [operator.token("operator"), service]
        for token in keepers:  # the second may not change a ring
            for command in (["rotate"], ["rewrap"], ["list"], ["retire", "1"]):
                said = stage.command("keys", command[0], "customers", *command[1:], token=token, url=line.url)
                stage.errors.append(said)
        secrets += operator.secrets()

        passed = bytes(line.passed)
        tokens = {found.decode() for found in re.findall(rb"(?i)X-Vault-Token: (\S+)", passed)}
        assert {service, resolver, *keepers} < tokens
        secrets += [operator.secret_id, vault.root_token, *tokens]
        values = [value for planted in stage.planted for value in planted.values]
        written = stage.written()

        assert leaked(secrets, *written, resolved) == []
        assert leaked(values, *written) == []
        assert b'"level": "debug"' in b"".join(written), "the programs said all that they have to say"
        assert len(stage._read(stage.dead)) == len(bad) + 1
        assert len(stage._read(stage.sink)) == 3
        # The search is no good if it finds nothing where these are.
        assert {value for _, value in leaked(values, *stage.source_parts())} > {p.values[0] for p in stage.planted[:1]}
        assert leaked(operator.secrets()[:1], passed)
        assert {value for _, value in leaked(stage.planted[0].values, resolved)} >= {subject}
