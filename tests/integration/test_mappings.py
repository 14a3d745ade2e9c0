"""What goes along with a record: the mapping of its token is committed with it, or neither is, or it was forgotten."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from connector.loopback.kafka import Broker
from connector.mappings import Mappings
from connector.markers import Marker, to_text
from tests.integration.clients import create_topic, read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.session_worker import FINGERPRINT, digest_of
from tests.integration.workers import all_committed, eventually, seed, send, session, worker


def _mapping(address: str, topic: str) -> dict[bytes | None, bytes | None]:
    return {message.key(): message.value() for message in read_committed(address, topic)}


def _forget(address: str, mapping: str, subject: bytes, fingerprint: str = FINGERPRINT) -> None:
    """What `streamveil forget` does first."""
    marker = Marker("requested", "2026-01-01T00:00:00Z", {fingerprint: digest_of(subject)})
    send(address, f"{mapping}.forgotten", marker.to_value(), key=to_text(digest_of(subject)).encode())


@pytest.fixture
def mapping(broker: Broker) -> str:
    """A mapping topic that is there already, with the one of the forgotten."""
    address = broker.bootstrap_servers
    config = {"cleanup.policy": "compact", "max.compaction.lag.ms": "86400000", "max.message.bytes": "50000"}
    name = create_topic(address, 2, config)
    create_topic(address, 1, {"cleanup.policy": "compact"}, name=f"{name}.forgotten")
    return name


def test_a_mapping_arrives_with_its_record_and_once_a_batch(
    broker: Broker, topic: TopicFactory, mapping: str, tmp_path: Path
) -> None:
    address, source = broker.bootstrap_servers, topic()
    send(address, source, b"map:t1:ann:one", b"map:t1:ann:one", b"plain", b"map:t2:bob:two")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=mapping, batch_max_wait_ms=1000) as task:
        eventually(lambda: all_committed(address, source), "everything is committed")
        assert task.stop() == 0

    assert len(read_committed(address, f"{source}.protected")) == 4
    arrived = read_committed(address, mapping)
    assert sorted((m.key(), m.value()) for m in arrived) == [(b"t1", b"one"), (b"t2", b"two")]  # type: ignore[type-var]  # none is null


def test_a_rejected_record_leaves_no_mapping_and_a_mapping_too_large_rejects_its_record(
    broker: Broker, topic: TopicFactory, mapping: str, tmp_path: Path
) -> None:
    address, source = broker.bootstrap_servers, topic()
    routed_away = b"route:" + mapping.encode() + b":x"
    send(address, source, b"poison", b"map:t1:ann:" + b"x" * 50_000, routed_away, b"map:t2:bob:two")
    errors = {"tolerate": True, "deadletter_topic": f"{source}.dead", "deadletter_replication": 1}
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=mapping, errors=errors) as task:
        eventually(lambda: all_committed(address, source), "everything is committed")
        assert task.stop() == 0

    reasons = [dict(m.headers() or [])["__connect.errors.exception.message"] for m in _read(address, f"{source}.dead")]
    assert reasons == [b"magic-byte", b"too-large", b"sink-topic"]
    assert _mapping(address, mapping) == {b"t2": b"two"}


def _read(address: str, topic: str) -> list[Any]:
    return list(read_committed(address, topic))


def test_however_often_a_task_is_killed_records_and_mappings_are_committed_together(
    broker: Broker, topic: TopicFactory, mapping: str, tmp_path: Path
) -> None:
    address, source, records = broker.bootstrap_servers, topic(partitions=2), 20_000
    seed(address, source, 2, records, "map:t%d:ann:v")
    settings = {"bootstrap_servers": address, "topics": [source], "mapping": mapping, "batch_max_records": 200}
    for _ in range(3):
        with worker(tmp_path, **settings) as running:
            eventually(lambda running=running: "assigned" in running.said(), "partitions are assigned")  # type: ignore[misc]  # mypy knows no lambda's default
            time.sleep(random.uniform(0.05, 0.5))
            running.kill()
        sent = {m.value().split(b":")[1] for m in _read(address, f"{source}.protected")}
        assert {m.key() for m in _read(address, mapping)} == sent
    assert len(sent) < records, "the kills came too late to matter"

    with worker(tmp_path, **settings) as running:
        eventually(lambda: all_committed(address, source, 2), "everything is committed")
        assert running.stop() == 0
    assert len(_read(address, f"{source}.protected")) == records
    assert {m.key() for m in _read(address, mapping)} == {b"t%d" % number for number in range(records)}


def test_a_broker_that_crashes_and_comes_back_loses_no_mapping_and_doubles_no_record(tmp_path: Path) -> None:
    with Broker() as own:
        address = own.bootstrap_servers
        source, mapping, records = create_topic(address, 2), "mapping", 5_000
        seed(address, source, 2, records, "map:t%d:ann:v")
        settings = {"bootstrap_servers": address, "topics": [source], "mapping": mapping, "batch_max_records": 200}
        with worker(tmp_path, **settings) as running:
            eventually(lambda: "assigned" in running.said(), "partitions are assigned")
            time.sleep(0.5)
            own.kill()
            time.sleep(1)
            own.start()
            eventually(lambda: all_committed(address, source, 2), "everything is committed")
            assert running.stop() == 0

        assert len(_read(address, f"{source}.protected")) == records
        assert {m.key() for m in _read(address, mapping)} == {b"t%d" % number for number in range(records)}


def test_a_forgotten_subject_gets_no_mapping_and_its_records_still_arrive(
    broker: Broker, topic: TopicFactory, mapping: str, tmp_path: Path
) -> None:
    address, source = broker.bootstrap_servers, topic()
    _forget(address, mapping, b"ann")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=mapping) as running:
        send(address, source, b"map:t1:ann:one", b"map:t2:bob:two")
        eventually(lambda: all_committed(address, source), "the first records are committed")
        _forget(address, mapping, b"bob")
        send(address, source, b"map:t3:bob:three", b"map:t4:cyd:four")
        eventually(lambda: all_committed(address, source), "the later records are committed")
        assert running.stop() == 0

    assert len(_read(address, f"{source}.protected")) == 4
    assert _mapping(address, mapping) == {b"t2": b"two", b"t4": b"four"}


def test_a_subject_that_is_forgotten_while_its_mapping_is_being_written_has_none_in_the_end(
    broker: Broker, topic: TopicFactory, mapping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, source = broker.bootstrap_servers, topic()
    waiting = [b"ann"]
    look: Callable[[Mappings], bool] = Mappings.refresh

    def forgotten_just_before(mappings: Mappings) -> bool:
        if waiting and all_records_are_there():
            _forget(address, mapping, waiting.pop())
        return look(mappings)

    def all_records_are_there() -> bool:
        return _uncommitted(address, mapping) > 0

    monkeypatch.setattr(Mappings, "refresh", forgotten_just_before)
    with session(bootstrap_servers=address, topics=[source], mapping=mapping):
        send(address, source, b"map:t1:ann:one", b"map:t2:bob:two")
        eventually(lambda: all_committed(address, source), "everything is committed")

    assert not waiting
    assert len(_read(address, f"{source}.protected")) == 2
    assert _mapping(address, mapping) == {b"t2": b"two"}


def _uncommitted(address: str, topic: str) -> int:
    """How many records have been written at all."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "none", "isolation.level": "read_uncommitted"})
    try:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, p), 30)[1] for p in range(2))
    finally:
        consumer.close()


def test_a_task_that_cannot_tell_whom_a_marker_means_stops(
    broker: Broker, topic: TopicFactory, mapping: str, tmp_path: Path
) -> None:
    address, source = broker.bootstrap_servers, topic()
    _forget(address, mapping, b"ann", fingerprint="another0")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=mapping) as running:
        assert running.exit_status() == 1
    assert "keys that the key rings of this chain do not have" in running.said()


def test_the_topics_are_made_so_that_they_compact_within_a_day(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address, source = broker.bootstrap_servers, topic()
    wanted = f"{source}.mapping"
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=wanted) as running:
        eventually(lambda: "assigned" in running.said(), "partitions are assigned")
        assert running.stop() == 0

    admin = AdminClient({"bootstrap.servers": address})
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in (wanted, f"{wanted}.forgotten")]
    made, forgotten = (future.result() for future in admin.describe_configs(resources).values())
    assert made["cleanup.policy"].value == forgotten["cleanup.policy"].value == "compact"
    assert made["max.compaction.lag.ms"].value == "86400000"


@pytest.mark.parametrize(
    "config",
    [
        {"cleanup.policy": "delete"},
        {"cleanup.policy": "compact,delete", "max.compaction.lag.ms": "86400000"},
        {"cleanup.policy": "compact"},
        {"cleanup.policy": "compact", "max.compaction.lag.ms": "86400001"},
    ],
)
def test_a_mapping_topic_that_does_not_compact_within_a_day_is_refused(
    broker: Broker, topic: TopicFactory, tmp_path: Path, config: dict[str, str]
) -> None:
    address, source, mapping = broker.bootstrap_servers, topic(), topic(config=config)
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=mapping) as running:
        assert running.exit_status() == 1
    assert mapping in running.said()
    assert "cleanup.policy=compact" in running.said() or "within a day" in running.said()


def test_a_topic_of_the_forgotten_that_was_made_anew_stops_the_task_instead_of_hiding_markers(
    broker: Broker, topic: TopicFactory, mapping: str, tmp_path: Path
) -> None:
    address, source = broker.bootstrap_servers, topic()
    _forget(address, mapping, b"ann")
    _forget(address, mapping, b"bob")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], mapping=mapping) as running:
        eventually(lambda: "assigned" in running.said(), "partitions are assigned")
        admin, forgotten = AdminClient({"bootstrap.servers": address}), f"{mapping}.forgotten"
        admin.delete_topics([forgotten])[forgotten].result(30)
        create_topic(address, 1, {"cleanup.policy": "compact"}, name=forgotten)
        _forget(address, mapping, b"cyd")
        send(address, source, b"map:t1:cyd:one")
        assert running.exit_status() == 1

    assert "made anew" in running.said()
    assert _mapping(address, mapping) == {}
