"""librdkafka's settings of the consumer and the producer: what the transaction rests on goes over what a user sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Message

from connector.logs import LibraryLog
from connector.session_settings import SessionSettings

TRANSACTION_TIMEOUT_MS = 15_000
MAX_BATCH_BYTES = 1_000_000

# Bounded, so that memory stays flat: 32 MiB of fetched records, and no pause of a second when that is reached. A fetch
# is measured compressed and unpacked whole, so one of a partition is kept small.
_CONSUMER_BOUNDS = {
    "max.partition.fetch.bytes": 256 * 1024,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 32 * 1024,
    "fetch.queue.backoff.ms": 10,
}
_MEMBERSHIP = {
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 3_000,
}
_OWNED_BY_THE_SESSION = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "allow.auto.create.topics": False,
    "enable.partition.eof": False,
}

Delivered = Callable[[KafkaError | None, Message], None]


def consumer_config(settings: SessionSettings, log: LibraryLog) -> dict[str, Any]:
    """Settings of the consumer. With `group.protocol=consumer` (KIP-848) the broker sets the session's timeouts, and
    there is no instance id."""
    config: dict[str, Any] = {**_CONSUMER_BOUNDS}
    if settings.group_protocol == "classic":
        config |= _MEMBERSHIP
        if settings.worker_id_given:
            config["group.instance.id"] = settings.transactional_id
    owned = {**_OWNED_BY_THE_SESSION, "group.id": settings.group_id, "group.protocol": settings.group_protocol}
    return config | dict(settings.consumer) | owned | log.settings()


def reader_config(consumer: Mapping[str, Any], group_id: str, log: LibraryLog) -> dict[str, Any]:
    """Settings of a consumer that reads whole topics, committed records alone, and never joins or commits."""
    owned = {**_OWNED_BY_THE_SESSION, "group.id": group_id, "enable.partition.eof": True}
    return {**_CONSUMER_BOUNDS, **consumer, **owned, **log.settings()}


def producer_config(
    settings: SessionSettings, log: LibraryLog, on_undelivered: Delivered, sink_limit: int
) -> dict[str, Any]:
    """Settings of the producer.

    Brokers refuse a batch of records above the topic's `max.message.bytes`, and librdkafka knows one batch size for
    all topics: the smallest limit of any sink. `on_undelivered` is called for failed deliveries alone.
    """
    config: dict[str, Any] = {
        "compression.type": "lz4",
        "batch.size": MAX_BATCH_BYTES,
        "message.max.bytes": 1_000_000_000,  # the sinks' own limits decide
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 64 * 1024,
        **settings.producer,
    }
    config["batch.size"] = max(1, min(int(config["batch.size"]), sink_limit))
    return config | {
        "transactional.id": settings.transactional_id,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "partitioner": "murmur2_random",
        "on_delivery": on_undelivered,
        "delivery.report.only.error": True,
        **log.settings(),
    }


def admin_config(settings: SessionSettings) -> dict[str, Any]:
    """Settings of the admin client. Nothing polls it, so its lines are not logged; its answers say what is wrong."""
    return {**settings.admin, "log_level": 0, "log.connection.close": False}
