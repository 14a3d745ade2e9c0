"""Each record has exactly one outcome, however often and whenever the connector is killed."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from connector.loopback.kafka import Broker
from tests.integration.conftest import TopicFactory
from tests.integration.workers import FAST_HEARTBEATS, all_committed, eventually, seed, values_by_partition, worker

_RECORDS = 60_000
_PARTITIONS = 6
_KILLS = 6


def test_60000_numbered_records_arrive_once_and_in_order_through_six_kills(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=_PARTITIONS)
    sent = seed(address, source, _PARTITIONS, _RECORDS)
    # 60 batches of 0.1 s: more work than fits between the starts and the kills, however fast the machine is.
    settings = {"bootstrap_servers": address, "topics": [source], "batch_max_records": 1_000, "seconds": 0.1}
    moments = random.Random()
    for _ in range(_KILLS):
        with worker(tmp_path, **settings) as running:
            eventually(lambda: "assigned" in running.said(), "partitions are assigned")
            time.sleep(moments.uniform(0.02, 0.5))
            running.kill()
    assert not all_committed(address, source, _PARTITIONS), "the kills came too late to matter"

    with worker(tmp_path, **settings) as running:
        eventually(lambda: all_committed(address, source, _PARTITIONS), "everything is committed")
        assert running.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent


def test_two_members_share_the_partitions_while_one_comes_and_goes(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    address = broker.bootstrap_servers
    source = topic(partitions=_PARTITIONS)
    sent = seed(address, source, _PARTITIONS, 60_000)
    settings = {"bootstrap_servers": address, "topics": [source], "batch_max_records": 200, "seconds": 0.01}
    dynamic = {"worker_id_given": False, "consumer": FAST_HEARTBEATS}
    with worker(tmp_path, **settings, **dynamic, worker_id="stays") as stays:
        eventually(lambda: "assigned" in stays.said(), "the first member has partitions")
        for number in range(2):
            with worker(tmp_path, **settings, **dynamic, worker_id=f"comes-{number}") as comes:
                eventually(lambda comes=comes: "assigned" in comes.said(), "the second member has partitions")  # type: ignore[misc]
                time.sleep(0.3)
                assert comes.stop() == 0
        eventually(lambda: all_committed(address, source, _PARTITIONS), "everything is committed")
        assert "revoked" in stays.said()
        assert stays.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent


def test_a_member_that_slept_through_its_session_commits_nothing_that_another_has_taken_over(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    """A stopped process wakes up with records in its hands; a transactional commit without a member id would pass."""
    address = broker.bootstrap_servers
    source = topic(partitions=2)
    sent = seed(address, source, 2, 2_000)
    settings = {
        "bootstrap_servers": address,
        "topics": [source],
        "worker_id_given": False,
        "consumer": {"session.timeout.ms": 6_000},
    }
    with worker(tmp_path, **settings, worker_id="sleeper", seconds=3) as sleeper:
        eventually(lambda: "assigned" in sleeper.said(), "the sleeper has partitions")
        time.sleep(1)  # it holds a batch now, and takes 3 s for it
        sleeper.signal(signal.SIGSTOP)
        with worker(tmp_path, **settings, worker_id="heir") as heir:
            eventually(lambda: all_committed(address, source, 2), "the heir has committed everything")
            sleeper.signal(signal.SIGCONT)
            eventually(lambda: "setback" in sleeper.said(), "the sleeper notices")
            assert heir.stop() == 0
        assert sleeper.stop() == 0

    assert values_by_partition(address, f"{source}.protected") == sent
