"""The transaction, and its one owner: nothing else begins, commits, aborts or rewinds.

One cycle: gather records, let the pipeline make their outcomes, begin, produce sinks and dead letters, send the source
offsets with it (KIP-447), commit. Everything that may wait on others comes before the begin, and between begin and
commit the consumer is not polled, so that no partition changes hands inside a transaction. Whatever goes wrong, each
record has exactly one outcome: it was committed, or it is read again.
"""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connector.batch import Batch, Offsets, first_offsets
from connector.bounded import within
from connector.clients import admin_config, consumer_config, producer_config
from connector.deadletters import DeadLetters
from connector.failures import Call, Remedy, Setback, advice, refusal, remedy_for
from connector.gathering import Gathering
from connector.logs import LibraryLog
from connector.record import Failure, Outcome, Sink, Stop
from connector.session_settings import SessionSettings
from connector.sinks import Sinks
from transforms.outcome import Code, Dropped, Unavailable

_ASK_S = 5.0
_COMMIT_S = 10.0
_AGAIN_S = 0.2
_ATTEMPTS = 5
_FENCED_AGAIN_S = 60.0
# How long a transaction that is under way may take to end once the process was asked to stop.
_GRACE_S = 10.0


class Pipeline(Protocol):
    """What makes outcomes of records. It knows nothing of transactions, and may be asked twice for the same records."""

    def process(self, messages: Sequence[Message]) -> list[Outcome]:
        """One outcome a message, in the same order. Raises `Unavailable` to be asked again later, or `Stop`."""


class Abandoned(Exception):
    """The process was asked to stop and Kafka does not answer: what is open ends by its timeout, uncommitted."""


class Session:
    """One task of a connector: it reads, protects and writes until `stopping` is set. Not for use by two threads."""

    def __init__(self, settings: SessionSettings, pipeline: Pipeline, stopping: Event) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._stopping = stopping
        self._log = structlog.get_logger()
        self._deadletters = _deadletters(settings)
        self._sinks = Sinks(AdminClient(admin_config(settings)), settings)
        self._source = Gathering(consumer_config(settings, LibraryLog("consumer")), settings, stopping)
        self._producer: Producer | None = None
        self._batch_bytes = 0
        self._in_transaction = False
        self._pending: deque[Batch] = deque()
        self._undelivered: list[KafkaError] = []
        self._attempts = 0
        self._fenced_at = -math.inf
        self._stop_by = math.inf

    def run(self) -> None:
        """Returns once `stopping` is set and no transaction is open.

        Raises `Stop` when going on would break a promise: what was not committed by then is read again after a
        restart. Outages of Kafka and of what the pipeline needs are waited for without limit.
        """
        try:
            self._start()
            while not self._stopping.is_set():
                self._cycle()
        except Abandoned:
            self._log.warning("stopped while Kafka does not answer; what is open ends uncommitted by its timeout")
        finally:
            self._close()

    def _start(self) -> None:
        for seconds in _waits():
            try:
                self._sinks.check(self._source.topics())
                break
            except Unavailable as reason:
                self._log.warning("waiting", reason=str(reason))
            if self._stopping.wait(seconds):
                return
        self._replace_producer()

    def _cycle(self) -> None:
        try:
            self._source.subscribe()
            messages = self._source.gather()
            batch = self._decide(messages) if messages else None
            if batch is not None:
                self._deliver(batch)
        except Setback as setback:
            self._recover(setback)

    def _decide(self, messages: list[Message]) -> Batch | None:
        """The outcome of every record, with the fetching paused while something outside does not answer.

        None when no record is left that is ours, or when stopping.
        """
        waits = _waits()
        waiting = False
        batch = None
        while batch is None and not self._stopping.is_set():
            messages = self._source.still_ours(messages)
            if not messages:
                break
            try:
                batch = self._judge(messages)
            except Unavailable as reason:
                self._log.warning("waiting", reason=str(reason))
                if not waiting:
                    self._source.pause()
                waiting = True
                messages += self._source.wait(next(waits))
        if waiting:
            self._source.resume()
        return batch

    def _judge(self, messages: list[Message]) -> Batch:
        outcomes = self._pipeline.process(messages)
        if self._source.reassigned:
            self._sinks.forget()
            self._source.reassigned = False
        outcomes = self._sinks.judge(messages, outcomes)
        return Batch(
            messages,
            [self._settle(m, o) if type(o) is Failure else o for m, o in zip(messages, outcomes, strict=True)],
        )

    def _settle(self, message: Message, failure: Failure) -> Outcome:
        """What `errors.tolerance` makes of a rejected record: a dead letter, a drop, or the end."""
        topic, partition, offset = str(message.topic()), message.partition() or 0, message.offset() or 0
        errors = self._settings.errors
        why = {"stage": failure.stage, "code": str(failure.code), "path": failure.path}
        if errors.log or not errors.tolerate:
            self._log.error("record rejected", topic=topic, partition=partition, offset=offset, **why)
        if not errors.tolerate:
            reason = ", ".join(f"{name} {text}" for name, text in why.items() if text)
            raise Stop(f"the record at {topic}-{partition} offset {offset} is rejected: {reason}")
        return self._deadletters.letter(failure, topic, partition, offset) if self._deadletters else Dropped()

    def _deliver(self, batch: Batch) -> None:
        """Commits the batch in one transaction, or in several when a broker refuses one of its records."""
        if self._sinks.smallest_limit < self._batch_bytes:
            self._replace_producer()
        self._pending.append(batch)
        while self._pending:
            part = self._pending[0]
            try:
                self._transact(part)
            except Setback as setback:
                code = next(filter(None, map(refusal, self._undelivered)), None)
                if code is None or setback.remedy is Remedy.STOP:
                    raise
                self._log.warning("records refused by the broker", code=str(code), records=len(part))
                self._replace_producer()
                self._pending.popleft()
                self._pending.extendleft(reversed(self._narrowed(part, code)))
            else:
                self._pending.popleft()

    def _narrowed(self, part: Batch, code: Code) -> Sequence[Batch]:
        """Halves, down to the one record that a broker refuses: that one is rejected."""
        if len(part) > 1:
            return part.halves()
        message, outcome = part.messages[0], part.outcomes[0]
        if isinstance(outcome, Sink) and self._deadletters and outcome.topic == self._deadletters.topic:
            raise Stop(f"the dead letter topic refuses a dead letter: {code}")
        return [Batch([message], [self._settle(message, Failure(code, "sink"))])]

    def _transact(self, batch: Batch) -> None:
        producer = self._producer
        assert producer is not None  # noqa: S101  made at the start
        self._undelivered.clear()
        self._call(Call.BEGIN, producer.begin_transaction)
        self._in_transaction = True
        self._produce(producer, batch.outcomes)
        offsets = [TopicPartition(topic, partition, at) for (topic, partition), at in batch.next_offsets().items()]
        self._call(Call.SEND_OFFSETS, self._send_offsets, producer, offsets)
        self._call(Call.COMMIT, producer.commit_transaction, _COMMIT_S)
        self._in_transaction = False
        self._attempts = 0
        self._log.debug("committed", records=len(batch))

    def _send_offsets(self, producer: Producer, offsets: list[TopicPartition]) -> None:
        """Makes the offsets part of the transaction.

        The call's own timeout does not hold while the group coordinator is away: librdkafka may then wait for ever
        (https://github.com/confluentinc/librdkafka/issues/5456). A call that is given up costs the producer, and the
        epoch of the new one fences whatever the old call may still send.
        """
        metadata = self._source.group_metadata()
        try:
            within(2 * _ASK_S, producer.send_offsets_to_transaction, offsets, metadata, _ASK_S)
        except TimeoutError:
            error = KafkaError(KafkaError._TIMED_OUT)
            raise self._setback(error, Call.SEND_OFFSETS) from None

    def _produce(self, producer: Producer, outcomes: Sequence[Outcome]) -> None:
        produce = producer.produce
        for outcome in outcomes:
            if type(outcome) is not Sink:
                continue
            partition = -1 if outcome.partition is None else outcome.partition
            # librdkafka takes 0 for "now": the epoch itself is written one millisecond late.
            timestamp = max(outcome.timestamp, 1) if outcome.timestamp >= 0 else 0
            headers: Any = outcome.headers
            record = (outcome.topic, outcome.value, outcome.key, partition, None, None, timestamp, headers)
            try:
                produce(*record)
            except BufferError:
                self._call(Call.PRODUCE, self._produce_when_there_is_room, producer, record)
            except KafkaException as raised:
                self._undelivered.append(raised.args[0])
                raise self._setback(raised.args[0], Call.PRODUCE) from None

    @staticmethod
    def _produce_when_there_is_room(producer: Producer, record: tuple[Any, ...]) -> None:
        while True:
            producer.poll(0.05)
            try:
                return producer.produce(*record)
            except BufferError:  # ends at the latest when the queued records time out
                continue

    def _on_undelivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and error.code() not in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            self._undelivered.append(error)

    def _recover(self, setback: Setback) -> None:
        """Does what the table of failures says, and whatever that leads to, until records can be read again."""
        first = first_offsets(self._pending)
        self._pending.clear()
        while True:
            try:
                self._count(setback)
                self._apply(setback.remedy, first)
                return
            except Setback as another:
                setback = another

    def _apply(self, remedy: Remedy, first: Offsets) -> None:
        if remedy is Remedy.ABORT:
            self._abort()
            self._source.rewind(first)
        elif remedy is Remedy.NEW_PRODUCER:
            self._replace_producer()
            committed = self._source.committed(first)
            if committed is not None:
                self._source.rewind({p: max(offset, committed.get(p, offset)) for p, offset in first.items()})
        else:
            if self._in_transaction:
                self._replace_producer()
            self._source.rejoin()

    def _count(self, setback: Setback) -> None:
        """Gives up after too many attempts without a commit in between; an outage is never too long."""
        self._log.warning("setback", during=str(setback), remedy=setback.remedy.name.lower(), attempt=self._attempts)
        if setback.remedy is Remedy.STOP:
            raise Stop(advice(setback.code, setback.name))
        if setback.fenced:
            self._count_fencing(setback)
        if not setback.outage:
            self._attempts += 1
        if self._attempts > _ATTEMPTS:
            raise Stop(f"gave up after {_ATTEMPTS} attempts without a commit: {advice(setback.code, setback.name)}")
        if self._attempts > 1 or setback.outage:
            self._stopping.wait(random.uniform(0.5, 1.5) * _AGAIN_S * 2**self._attempts)  # noqa: S311  jitter

    def _count_fencing(self, setback: Setback) -> None:
        """Two live processes with one worker id would take turns for ever: the one fenced twice in a row stops."""
        now = time.monotonic()
        if now < self._fenced_at + _FENCED_AGAIN_S:
            raise Stop(advice(setback.code, setback.name))
        self._fenced_at = now

    def _abort(self) -> None:
        if self._producer is not None and self._in_transaction:
            self._call(Call.ABORT, self._producer.abort_transaction, _ASK_S)
            self._in_transaction = False

    def _replace_producer(self) -> None:
        """A new producer with the same transactional id: what the old one left is completed or aborted by then."""
        while True:
            self._discard_producer()
            limit = self._sinks.smallest_limit
            config = producer_config(self._settings, LibraryLog("producer"), self._on_undelivered, limit)
            self._producer = Producer(config)
            self._batch_bytes = config["batch.size"]
            try:
                self._call(Call.INIT, self._producer.init_transactions, _ASK_S)
            except Setback as setback:
                self._count(setback)
            else:
                return

    def _discard_producer(self) -> None:
        if self._producer is not None:
            # Not `close`: it waits for Kafka without limit. What was not sent is dropped, and its reports are served.
            self._producer.purge()
            self._producer.poll(0)
        self._producer = None
        self._in_transaction = False

    def _close(self) -> None:
        if self._in_transaction and self._producer is not None:
            try:
                self._producer.abort_transaction(_ASK_S)
            except KafkaException as raised:
                self._log.warning("not aborted", error=raised.args[0].name())
        self._discard_producer()
        self._source.close()

    def _call(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls until there is an answer; raises `Setback` for an answer that calling again does not change."""
        while True:
            try:
                return function(*arguments)
            except KafkaException as raised:
                error = raised.args[0]
            setback = self._setback(error, call)
            if setback.remedy is not Remedy.RETRY:
                raise setback
            self._log.warning("kafka does not answer", during=str(setback))
            self._be_patient(call)

    def _setback(self, error: KafkaError, call: Call) -> Setback:
        return Setback(remedy_for(error, call), error, call)

    def _be_patient(self, call: Call) -> None:
        if self._stopping.is_set():
            self._stop_by = min(self._stop_by, time.monotonic() + _GRACE_S)
            if call is Call.INIT or time.monotonic() >= self._stop_by:
                raise Abandoned
        time.sleep(_AGAIN_S)


def _deadletters(settings: SessionSettings) -> DeadLetters | None:
    errors = settings.errors
    if errors.deadletter_topic is None:
        return None
    headers = errors.deadletter_headers
    return DeadLetters(errors.deadletter_topic, connector=settings.name, task=settings.task, headers=headers)


def _waits() -> Iterator[float]:
    """Seconds to wait before the next try: doubling up to 5, with jitter, without end."""
    seconds = 0.1
    while True:
        yield seconds * random.uniform(0.5, 1.0)  # noqa: S311  jitter
        seconds = min(2 * seconds, 5.0)
