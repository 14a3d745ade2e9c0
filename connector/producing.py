"""The producer: records on their way to the brokers, and what came of them. It neither begins nor commits."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from connector.bounded import within
from connector.clients import producer_config
from connector.failures import Call, Setback, refusal, remedy_for
from connector.logs import LibraryLog
from connector.record import Outcome, Sink
from connector.session_settings import SessionSettings
from transforms.outcome import Code

_REPORTS_S = 0.1
_PURGED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)


class Producing:
    """One producer with the task's transactional id, and batches of at most `batch_bytes`, for brokers refuse more."""

    def __init__(self, settings: SessionSettings, sink_limit: int) -> None:
        config = producer_config(settings, LibraryLog("producer"), self._on_undelivered, sink_limit)
        self.batch_bytes = int(config["batch.size"])
        self.client = Producer(config)
        self._undelivered: list[KafkaError] = []

    def produce(self, outcomes: Iterable[Outcome]) -> None:
        """Queues what has to be sent, in order; blocks while the queue is full. Raises `Setback`."""
        self._undelivered.clear()
        produce = self.client.produce
        for outcome in outcomes:
            if type(outcome) is not Sink:
                continue
            partition = -1 if outcome.partition is None else outcome.partition
            # librdkafka takes 0 for "now": the epoch itself is written one millisecond late.
            timestamp = max(outcome.timestamp, 1) if outcome.timestamp >= 0 else 0
            headers: Any = outcome.headers
            record = (outcome.topic, outcome.value, outcome.key, partition, None, None, timestamp, headers)
            try:
                try:
                    produce(*record)
                except BufferError:
                    self._produce_when_there_is_room(record)
            except KafkaException as raised:
                error = raised.args[0]
                self._undelivered.append(error)
                raise Setback(remedy_for(error, Call.PRODUCE), error, Call.PRODUCE) from None

    def send_offsets(self, offsets: list[TopicPartition], group_metadata: object, seconds: float) -> None:
        """Makes the offsets part of the transaction.

        The call's own timeout does not hold while the group coordinator is away: librdkafka may then wait for ever
        (https://github.com/confluentinc/librdkafka/issues/5456). A call that is given up costs the producer, and the
        epoch of the new one fences whatever the old call may still send.
        """
        try:
            within(2 * seconds, self.client.send_offsets_to_transaction, offsets, group_metadata, seconds)
        except TimeoutError:
            error = KafkaError(KafkaError._TIMED_OUT)
            raise Setback(remedy_for(error, Call.SEND_OFFSETS), error, Call.SEND_OFFSETS) from None

    def flush(self, seconds: float) -> None:
        """Waits until brokers have all that was queued. Raises `Setback` when one was not delivered, or time is up."""
        until = time.monotonic() + seconds
        # After a failure librdkafka keeps what is left in its queue until the transaction is aborted.
        while self.client.flush(_REPORTS_S) and not self._undelivered:
            if time.monotonic() >= until:
                self._undelivered.append(KafkaError(KafkaError._TIMED_OUT))
        if self._undelivered:
            error = self._undelivered[0]
            raise Setback(remedy_for(error, Call.PRODUCE), error, Call.PRODUCE)

    def refused(self) -> Code | None:
        """Why a broker refused a record of this transaction, if one did; waits a moment for the last reports."""
        self.client.poll(_REPORTS_S)
        return next(filter(None, map(refusal, self._undelivered)), None)

    def discard(self) -> None:
        """Drops what was not sent. Not `close`, which waits for Kafka without limit."""
        self.client.purge()
        self.client.poll(0)

    def _produce_when_there_is_room(self, record: tuple[Any, ...]) -> None:
        while True:
            self.client.poll(_REPORTS_S)
            try:
                return self.client.produce(*record)
            except BufferError:  # ends at the latest when the queued records time out
                continue

    def _on_undelivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and error.code() not in _PURGED:
            self._undelivered.append(error)
