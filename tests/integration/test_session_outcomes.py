"""What becomes of a record: it arrives as it was, is dropped, leaves a dead letter, or stops the connector."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from confluent_kafka.cimpl import NewTopic, TopicPartition

import connector.gathering
from connector.loopback.kafka import Broker
from connector.sinks import SinkTopic
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.workers import (
    Worker,
    all_committed,
    committed_offsets,
    eventually,
    seed,
    send,
    session,
    values_by_partition,
    worker,
)

_TOLERANT = {"tolerate": True}


def _until_done(address: str, source: str, running: Worker, partitions: int = 1) -> None:
    eventually(lambda: all_committed(address, source, partitions), "everything is committed")
    assert running.stop() == 0


def _values(address: str, topic: str) -> list[bytes | None]:
    return [message.value() for message in read_committed(address, topic)]


def _tolerant(source: str) -> dict[str, Any]:
    return {"tolerate": True, "deadletter_topic": f"{source}.dead", "deadletter_replication": 1}


def _values_so_far(address: str, topic: str) -> int:
    topics = AdminClient({"bootstrap.servers": address}).list_topics(timeout=30).topics
    return len(_values(address, topic)) if topic in topics else 0


def _header(message: Message, name: str) -> bytes:
    values = [value for header, value in message.headers() or [] if header == name]
    assert len(values) == 1, name
    assert isinstance(values[0], bytes)
    return values[0]


def test_key_value_headers_partition_and_time_arrive_as_they_were(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=3)
    headers: list[tuple[str, bytes | None]] = [("a", b"1"), ("a", None), ("b", b"")]
    producer = Producer({"bootstrap.servers": address})
    producer.produce(source, key=b"k", value=b"v", partition=2, timestamp=1_600_000_000_000, headers=headers)  # type: ignore[arg-type]  # the stubs forbid a null header
    producer.produce(source, key=None, value=None, partition=1, timestamp=1)
    producer.flush()
    with worker(tmp_path, bootstrap_servers=address, topics=[source]) as running:
        _until_done(address, source, running, 3)

    arrived = {m.partition(): m for m in read_committed(address, f"{source}.protected")}
    assert arrived.keys() == {1, 2}
    first, second = arrived[2], arrived[1]
    assert (first.key(), first.value(), first.headers(), first.timestamp()[1]) == (
        b"k",
        b"v",
        headers,
        1_600_000_000_000,
    )
    assert (second.key(), second.value(), second.headers(), second.timestamp()[1]) == (None, None, None, 1)


def test_a_sink_that_does_not_exist_is_made_with_as_many_partitions_as_the_source(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic(partitions=5)
    with worker(tmp_path, bootstrap_servers=broker.bootstrap_servers, topics=[source]) as running:
        eventually(lambda: "subscribed" in running.said(), "it has started")
        assert running.stop() == 0

    topics = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=30).topics
    assert len(topics[f"{source}.protected"].partitions) == 5


def test_a_rejected_record_stops_the_connector_which_names_it_and_loses_nothing(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    send(address, source, b"1", b"2", b"poison-68ae1b40", b"3")
    with worker(tmp_path, bootstrap_servers=address, topics=[source]) as running:
        assert running.exit_status() == 1
        said = running.said()

    for named in (f"{source}-0", "offset 2", "value.converter", "magic-byte", "a.b"):
        assert named in said
    assert "68ae1b40" not in said
    assert _values(address, f"{source}.protected") == []

    with worker(tmp_path, bootstrap_servers=address, topics=[source], errors=_TOLERANT) as running:
        _until_done(address, source, running)
    assert _values(address, f"{source}.protected") == [b"1", b"2", b"3"]


def test_a_tolerated_record_leaves_one_dead_letter_that_holds_nothing_of_it(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    send(address, source, b"1", b"poison", b"drop", b"2")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], errors=_tolerant(source)) as running:
        _until_done(address, source, running)

    assert _values(address, f"{source}.protected") == [b"1", b"2"]
    [letter] = read_committed(address, f"{source}.dead")
    assert letter.key() == f"{source}-0-1".encode()
    assert letter.value() is None
    assert _header(letter, "__connect.errors.exception.message") == b"magic-byte"
    assert _header(letter, "__connect.errors.offset") == b"1"


def test_a_record_too_large_for_the_sink_is_rejected_before_the_broker_sees_it(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    _make(address, f"{source}.protected", {"max.message.bytes": "10000"})
    send(address, source, b"1", b"x" * 20_000, *[b"y" * 3_000] * 20, b"2")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], errors=_tolerant(source)) as running:
        _until_done(address, source, running)
        assert "refused by the broker" not in running.said()

    assert _values(address, f"{source}.protected") == [b"1", *[b"y" * 3_000] * 20, b"2"]
    [letter] = read_committed(address, f"{source}.dead")
    assert _header(letter, "__connect.errors.exception.message") == b"too-large"
    assert _header(letter, "__connect.errors.stage") == b"KAFKA_PRODUCE"


def test_a_limit_that_was_lowered_meanwhile_is_noticed_by_the_first_refusal(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    sink = f"{source}.protected"
    send(address, source, b"first")
    with worker(tmp_path, bootstrap_servers=address, topics=[source], errors=_tolerant(source)) as running:
        eventually(lambda: all_committed(address, source), "the first record is committed")
        _alter(address, sink, "max.message.bytes", "5000")
        seed(address, source, 1, 40)
        send(address, source, random.randbytes(9_000), b"last")  # compression is of no use
        _until_done(address, source, running)
        assert "refused by the broker" in running.said()

    assert _values(address, sink) == [b"first", *[b"%d" % n for n in range(40)], b"last"]
    [letter] = read_committed(address, f"{source}.dead")
    assert _header(letter, "__connect.errors.exception.message") == b"too-large"


def test_a_record_that_the_broker_refuses_for_no_known_limit_is_found_and_rejected_alone(
    broker: Broker, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SinkTopic, "refuses", lambda *_: None)
    address = broker.bootstrap_servers
    source = topic()
    _make(address, f"{source}.protected", {"cleanup.policy": "compact"})
    sent = seed(address, source, 1, 5)
    send(address, source, b"no key", key=None)
    send(address, source, b"last")
    with session(bootstrap_servers=address, topics=[source], errors=_tolerant(source)):
        eventually(lambda: all_committed(address, source), "everything is committed")

    assert _values(address, f"{source}.protected") == [*sent[0], b"last"]
    [letter] = read_committed(address, f"{source}.dead")
    assert letter.key() == f"{source}-0-5".encode()
    assert _header(letter, "__connect.errors.exception.message") == b"sink-refused"


def test_asked_to_stop_while_refused_records_are_found_one_by_one_it_leaves_the_rest_for_later(
    broker: Broker, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SinkTopic, "refuses", lambda *_: None)
    address = broker.bootstrap_servers
    source = topic()
    _make(address, f"{source}.protected", {"cleanup.policy": "compact"})
    send(address, source, *[b"no key"] * 20, key=None)
    with session(bootstrap_servers=address, topics=[source], errors=_tolerant(source)):
        eventually(lambda: _values_so_far(address, f"{source}.dead") > 0, "the first is found")

    found = len(read_committed(address, f"{source}.dead"))
    assert found < 20
    assert committed_offsets(address, f"streamveil-{source}", source, 1) == {0: found}


def test_what_a_sink_demands_of_time_and_key_is_checked(broker: Broker, topic: TopicFactory, tmp_path: Path) -> None:
    address = broker.bootstrap_servers
    source = topic()
    _make(address, f"{source}.protected", {"cleanup.policy": "compact", "message.timestamp.before.max.ms": "3600000"})
    send(address, source, b"good")
    send(address, source, b"no key", key=None)
    send(address, source, b"old", timestamp=1_000)
    with worker(tmp_path, bootstrap_servers=address, topics=[source], errors=_tolerant(source)) as running:
        _until_done(address, source, running)
        assert "refused by the broker" not in running.said()

    assert _values(address, f"{source}.protected") == [b"good"]
    codes = [_header(m, "__connect.errors.exception.message") for m in read_committed(address, f"{source}.dead")]
    assert codes == [b"no-key", b"bad-timestamp"]


def test_a_record_routed_into_a_source_is_rejected_and_into_a_new_topic_arrives_there(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=2)
    send(address, source, f"route:{source}:loop".encode(), f"route:{source}-else:new".encode(), partition=1)
    with worker(tmp_path, bootstrap_servers=address, topics=[source], errors=_tolerant(source)) as running:
        _until_done(address, source, running, 2)

    assert values_by_partition(address, f"{source}-else") == {1: [f"route:{source}-else:new".encode()]}
    [letter] = read_committed(address, f"{source}.dead")
    assert _header(letter, "__connect.errors.exception.message") == b"sink-topic"


def test_topics_that_match_the_pattern_are_read_also_those_made_later_and_sinks_never_are(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector.gathering, "_REFRESH_S", 0.5)
    address = broker.bootstrap_servers
    family = f"family{time.monotonic_ns()}"
    for topic in (f"{family}.a", f"other-{family}.a"):
        _make(address, topic, {})
        send(address, topic, topic.encode())
    with session(bootstrap_servers=address, topics=[family], matches=re.compile(rf"{family}.*").fullmatch):
        eventually(lambda: _values_so_far(address, f"{family}.a.protected") == 1, "the first topic is read")
        _make(address, f"{family}.b", {})
        send(address, f"{family}.b", b"later")
        eventually(lambda: _values_so_far(address, f"{family}.b.protected") == 1, "the later topic is read")
        time.sleep(1)  # time enough to find the sinks, if they were taken for sources

    topics = AdminClient({"bootstrap.servers": address}).list_topics(timeout=30).topics
    assert {name for name in topics if family in name} == {
        f"{family}.a",
        f"{family}.a.protected",
        f"{family}.b",
        f"{family}.b.protected",
        f"other-{family}.a",
    }


def test_with_latest_what_was_there_before_is_not_read_and_a_commit_makes_the_rest_certain(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    send(address, source, b"before")
    settings = {"bootstrap_servers": address, "topics": [source], "start_at": "latest"}
    with worker(tmp_path, **settings) as running:
        eventually(lambda: "assigned" in running.said(), "it has partitions")
        send(address, source, b"1")
        _until_done(address, source, running)
    send(address, source, b"2")
    with worker(tmp_path, **settings) as running:
        _until_done(address, source, running)

    assert _values(address, f"{source}.protected") == [b"1", b"2"]


def test_sigterm_in_the_middle_of_the_work_is_a_clean_exit(broker: Broker, topic: TopicFactory, tmp_path: Path) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=2)
    sent = seed(address, source, 2, 20_000)
    settings = {"bootstrap_servers": address, "topics": [source], "batch_max_records": 500, "seconds": 0.02}
    for _ in range(3):
        with worker(tmp_path, **settings) as running:
            eventually(lambda: "assigned" in running.said(), "partitions are assigned")
            time.sleep(0.2)
            assert running.stop() == 0
    with worker(tmp_path, **settings) as running:
        _until_done(address, source, running, 2)

    assert values_by_partition(address, f"{source}.protected") == sent


def test_when_records_were_deleted_before_they_were_read_the_connector_stops_and_says_so(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    send(address, source, b"1", b"2")
    with worker(tmp_path, bootstrap_servers=address, topics=[source]) as running:
        _until_done(address, source, running)
    send(address, source, b"3", b"4")
    _delete_before(address, source, 3)

    with worker(tmp_path, bootstrap_servers=address, topics=[source]) as running:
        assert running.exit_status() == 1
        assert "records were deleted before they were read" in running.said()
    assert _values(address, f"{source}.protected") == [b"1", b"2"]


def test_of_two_processes_with_one_worker_id_the_older_stops(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic()
    with worker(tmp_path, bootstrap_servers=address, topics=[source]) as older:
        eventually(lambda: "assigned" in older.said(), "the older has partitions")
        with worker(tmp_path, bootstrap_servers=address, topics=[source]) as newer:
            assert older.exit_status() == 1
            assert "worker.id" in older.said()
            send(address, source, b"1")
            _until_done(address, source, newer)

    assert _values(address, f"{source}.protected") == [b"1"]


def _make(address: str, topic: str, config: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    wanted = NewTopic(topic, num_partitions=1, replication_factor=1, config=config)
    admin.create_topics([wanted])[topic].result(30)


def _alter(address: str, topic: str, name: str, value: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
    admin.incremental_alter_configs([resource])[resource].result(30)


def _delete_before(address: str, topic: str, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    [deleted] = admin.delete_records([TopicPartition(topic, 0, offset)]).values()
    deleted.result(30)
