"""A connector whose key ring is in Vault, on real Kafka: its start, an outage of Vault, a rotation, a wrong key."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import fastavro
import pytest

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import prefix
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import program
from tests.integration.workers import all_committed, eventually, send
from tests.unit.vaults import CUSTOMERS, call, client_of
from vault.client import VaultClient
from vault.devserver import DevVault
from vault.ring_keeping import create_ring, rotate_ring
from vault.vault_rings import VaultRing

SCHEMA = {
    "type": "record",
    "name": "Customer",
    "fields": [{"name": "email", "type": "string", "confluent:tags": ["EMAIL"]}],
}


@pytest.fixture
def vault() -> Iterator[DevVault]:
    with DevVault() as vault:
        yield vault


@pytest.fixture
def operator(vault: DevVault) -> Iterator[VaultClient]:
    with client_of(vault) as client:
        yield client


@pytest.fixture
def registry() -> Iterator[DevRegistry]:
    with DevRegistry() as registry:
        yield registry


class Customers:
    """A source topic of addresses, and the connector that makes pseudonyms of them."""

    def __init__(self, directory: Path, broker: Broker, registry: DevRegistry, vault: DevVault, source: str) -> None:
        self.source = source
        self._broker = broker
        self._document = directory / "connector.json"
        self._config = {
            "topics": source,
            "bootstrap.servers": broker.bootstrap_servers,
            "schema.registry.url": registry.url,
            "vault.url": vault.url,
            "vault.token": vault.root_token,
            "keys": "customers",
            "keys.customers.provider": "vault",
            "transforms": "pseudonym",
            "transforms.pseudonym.type": "Hmac",
            "transforms.pseudonym.tags": "EMAIL",
            "transforms.pseudonym.key": "customers",
        }
        with RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
            self._schema_id = client.register(f"{source}-value", json.dumps(SCHEMA))

    def document(self, **keys: str) -> Path:
        """The configuration with some keys added; `__` stands for a dot."""
        config = self._config | {key.replace("__", "."): value for key, value in keys.items()}
        self._document.write_text(json.dumps({"name": self.source, "config": config}))
        return self._document

    def write(self, *addresses: str) -> None:
        for address in addresses:
            out = BytesIO()
            fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), {"email": address})
            send(self._broker.bootstrap_servers, self.source, prefix(self._schema_id) + out.getvalue())

    def await_all(self) -> None:
        eventually(lambda: all_committed(self._broker.bootstrap_servers, self.source, 1), "everything is committed")

    def pseudonyms(self) -> list[str]:
        """What is in the sink, in order: a string of 64 characters is all that its records are."""
        sink = f"{self.source}.protected"
        return [
            (message.value() or b"")[-64:].decode() for message in read_committed(self._broker.bootstrap_servers, sink)
        ]


@pytest.fixture
def customers(tmp_path: Path, broker: Broker, registry: DevRegistry, vault: DevVault, topic: TopicFactory) -> Customers:
    return Customers(tmp_path, broker, registry, vault, topic())


def expected(client: VaultClient, version: int, *addresses: str) -> list[str]:
    subkey = VaultRing(client, CUSTOMERS).subkey("hmac", "EMAIL", 32, version)
    return [hmac.digest(subkey, address.encode(), hashlib.sha256).hex() for address in addresses]


def test_without_its_ring_it_does_not_start_and_makes_none(vault: DevVault, customers: Customers) -> None:
    customers.write("ada@example.com")

    with program(customers.document()) as running:
        assert running.exit_status() == 1
        said = running.said().decode()

    assert "keys.customers: GET secret/data/streamveil/rings/customers: status 404" in said
    assert vault.root_token not in said
    assert {request.split()[0] for request in vault.requests} == {"GET"}


def test_records_go_on_while_vault_is_away(vault: DevVault, operator: VaultClient, customers: Customers) -> None:
    create_ring(operator, CUSTOMERS)
    customers.write("ada@example.com")

    with program(customers.document(tasks__max="2")) as running:
        eventually(lambda: running.said().count(b'"started"') == 2, "both tasks have their keys")
        customers.await_all()
        vault.stop()
        customers.write("grace@example.com")
        customers.await_all()
        assert running.stop() == 0

    vault.start()
    assert customers.pseudonyms() == expected(operator, 1, "ada@example.com", "grace@example.com")


def test_after_a_rotation_joins_break_only_when_the_configuration_says_so(
    vault: DevVault, operator: VaultClient, customers: Customers
) -> None:
    create_ring(operator, CUSTOMERS)
    customers.write("ada@example.com")
    with program(customers.document()) as running:
        customers.await_all()
        rotate_ring(operator, CUSTOMERS)
        customers.write("ada@example.com")
        customers.await_all()
        assert running.stop() == 0

    with program(customers.document()) as running:
        assert running.exit_status() == 1
        assert b"transforms.pseudonym.key.version: expected the version to write with" in running.said()

    for version in ("1", "2"):
        customers.write("ada@example.com")
        with program(customers.document(transforms__pseudonym__key__version=version)) as running:
            customers.await_all()
            assert running.stop() == 0

    old, new = expected(operator, 1, "ada@example.com"), expected(operator, 2, "ada@example.com")
    assert customers.pseudonyms() == [*old, *old, *old, *new]


def test_another_key_under_the_same_name_and_version_does_not_start(
    vault: DevVault, operator: VaultClient, customers: Customers
) -> None:
    create_ring(operator, CUSTOMERS)
    customers.write("ada@example.com")
    with program(customers.document()) as running:
        customers.await_all()
        assert running.stop() == 0
    before = customers.pseudonyms()

    call(vault, "DELETE", "secret/metadata/streamveil/rings/customers")
    create_ring(operator, CUSTOMERS)
    customers.write("ada@example.com")
    with program(customers.document()) as running:
        assert running.exit_status() == 1
        assert b"keys.customers: version 1 is another key than the one that subject" in running.said()

    assert customers.pseudonyms() == before
