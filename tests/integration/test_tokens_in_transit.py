"""Tokens that Vault makes, on real Kafka with a real Vault: through a crash, a seal, a rotation, a revoked token.

Each is in the middle of a run; every record is delivered once, every token can be resolved, and no value is seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from connector.loopback.kafka import Broker
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import Program, program
from tests.integration.workers import all_committed, committed_offsets, eventually
from tests.realvault.server import RealVault
from vault.client import VaultClient
from vault.settings import VaultSettings

KEY = "streamveil-tokens"
RECORDS, CUSTOMERS, PARTITIONS = 100_000, 30_000, 3


@pytest.fixture
def vault() -> Iterator[RealVault]:
    with RealVault() as vault:
        with client_of(vault) as client:
            client.create_transit_key(KEY, derived=True, convergent=True)
        yield vault


def client_of(vault: RealVault) -> VaultClient:
    return VaultClient(
        VaultSettings.model_validate({"vault.url": vault.url, "vault.token": vault.root_token}), deadline=30
    )


def address(number: int) -> str:
    return f"customer-{number % CUSTOMERS}@planted.example"


class Run:
    """A source topic of numbered records, and the connector that tokenizes the address in each."""

    def __init__(self, directory: Path, broker: Broker, vault: RealVault, source: str) -> None:
        self.source = source
        self._bootstrap = broker.bootstrap_servers
        self._document = directory / "connector.json"
        self._config = {
            "topics": source,
            "bootstrap.servers": self._bootstrap,
            "key.converter": "string",
            "value.converter": "json",
            "batch.max.records": "2000",
            "tags.fields.EMAIL": "email",
            "vault.url": vault.url,
            "transforms": "token",
            "transforms.token.type": "Tokenize",
            "transforms.token.tags": "EMAIL",
            "transforms.token.mode": "transit",
            "transforms.token.vault.transit.key": KEY,
            "transforms.token.cache.entries": "1000",  # so that Vault is needed to the end
        }

    def document(self, token: str) -> Path:
        config = {**self._config, "vault.token": token}
        self._document.write_text(json.dumps({"name": self.source, "config": config}))
        return self._document

    def write(self) -> None:
        producer = Producer({"bootstrap.servers": self._bootstrap, "linger.ms": 50})
        for number in range(RECORDS):
            value = json.dumps({"n": number, "email": address(number)})
            producer.produce(self.source, value=value, partition=number % PARTITIONS)
            producer.poll(0)
        assert producer.flush(60) == 0

    def done(self) -> int:
        offsets = committed_offsets(self._bootstrap, f"streamveil-{self.source}", self.source, PARTITIONS)
        return sum(offset for offset in offsets.values() if offset > 0)

    def await_more(self, running: Program) -> None:
        before = self.done()
        ended = running.process.poll
        eventually(lambda: self.done() > before or ended() is not None, "more is committed")

    def await_all(self) -> None:
        eventually(lambda: all_committed(self._bootstrap, self.source, PARTITIONS), "everything is committed")

    def sink(self) -> list[dict[str, Any]]:
        messages = read_committed(self._bootstrap, f"{self.source}.protected")
        return [json.loads(message.value() or b"") for message in messages]


@pytest.fixture
def run(tmp_path: Path, broker: Broker, vault: RealVault, topic: TopicFactory) -> Run:
    run = Run(tmp_path, broker, vault, topic(PARTITIONS))
    run.write()
    return run


def assert_complete(run: Run, vault: RealVault) -> None:
    """Each record is there once, with the token that its value has wherever it occurs, which Vault takes back."""
    records = run.sink()
    assert sorted(record["n"] for record in records) == list(range(RECORDS))
    tokens = {record["n"] % CUSTOMERS: record["email"] for record in records}
    assert all(record["email"] == tokens[record["n"] % CUSTOMERS] for record in records)
    numbers = sorted(tokens)
    with client_of(vault) as client:
        found = client.decrypt(KEY, [tokens[number] for number in numbers], context=b"EMAIL")
    assert found == [address(number).encode() for number in numbers]


def test_it_goes_on_by_itself_after_vault_crashed_was_sealed_and_its_key_rotated(run: Run, vault: RealVault) -> None:
    with program(run.document(vault.root_token)) as running:
        run.await_more(running)
        vault.kill()
        vault.start()
        run.await_more(running)
        vault.seal()
        vault.unseal()
        run.await_more(running)
        with client_of(vault) as client:
            client.rotate_transit_key(KEY)
        run.await_all()
        assert running.stop() == 0
        said = running.said()

    assert_complete(run, vault)
    assert b"planted" not in said
    assert b'"tokens remembered"' in said


def test_a_revoked_token_stops_it_with_the_path_and_a_new_one_goes_on_where_it_stopped(
    run: Run, vault: RealVault
) -> None:
    headers = {"X-Vault-Token": vault.root_token}
    made = httpx.post(f"{vault.url}/v1/auth/token/create", json={"policies": ["root"]}, headers=headers).json()
    token = made["auth"]["client_token"]
    with program(run.document(token)) as running:
        run.await_more(running)
        httpx.post(f"{vault.url}/v1/auth/token/revoke", json={"token": token}, headers=headers).raise_for_status()
        assert running.exit_status() == 1
        said = running.said()
    assert b"the Transit key streamveil-tokens: " in said
    assert token.encode() not in said
    assert b"planted" not in said

    with program(run.document(vault.root_token)) as running:
        run.await_all()
        assert running.stop() == 0
    assert_complete(run, vault)
