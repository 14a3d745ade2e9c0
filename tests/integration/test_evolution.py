"""A producer registers a new version in the middle of the stream: what is not covered never leaves, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.programs import connector_file, program
from tests.integration.registry_records import PII, V1, framed, records, with_field, write
from tests.integration.workers import committed_offsets, eventually

V2 = with_field(V1, name="ssn", type="string", default="", **PII)
BY_PATH = {
    "transforms": "h",
    "transforms.h.type": "Hmac",
    "transforms.h.fields": "email",
    "transforms.h.key": "ring",
}
FIXED = {**BY_PATH, "transforms.h.fields": "email,ssn"}
PERSON = {"email": "ada@example.com", "ssn": "078-05-1120"}


class Stream:
    """A source topic of one partition, its producer, and what is known of the connector that reads it."""

    def __init__(self, broker: Broker, topic: str, client: RegistryClient) -> None:
        self.address = broker.bootstrap_servers
        self.topic = topic
        self.client = client

    def send(self, schema: dict[str, Any], *numbers: int) -> None:
        schema_id = self.client.register(f"{self.topic}-value", json.dumps(schema))
        write(self.address, self.topic, [framed(schema, schema_id, {"id": n, **PERSON}) for n in numbers])

    def committed(self) -> int:
        return committed_offsets(self.address, f"streamveil-{self.topic}", self.topic, 1).get(0, 0)

    def sink(self) -> list[dict[str, Any]]:
        return records(self.address, f"{self.topic}.protected", self.client).get(0, [])

    def ids(self) -> list[int]:
        return [record["id"] for record in self.sink()]

    def shows_someone(self, topic: str) -> bool:
        everything = b"".join((m.value() or b"") + (m.key() or b"") for m in read_committed(self.address, topic))
        return any(value.encode() in everything for value in PERSON.values())


@pytest.fixture
def registry() -> Iterator[DevRegistry]:
    with DevRegistry() as running:
        yield running


@pytest.fixture
def stream(broker: Broker, topic: TopicFactory, registry: DevRegistry) -> Iterator[Stream]:
    with RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        yield Stream(broker, topic(), client)


def test_policy_fail_stops_before_a_record_of_the_new_version_and_a_fixed_chain_delivers_each_once(
    broker: Broker, stream: Stream, registry: DevRegistry, tmp_path: Path
) -> None:
    stream.send(V1, 1, 2)
    with program(connector_file(tmp_path, broker, registry, stream.topic, BY_PATH)) as running:
        eventually(lambda: stream.committed() == 2, "the first version goes through")
        # One batch, so that there are records of the first version ahead of the second's.
        stream.send(V1, 3, 4)
        stream.send(V2, 5, 6)
        stream.send(V1, 7)
        assert running.exit_status() == 1
        assert b"ssn (PII)" in running.said()
    assert set(stream.ids()) <= {1, 2, 3, 4}
    assert stream.client.versions(f"{stream.topic}.protected-value") == [1]

    with program(connector_file(tmp_path, broker, registry, stream.topic, FIXED)) as running:
        eventually(lambda: stream.committed() == 7, "everything goes through")
        assert running.stop() == 0

    assert stream.ids() == [1, 2, 3, 4, 5, 6, 7]
    assert not stream.shows_someone(f"{stream.topic}.protected")


def test_policy_deadletter_keeps_the_first_version_flowing_and_a_fixed_chain_takes_the_second_from_there_on(
    broker: Broker, stream: Stream, registry: DevRegistry, tmp_path: Path
) -> None:
    dead = f"{stream.topic}.dead"
    policy = {
        "policy.on.uncovered": "deadletter",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": dead,
    }
    stream.send(V1, 1, 2)
    with program(connector_file(tmp_path, broker, registry, stream.topic, {**BY_PATH, **policy})) as running:
        eventually(lambda: stream.committed() == 2, "the first version goes through")
        stream.send(V1, 3)
        stream.send(V2, 4, 5)
        stream.send(V1, 6)
        eventually(lambda: stream.committed() == 6, "both versions are dealt with")
        assert running.stop() == 0
    assert stream.ids() == [1, 2, 3, 6]
    letters = [message.key() for message in read_committed(broker.bootstrap_servers, dead)]
    assert letters == [f"{stream.topic}-0-{offset}".encode() for offset in (3, 4)]
    assert not stream.shows_someone(dead)

    stream.send(V2, 7)
    with program(connector_file(tmp_path, broker, registry, stream.topic, {**FIXED, **policy})) as running:
        eventually(lambda: stream.committed() == 7, "the new record goes through")
        assert running.stop() == 0

    assert stream.ids() == [1, 2, 3, 6, 7]
    assert not stream.shows_someone(f"{stream.topic}.protected")


def test_a_new_version_that_the_chain_covers_by_tag_is_bound_at_its_first_record(
    broker: Broker, stream: Stream, registry: DevRegistry, tmp_path: Path
) -> None:
    by_tag = {"transforms": "h", "transforms.h.type": "Hmac", "transforms.h.tags": "PII", "transforms.h.key": "ring"}
    stream.send(V1, 1)
    with program(connector_file(tmp_path, broker, registry, stream.topic, by_tag)) as running:
        eventually(lambda: stream.committed() == 1, "the first version goes through")
        stream.send(V2, 2)
        stream.send(V1, 3)
        eventually(lambda: stream.committed() == 3, "the second as well")
        assert running.stop() == 0

    assert [sorted(record) for record in stream.sink()] == [["email", "id"], ["email", "id", "ssn"], ["email", "id"]]
    assert not stream.shows_someone(f"{stream.topic}.protected")


@pytest.mark.parametrize("policy", ["fail", "deadletter"])
def test_an_output_schema_that_its_subject_does_not_take_loses_nothing(
    broker: Broker, stream: Stream, registry: DevRegistry, tmp_path: Path, policy: str
) -> None:
    dead = f"{stream.topic}.dead"
    options = {
        **BY_PATH,
        "registry.on.incompatible": policy,
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": dead,
    }
    incompatible = {**V1, "fields": [{"name": "id", "type": "string"}]}
    stream.client.register(f"{stream.topic}.protected-value", json.dumps(incompatible))
    stream.send(V1, 1, 2)
    file = connector_file(tmp_path, broker, registry, stream.topic, options)
    with program(file) as running:
        if policy == "fail":
            assert running.exit_status() == 1
            assert stream.committed() <= 0
        else:
            eventually(lambda: stream.committed() == 2, "the records are dealt with")
            assert running.stop() == 0
            assert len(read_committed(broker.bootstrap_servers, dead)) == 2
        assert b"TYPE_MISMATCH" in running.said()  # the registry's own words
    assert stream.ids() == []

    registry.serve("PUT", f"/config/{stream.topic}.protected-value", b'{"compatibility": "NONE"}')
    stream.send(V1, 3)
    with program(file) as running:
        eventually(lambda: stream.committed() == 3, "everything goes through")
        assert running.stop() == 0
    assert stream.ids() == ([1, 2, 3] if policy == "fail" else [3])
