"""An outage of Kafka, or of what the pipeline needs, is waited for: nothing is lost, nothing comes twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

import connector.producing
from connector.loopback.kafka import Broker
from tests.integration.clients import create_topic
from tests.integration.conftest import TopicFactory
from tests.integration.workers import (
    FAST_HEARTBEATS,
    all_committed,
    eventually,
    seed,
    send,
    session,
    values_by_partition,
    worker,
)


def test_a_broker_that_crashes_and_comes_back_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with Broker() as own:
        address = own.bootstrap_servers
        source = create_topic(address, 3)
        sent = seed(address, source, 3, 20_000)
        settings = {"bootstrap_servers": address, "topics": [source], "batch_max_records": 500, "seconds": 0.05}
        with worker(tmp_path, **settings) as running:
            eventually(lambda: "assigned" in running.said(), "partitions are assigned")
            time.sleep(0.5)
            own.kill()
            time.sleep(1)
            own.start()
            eventually(lambda: all_committed(address, source, 3), "everything is committed")
            assert running.stop() == 0

        assert values_by_partition(address, f"{source}.protected") == sent


def test_asked_to_stop_while_kafka_is_away_it_exits_cleanly_and_the_rest_follows_later(tmp_path: Path) -> None:
    with Broker() as own:
        address = own.bootstrap_servers
        source = create_topic(address, 3)
        sent = seed(address, source, 3, 5_000)
        settings = {"bootstrap_servers": address, "topics": [source], "batch_max_records": 500, "seconds": 0.1}
        with worker(tmp_path, **settings) as running:
            eventually(lambda: "assigned" in running.said(), "partitions are assigned")
            time.sleep(0.5)
            own.kill()
            asked_at = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - asked_at < 20
        own.start()
        with worker(tmp_path, **settings) as running:
            eventually(lambda: all_committed(address, source, 3), "everything is committed")

        assert values_by_partition(address, f"{source}.protected") == sent


def test_while_the_pipeline_is_unavailable_the_connector_waits_and_goes_on_by_itself(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=3)
    sent = seed(address, source, 3, 6_000)
    outage = tmp_path / "outage"
    settings = {"bootstrap_servers": address, "topics": [source], "batch_max_records": 300, "seconds": 0.02}
    with worker(tmp_path, **settings, unavailable=str(outage)) as running:
        for _ in range(3):
            eventually(lambda: "assigned" in running.said(), "partitions are assigned")
            outage.touch()
            time.sleep(0.7)
            outage.unlink()
            time.sleep(0.1)
        assert "waiting" in running.said()
        eventually(lambda: all_committed(address, source, 3), "everything is committed")
        assert running.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent


def test_partitions_that_come_during_an_outage_wait_as_well(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=4)
    sent = seed(address, source, 4, 4_000)
    outage = tmp_path / "outage"
    outage.touch()
    settings = {"bootstrap_servers": address, "topics": [source], "worker_id_given": False, "batch_max_records": 100}
    settings["consumer"] = FAST_HEARTBEATS
    with worker(tmp_path, **settings, worker_id="stays", unavailable=str(outage)) as stays:
        eventually(lambda: "waiting" in stays.said(), "it waits")
        with worker(tmp_path, **settings, worker_id="goes", unavailable=str(outage)) as goes:
            eventually(lambda: "waiting" in goes.said(), "the second waits as well")
            assert goes.stop() == 0
        eventually(lambda: stays.said().count('"assigned"') == 2, "the partitions come back while it waits")
        outage.unlink()
        eventually(lambda: all_committed(address, source, 4), "everything is committed")
        assert stays.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent


def test_asked_to_stop_while_it_waits_it_exits_cleanly(broker: Broker, topic: TopicFactory, tmp_path: Path) -> None:
    source = topic()
    send(broker.bootstrap_servers, source, b"1")
    outage = tmp_path / "outage"
    outage.touch()
    settings = {"bootstrap_servers": broker.bootstrap_servers, "topics": [source], "unavailable": str(outage)}
    with worker(tmp_path, **settings) as running:
        eventually(lambda: "waiting" in running.said(), "it waits")
        assert running.stop() == 0

    assert values_by_partition(broker.bootstrap_servers, f"{source}.protected") == {}


class _CommitsAndSaysOtherwise(Producer):
    """The first commit reaches Kafka; its answer is lost."""

    doubts = 1

    def commit_transaction(self, *arguments: Any) -> None:
        super().commit_transaction(*arguments)
        self._lose_the_answer()

    @classmethod
    def _lose_the_answer(cls) -> None:
        if cls.doubts:
            cls.doubts -= 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "", txn_requires_abort=True))


class _DoesNotCommit(_CommitsAndSaysOtherwise):
    """The first commit never reaches Kafka, and no answer comes."""

    doubts = 1

    def commit_transaction(self, *arguments: Any) -> None:
        self._lose_the_answer()
        Producer.commit_transaction(self, *arguments)


@pytest.mark.parametrize("producer", [_CommitsAndSaysOtherwise, _DoesNotCommit])
def test_a_commit_in_doubt_is_settled_by_the_committed_offsets(
    broker: Broker, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch, producer: type[_CommitsAndSaysOtherwise]
) -> None:
    monkeypatch.setattr(connector.producing, "Producer", producer)
    monkeypatch.setattr(producer, "doubts", 1)
    address = broker.bootstrap_servers
    source = topic(partitions=2)
    sent = seed(address, source, 2, 1_000)

    with session(bootstrap_servers=address, topics=[source], batch_max_records=300):
        eventually(lambda: all_committed(address, source, 2), "everything is committed")

    assert producer.doubts == 0
    assert values_by_partition(address, f"{source}.protected") == sent
