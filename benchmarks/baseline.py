"""A baseline as a process of its own: read, write, commit, exactly once, with Streamveil's settings of the clients.

    python -m benchmarks.baseline passthrough|by-hand CONNECTOR.json

The loop is what one writes by hand where nothing goes wrong: no recovery, no rebalance, no limits. Runs until SIGTERM.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from benchmarks import by_hand
from benchmarks.workload import EMAIL_DOMAIN, KEY_RING, NUMBERS_DOMAIN
from connector.clients import MAX_BATCH_BYTES, consumer_config, producer_config
from connector.config import Connector, Need, load
from connector.logs import LibraryLog
from connector.service import settings_of
from registry.client import RegistryClient
from registry.wire import prefix

Protect = Callable[[Sequence[Message]], list[Any]]
"""The values of a batch, as they go to the sink."""


def passthrough(messages: Sequence[Message]) -> list[Any]:
    """The values as they came."""
    return [message.value() for message in messages]


def chain_by_hand(connector: Connector) -> Protect:
    """The workload's chain; its schema is registered."""
    assert connector.registry is not None  # noqa: S101 - the workload has one
    with RegistryClient(connector.registry) as registry:
        subject = f"{connector.sink_topic_format}-value"
        schema_id = registry.register(subject, json.dumps(by_hand.sink_schema()))
    ring = connector.rings[KEY_RING]
    encrypts = any(link.name == "Fpe" for link in connector.chain)
    encrypt = by_hand.ff1(ring.subkey("fpe", NUMBERS_DOMAIN, 32)) if encrypts else None
    protect = by_hand.chain(ring.subkey("hmac", EMAIL_DOMAIN, 32), prefix(schema_id), encrypt)

    def protect_all(messages: Sequence[Message]) -> list[Any]:
        return [protect(message.value()) for message in messages]  # type: ignore[arg-type]  # there are no tombstones

    return protect_all


def run(connector: Connector, protect: Protect, stopping: threading.Event) -> None:
    """Consume, protect and produce in transactions until `stopping` is set."""
    settings = settings_of(connector, 0)
    sink = connector.sink_topic_format
    consumer = Consumer(consumer_config(settings, LibraryLog("consumer")))
    producer = Producer(producer_config(settings, LibraryLog("producer"), _undelivered, MAX_BATCH_BYTES))
    producer.init_transactions()
    consumer.subscribe(list(settings.topics), on_assign=_from_the_beginning)
    while not stopping.is_set():
        # Without errors, of which this loop knows nothing, a message has all its parts.
        messages: Any = consumer.consume(settings.batch_max_records, settings.batch_max_wait_ms / 1000)
        if not messages:
            continue
        values = protect(messages)
        producer.begin_transaction()
        for message, value in zip(messages, values, strict=True):
            producer.produce(
                sink,
                value,
                message.key(),
                message.partition(),
                timestamp=message.timestamp()[1],
                headers=message.headers(),
            )
        offsets = {(m.topic(), m.partition()): m.offset() + 1 for m in messages}
        ends = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        producer.send_offsets_to_transaction(ends, consumer.consumer_group_metadata())
        producer.commit_transaction()
    consumer.close()


def _from_the_beginning(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    consumer.incremental_assign([TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions])


def _undelivered(error: object, message: object) -> None:
    raise SystemExit("a record was not delivered")


def main(kind: str, path: str) -> None:
    """Run one baseline."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    connector = load(Path(path), need=Need.SERVICE)
    protect = chain_by_hand(connector) if kind == "by-hand" else passthrough
    # As the connector does.
    gc.freeze()
    gc.set_threshold(100_000)
    run(connector, protect, stopping)


if __name__ == "__main__":
    main(*sys.argv[1:])
