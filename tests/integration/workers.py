"""Starts, kills and awaits worker processes around a session, and waits for what they write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from connector.session import Session
from tests.integration.clients import read_committed
from tests.integration.session_worker import Copying, settings_from

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60.0

FAST_HEARTBEATS = {"heartbeat.interval.ms": 500}
"""Consumer settings: members hear of a rebalance sooner."""


class Worker:
    """One worker process. Its standard error is kept in a file, for the assertions on log lines."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        number = len(list(directory.glob("worker-*.json")))
        config = directory / f"worker-{number}.json"
        config.write_text(json.dumps(settings))
        self._log = directory / f"worker-{number}.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.session_worker", str(config)],
                cwd=_ROOT,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Asks it to stop, and returns its exit status."""
        self.process.terminate()
        return self.exit_status()

    def exit_status(self) -> int:
        return self.process.wait(_PATIENCE_S)

    def said(self) -> str:
        return self._log.read_text()


@contextmanager
def worker(directory: Path, **settings: Any) -> Iterator[Worker]:
    """A worker that is gone at the end of the block, however the block ends."""
    running = Worker(directory, **settings)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@contextmanager
def session(holding: Path | None = None, **given: Any) -> Iterator[None]:
    """A session in a thread of this process, for tests that reach into it; it must stop when it is asked to."""
    settings = settings_from(given)
    stopping = threading.Event()
    thread = threading.Thread(target=Session(settings, Copying(settings, None, 0, holding), stopping).run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool], what: str, patience_s: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(0.1)


def committed_offsets(bootstrap_servers: str, group: str, topic: str, partitions: int) -> dict[int, int]:
    """What the group has committed, by partition; -1001 for nothing; empty while the coordinator is not to be had."""
    # With read_committed it would wait for the end of open transactions, those of killed processes included.
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": group, "isolation.level": "read_uncommitted"}
    )
    try:
        found = consumer.committed([TopicPartition(topic, p) for p in range(partitions)], timeout=30)
        return {p.partition: p.offset for p in found}
    except KafkaException:
        return {}
    finally:
        consumer.close()


def values_by_partition(bootstrap_servers: str, topic: str) -> dict[int, list[bytes]]:
    """The values of every committed record, by partition in order."""
    values: dict[int, list[bytes]] = {}
    for message in read_committed(bootstrap_servers, topic):
        values.setdefault(_partition(message), []).append(_value(message))
    return values


def _partition(message: Message) -> int:
    partition = message.partition()
    assert partition is not None
    return partition


def _value(message: Message) -> bytes:
    value = message.value()
    assert value is not None
    return value


def seed(bootstrap_servers: str, topic: str, partitions: int, records: int, form: str = "%d") -> dict[int, list[bytes]]:
    """Writes numbered records over the partitions in turn; returns the values of each partition in order."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "queue.buffering.max.messages": records,
            "enable.idempotence": True,  # else a retry may change the order
        }
    )
    sent: dict[int, list[bytes]] = {partition: [] for partition in range(partitions)}
    for number in range(records):
        value = (form % number).encode()
        producer.produce(topic, value=value, key=b"%d" % number, partition=number % partitions)
        sent[number % partitions].append(value)
    assert producer.flush(_PATIENCE_S) == 0
    return sent


def send(bootstrap_servers: str, topic: str, *values: bytes, **options: Any) -> None:
    """Writes the values to partition 0 in order, each as a batch of its own."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "message.max.bytes": 10_000_000})
    for value in values:
        producer.produce(topic, value=value, **{"partition": 0, "key": b"k", **options})
        assert producer.flush(_PATIENCE_S) == 0


def all_committed(bootstrap_servers: str, source: str, partitions: int = 1) -> bool:
    """Whether the group of a test worker has committed all that is in the source (written without transactions)."""
    offsets = committed_offsets(bootstrap_servers, f"streamveil-{source}", source, partitions)
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "none"})
    try:
        ends = {p: consumer.get_watermark_offsets(TopicPartition(source, p), 30)[1] for p in range(partitions)}
    finally:
        consumer.close()
    return {p: max(offset, 0) for p, offset in offsets.items()} == ends
