"""Held partitions through rebalances, aborts and outages: each record comes once, in the order of its partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

import connector.producing
from connector.loopback.kafka import Broker
from tests.integration.conftest import TopicFactory
from tests.integration.workers import (
    FAST_HEARTBEATS,
    all_committed,
    committed_offsets,
    eventually,
    send,
    session,
    values_by_partition,
    worker,
)


def _seed(
    address: str, source: str, partitions: int, records: int, held_from: dict[int, int]
) -> dict[int, list[bytes]]:
    """Numbered records for each partition, of which one, where `held_from` says so, will be held."""
    sent: dict[int, list[bytes]] = {}
    for partition in range(partitions):
        numbers = range(records)
        sent[partition] = [
            b"%s%d" % (b"hold" if number == held_from.get(partition) else b"", number) for number in numbers
        ]
        send(address, source, *sent[partition], partition=partition)
    return sent


def test_held_partitions_change_hands_and_nothing_is_lost_doubled_or_overtaken(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=4)
    sent = _seed(address, source, 4, 60, {0: 20, 1: 0, 2: 59})
    holding = tmp_path / "holding"
    holding.touch()
    settings: dict[str, Any] = {
        "bootstrap_servers": address,
        "topics": [source],
        "worker_id_given": False,
        "batch_max_records": 15,
        "consumer": FAST_HEARTBEATS,
        "holding": str(holding),
    }

    def committed() -> list[int]:
        offsets = committed_offsets(address, f"streamveil-{source}", source, 4)
        return [max(offsets.get(partition, 0), 0) for partition in range(4)]

    with worker(tmp_path, **settings, worker_id="stays") as stays:
        eventually(lambda: committed() == [20, 0, 59, 60], "each is committed up to where it is held")
        with worker(tmp_path, **settings, worker_id="goes") as goes:
            eventually(lambda: goes.said().count("partitions held") > 0, "the second holds as well")
            assert goes.stop() == 0
        eventually(lambda: stays.said().count('"assigned"') == 2, "the partitions come back")
        assert committed() == [20, 0, 59, 60]
        holding.unlink()
        eventually(lambda: all_committed(address, source, 4), "everything is committed")
        assert stays.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent


class _AbortsTwice(Producer):
    """Two transactions fail when they are to be committed, before anything of it reached Kafka."""

    failures = 2

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        if type(self).failures:
            type(self).failures -= 1
            raise KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, "", txn_requires_abort=True))
        super().send_offsets_to_transaction(*arguments)


def test_an_abort_takes_a_held_partition_back_to_where_the_batch_began(
    broker: Broker, topic: TopicFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector.producing, "Producer", _AbortsTwice)
    address = broker.bootstrap_servers
    source = topic(partitions=2)
    sent = _seed(address, source, 2, 40, {0: 10, 1: 30})
    holding = tmp_path / "holding"
    holding.touch()

    with session(holding, bootstrap_servers=address, topics=[source]):
        eventually(
            lambda: committed_offsets(address, f"streamveil-{source}", source, 2) == {0: 10, 1: 30},
            "what comes before the held records is committed",
        )
        holding.unlink()
        eventually(lambda: all_committed(address, source, 2), "everything is committed")

    assert _AbortsTwice.failures == 0
    assert values_by_partition(address, f"{source}.protected") == sent


def test_a_partition_that_was_paused_when_it_left_is_read_when_it_comes_back(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=2)
    sent = _seed(address, source, 2, 20, {})
    outage = tmp_path / "outage"
    settings: dict[str, Any] = {
        "bootstrap_servers": address,
        "topics": [source],
        "worker_id_given": False,
        "consumer": FAST_HEARTBEATS,
    }
    outage.touch()
    with worker(tmp_path, **settings, worker_id="stays", unavailable=str(outage)) as stays:
        eventually(lambda: "waiting" in stays.said(), "it waits")
        with worker(tmp_path, **settings, worker_id="goes") as goes:
            eventually(lambda: "assigned" in goes.said(), "one partition leaves while it is paused")
            outage.unlink()
            eventually(lambda: all_committed(address, source, 2), "everything so far is committed")
            assert goes.stop() == 0
        eventually(lambda: stays.said().count('"assigned"') == 2, "it comes back")
        for partition, values in sent.items():
            send(address, source, b"after", partition=partition)
            values.append(b"after")
        eventually(lambda: all_committed(address, source, 2), "what came later is read")
        assert stays.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent
