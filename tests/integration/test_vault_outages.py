"""Vault fails in the middle of a run: every record is delivered once, every token resolves, no plaintext is anywhere.

The connector tokenizes with a Transit key, so it needs Vault for every value that it has not seen. Vault is the real
one, the connector the real program. It waits, and goes on by itself; only a token that is gone for good stops it.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import PREFIX_LENGTH, prefix
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import Program, connector_file, program
from tests.integration.slow_line import SlowLine
from tests.integration.workers import all_committed, committed_offsets, eventually
from tests.realvault.server import RealVault
from tests.unit.vaults import call, client_of, token_with
from vault.batches import ItemRefused

RECORDS = 100_000
PARTITIONS = 3
CUSTOMERS = 25_000
"""Distinct values: each comes four times."""
CANARY = f"canary-{secrets.token_hex(8)}"
TRANSIT_KEY = "streamveil-tokens"
DOMAIN = "EMAIL"
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Customer",
    "fields": [{"name": "id", "type": "long"}, {"name": "email", "type": "string", "confluent:tags": [DOMAIN]}],
}
POLICY = """
path "transit/encrypt/streamveil-tokens" { capabilities = ["update"] }
path "transit/keys/streamveil-tokens" { capabilities = ["read"] }
"""


def _email(number: int) -> str:
    return f"{number % CUSTOMERS}@{CANARY}.example"


class Admin:
    """Whoever looks after Vault."""

    def __init__(self, vault: RealVault) -> None:
        self._vault = vault

    def __call__(self, method: str, path: str, **body: Any) -> Any:
        return call(self._vault, method, path, **body)

    def prepare(self) -> None:
        """The Transit key, and a role whose tokens may encrypt with it."""
        self("POST", f"transit/keys/{TRANSIT_KEY}", derived=True, convergent_encryption=True)
        self("PUT", "sys/policies/acl/streamveil", policy=POLICY)
        self.role("streamveil")

    def role(self, name: str, **limits: str) -> None:
        self("POST", f"auth/approle/role/{name}", token_policies="streamveil", **limits)

    def login_keys(self, role: str) -> dict[str, str]:
        """The configuration of a connector that logs in as this role."""
        role_id = self("GET", f"auth/approle/role/{role}/role-id")["role_id"]
        secret_id = self("POST", f"auth/approle/role/{role}/secret-id")["secret_id"]
        return {"vault.auth": "approle", "vault.approle.role.id": role_id, "vault.approle.secret.id": secret_id}

    def accessors(self) -> list[str]:
        return list(self("LIST", "auth/token/accessors")["keys"])

    def revoke_tokens_of(self, policy: str) -> int:
        """Revokes every token that has the policy; how many there were."""
        revoked = 0
        for accessor in self.accessors():
            facts = self("POST", "auth/token/lookup-accessor", accessor=accessor)
            if policy in facts["policies"]:
                self("POST", "auth/token/revoke-accessor", accessor=accessor)
                revoked += 1
        return revoked


@pytest.fixture(scope="module")
def vault() -> Iterator[RealVault]:
    with RealVault() as running:
        Admin(running).prepare()
        yield running


@dataclass(slots=True)
class Run:
    """A run over all customers that something happens to."""

    broker: Broker
    source: str
    document: Path
    running: Program
    ending: ExitStack

    def start_again(self, changes: Mapping[str, str]) -> None:
        """Starts the connector, which has ended, with other settings."""
        content = json.loads(self.document.read_text())
        content["config"] |= changes
        self.document.write_text(json.dumps(content))
        self.running = self.ending.enter_context(program(self.document, log_level="debug"))

    def committed(self) -> int:
        offsets = committed_offsets(self.broker.bootstrap_servers, f"streamveil-{self.source}", self.source, PARTITIONS)
        return sum(max(offset, 0) for offset in offsets.values())

    def in_the_middle(self) -> int:
        """Waits until some records are committed; how many. Fails when it came too late to matter."""
        eventually(lambda: self.committed() > RECORDS // 20, "the run is under way")
        done = self.committed()
        assert done < RECORDS // 2, "the run is too far to be disturbed in the middle"
        return done

    def waits(self) -> None:
        eventually(lambda: b'"waiting"' in self.running.said(), "it says that it waits")


@contextmanager
def _run(
    broker: Broker,
    source: str,
    directory: Path,
    vault: RealVault,
    *,
    url: str = "",
    login: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Run]:
    """The connector at work on all customers; at the end everything about it is checked."""
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        _seed(broker, source, prefix(client.register(f"{source}-value", json.dumps(SCHEMA))))
        config = {
            "vault.url": url or vault.url,
            **(login or Admin(vault).login_keys("streamveil")),
            "batch.max.records": "1000",
            "transforms": "token",
            "transforms.token.type": "Tokenize",
            "transforms.token.tags": DOMAIN,
            "transforms.token.mode": "transit",
            "transforms.token.vault.transit.key": TRANSIT_KEY,
            "transforms.token.key.version": "1",
        }
        document = connector_file(directory, broker, registry, source, config)
        with ExitStack() as ending:
            running = ending.enter_context(program(document, log_level="debug"))
            run = Run(broker, source, document, running, ending)
            yield run
            eventually(lambda: all_committed(broker.bootstrap_servers, source, PARTITIONS), "all is committed", 120)
            assert run.running.stop() == 0, "it went on by itself, to a clean stop"
        said = document.with_suffix(".log").read_bytes()
    _check(broker, f"{source}.protected", vault, said)


def _seed(broker: Broker, source: str, start: bytes) -> None:
    parsed = fastavro.parse_schema(SCHEMA)
    settings = {"bootstrap.servers": broker.bootstrap_servers, "queue.buffering.max.messages": RECORDS}
    producer = Producer({**settings, "enable.idempotence": True, "linger.ms": 50})
    for number in range(RECORDS):
        out = BytesIO()
        fastavro.schemaless_writer(out, parsed, {"id": number, "email": _email(number)})
        producer.produce(source, start + out.getvalue(), b"%d" % number, partition=number % PARTITIONS)
    assert producer.flush(60) == 0


def _check(broker: Broker, sink: str, vault: RealVault, said: bytes) -> None:
    numbers: dict[int, list[int]] = {}
    tokens: dict[str, set[str]] = {}
    parsed = fastavro.parse_schema(
        {**SCHEMA, "fields": [{"name": "id", "type": "long"}, {"name": "email", "type": "string"}]}
    )
    for message in read_committed(broker.bootstrap_servers, sink):
        payload: Any = message.value()
        assert CANARY.encode() not in payload
        record: Any = fastavro.schemaless_reader(BytesIO(payload[PREFIX_LENGTH:]), parsed, None)
        numbers.setdefault(message.partition() or 0, []).append(record["id"])
        tokens.setdefault(record["email"], set()).add(_email(record["id"]))
    assert numbers == {partition: list(range(partition, RECORDS, PARTITIONS)) for partition in range(PARTITIONS)}
    assert CANARY.encode() not in said
    assert b'"tokens remembered"' in said
    assert len(tokens) == CUSTOMERS
    assert _resolved(vault, list(tokens)) == [emails.pop() for emails in tokens.values()]


def _resolved(vault: RealVault, tokens: list[str]) -> list[str]:
    """What Vault itself says that the tokens stand for."""
    with client_of(vault, deadline=60) as client:
        plain = client.decrypt(TRANSIT_KEY, tokens, context=DOMAIN.encode())
    return ["" if isinstance(value, ItemRefused) else value.decode() for value in plain]


def test_vault_is_killed_and_comes_back(broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault) -> None:
    with _run(broker, topic(PARTITIONS), tmp_path, vault) as run:
        run.in_the_middle()
        vault.kill()
        run.waits()
        vault.start()


def test_vault_is_sealed_and_unsealed(broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault) -> None:
    with _run(broker, topic(PARTITIONS), tmp_path, vault) as run:
        run.in_the_middle()
        vault.seal()
        run.waits()
        stood = run.committed()
        time.sleep(1)
        assert run.committed() == stood
        vault.unseal()


def test_vault_becomes_slow_for_a_while(broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault) -> None:
    with SlowLine(vault.url) as line, _run(broker, topic(PARTITIONS), tmp_path, vault, url=line.url) as run:
        run.in_the_middle()
        line.seconds = 8.0  # more than a call may take
        run.waits()
        line.seconds = 0.2
        time.sleep(2)
        line.seconds = 0.0


def test_the_token_is_revoked(broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault) -> None:
    with _run(broker, topic(PARTITIONS), tmp_path, vault) as run:
        run.in_the_middle()
        assert Admin(vault).revoke_tokens_of("streamveil") >= 1


def test_the_token_expires_and_may_not_be_renewed_any_more(
    broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault
) -> None:
    Admin(vault).role("brief", token_ttl="2s", token_max_ttl="3s")
    with _run(broker, topic(PARTITIONS), tmp_path, vault, login=Admin(vault).login_keys("brief")) as run:
        run.in_the_middle()
        vault.seal()  # while it waits, every token that it has had is past its end
        run.waits()
        time.sleep(4)
        vault.unseal()


def test_the_transit_key_is_rotated(broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault) -> None:
    """The version is pinned, so the tokens before and after are the same."""
    with _run(broker, topic(PARTITIONS), tmp_path, vault) as run:
        run.in_the_middle()
        Admin(vault)("POST", f"transit/keys/{TRANSIT_KEY}/rotate")


def test_a_token_that_is_revoked_for_good_stops_the_connector_and_the_rest_follows_with_another(
    broker: Broker, topic: TopicFactory, tmp_path: Path, vault: RealVault
) -> None:
    first = token_with(vault, POLICY)
    with _run(broker, topic(PARTITIONS), tmp_path, vault, login={"vault.auth": "token", "vault.token": first}) as run:
        run.in_the_middle()
        assert Admin(vault).revoke_tokens_of("some") == 1
        assert run.running.exit_status() == 1
        said = run.running.said().decode()
        assert TRANSIT_KEY in said
        assert first not in said
        run.start_again({"vault.token": token_with(vault, POLICY)})
