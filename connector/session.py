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
from contextlib import suppress
from itertools import chain
from threading import Event
from typing import Any

import structlog
from confluent_kafka import KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from connector.batch import Batch, Offsets, first_offsets
from connector.clients import admin_config, consumer_config
from connector.deciding import Deciding, Pipeline
from connector.failures import Call, Remedy, Setback, advice, remedy_for
from connector.gathering import Gathering
from connector.logs import LibraryLog
from connector.mappings import Mappings
from connector.producing import Producing
from connector.record import Failure, Sink, Stop
from connector.registry_outage import RegistryAway
from connector.session_settings import SessionSettings
from connector.sinks import Sinks
from connector.topics import Topics
from transforms.outcome import Code, Unavailable

_ASK_S = 5.0
_COMMIT_S = 10.0
_AGAIN_S = 0.2
_ATTEMPTS = 5
_FENCED_AGAIN_S = 60.0
# How long a transaction that is under way may take to end once the process was asked to stop.
_GRACE_S = 5.0
_REPORTS_S = 0.1


class Abandoned(Exception):
    """The process was asked to stop and Kafka does not answer: what is open ends by its timeout, uncommitted."""


class Session:
    """One task of a connector: it reads, protects and writes until `stopping` is set. Not for use by two threads."""

    def __init__(self, settings: SessionSettings, pipeline: Pipeline, stopping: Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._log = structlog.get_logger()
        admin = AdminClient(admin_config(settings))
        self._sinks = Sinks(Topics(admin), settings)
        self._deciding = Deciding(settings, pipeline, self._sinks)
        self._source = Gathering(consumer_config(settings, LibraryLog("consumer")), settings, stopping)
        self._producer = Producing(settings, self._sinks.smallest_limit)
        mapping = settings.mapping
        self._mappings = Mappings(admin, settings, mapping, pipeline.subject_keys) if mapping is not None else None
        self._in_transaction = False
        self._pending: deque[Batch] = deque()
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
        """Checks the sinks, then takes over from an earlier run, before anything is read."""
        for seconds in _waits():
            try:
                self._sinks.check(self._source.topics())
                if self._mappings is not None:
                    self._mappings.start()
                return self._init_transactions()
            except Unavailable as reason:
                self._log.warning("waiting", reason=str(reason))
            except Setback as setback:
                raise Stop(advice(setback.code, setback.name)) from None
            if self._stopping.wait(seconds):
                return None
        return None

    def _cycle(self) -> None:
        try:
            self._source.subscribe()
            messages = self._source.gather()
            if self._source.reassigned:
                self._sinks.forget()
                self._source.reassigned = False
            batch = self._decide(messages) if messages else None
            if batch is not None:
                self._deliver(batch)
        except Setback as setback:
            self._recover(setback)

    def _decide(self, messages: list[Message]) -> Batch | None:
        """The outcome of every record, with the fetching paused while something outside does not answer.

        Partitions at a record that must wait for its schema are held there, and the others go on. None when no
        record is left, or when stopping.
        """
        waits = _waits()
        waiting = False
        batch = None
        held: Offsets = {}
        while batch is None and not self._stopping.is_set():
            messages = self._source.still_ours(messages)
            if not messages:
                break
            try:
                batch, held = self._deciding.decide(messages)
            except Unavailable as reason:
                self._log.warning("waiting", reason=str(reason))
                if not waiting:
                    self._source.pause()
                waiting = True
                messages += self._source.wait(next(waits))
        if held:
            self._log.warning("partitions held", partitions=len(held), reason=str(RegistryAway()))
            self._source.hold(held)
        if waiting:
            self._source.resume()
        return batch or None

    def _deliver(self, batch: Batch) -> None:
        """Commits the batch in one transaction, or in several when a broker refuses one of its records.

        What is left of it when stopping is read again after a restart.
        """
        self._pending.append(batch)
        while self._pending and not self._stopping.is_set():
            part = self._pending[0]
            if self._sinks.smallest_limit < self._producer.batch_bytes:
                self._replace_producer()
            try:
                self._transact(part)
            except Setback as setback:
                code = self._producer.refused()
                if code is None or setback.remedy is Remedy.STOP:
                    raise
                self._log.warning("records refused by the broker", code=str(code), records=len(part))
                narrowed = self._narrowed(part, code)
                self._replace_producer()
                self._pending.popleft()
                self._pending.extendleft(reversed(narrowed))
            else:
                self._pending.popleft()

    def _narrowed(self, part: Batch, code: Code) -> Sequence[Batch]:
        """Without the records that the sinks' limits, read anew, forbid; else in halves, down to the one refused."""
        with suppress(Unavailable):
            again = self._deciding.decide_again(part)
            if any(new is not old for new, old in zip(again.outcomes, part.outcomes, strict=True)):
                return [again]
        if len(part) > 1:
            return part.halves()
        message, outcome = part.messages[0], part.outcomes[0]
        if isinstance(outcome, Sink) and outcome.topic == self._settings.errors.deadletter_topic:
            raise Stop(f"the dead letter topic refuses a dead letter: {code}")
        return [Batch([message], [self._deciding.reject(message, Failure(code, "sink"))])]

    def _transact(self, batch: Batch) -> None:
        producer = self._producer
        offsets = [TopicPartition(topic, partition, at) for (topic, partition), at in batch.next_offsets().items()]
        self._call(Call.BEGIN, producer.client.begin_transaction)
        self._in_transaction = True
        mappings = self._mappings.due(batch.outcomes) if self._mappings is not None else []
        producer.produce(chain(batch.outcomes, mappings))
        self._call(Call.SEND_OFFSETS, lambda: producer.send_offsets(offsets, self._source.group_metadata(), _ASK_S))
        if mappings and self._were_forgotten(batch, mappings):
            self._log.info("begun anew", reason="a subject was forgotten meanwhile", records=len(batch))
            self._abort()
            self._transact(batch)
            return
        self._call(Call.COMMIT, producer.client.commit_transaction, _COMMIT_S)
        self._in_transaction = False
        self._attempts = 0
        self._log.debug("committed", records=len(batch))

    def _were_forgotten(self, batch: Batch, written: Sequence[Sink]) -> bool:
        """Whether a subject of mappings that this transaction wrote was forgotten meanwhile."""
        assert self._mappings is not None  # noqa: S101  it made the mappings
        self._producer.flush(_COMMIT_S)
        return self._mappings.refresh() and len(self._mappings.due(batch.outcomes)) < len(written)

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
        if not setback.passing:
            self._attempts += 1
        if self._attempts > _ATTEMPTS:
            raise Stop(f"gave up after {_ATTEMPTS} attempts without a commit: {advice(setback.code, setback.name)}")
        if self._attempts > 1 or setback.passing:
            self._stopping.wait(random.uniform(0.5, 1.5) * _AGAIN_S * 2**self._attempts)  # noqa: S311  jitter

    def _count_fencing(self, setback: Setback) -> None:
        """Two live processes with one worker id would take turns for ever: the one fenced twice in a row stops."""
        now = time.monotonic()
        if now < self._fenced_at + _FENCED_AGAIN_S:
            raise Stop(advice(setback.code, setback.name))
        self._fenced_at = now

    def _abort(self) -> None:
        self._call(Call.ABORT, self._producer.client.abort_transaction, _ASK_S)
        self._in_transaction = False

    def _replace_producer(self) -> None:
        """A new producer with the same transactional id: what the old one left is completed or aborted by then."""
        while True:
            self._producer.discard()
            self._in_transaction = False
            self._producer = Producing(self._settings, self._sinks.smallest_limit)
            try:
                return self._init_transactions()
            except Setback as setback:
                self._count(setback)

    def _init_transactions(self) -> None:
        self._call(Call.INIT, self._producer.client.init_transactions, _ASK_S)

    def _close(self) -> None:
        if self._in_transaction:
            try:
                self._producer.client.abort_transaction(_ASK_S)
            except KafkaException as raised:
                self._log.warning("not aborted", error=raised.args[0].name())
        self._producer.discard()
        self._source.close()
        if self._mappings is not None:
            self._mappings.close()

    def _call(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls until there is an answer; raises `Setback` for an answer that calling again does not change."""
        while True:
            began = time.monotonic()
            try:
                return function(*arguments)
            except KafkaException as raised:
                error = raised.args[0]
            setback = Setback(remedy_for(error, call), error, call)
            if setback.remedy is not Remedy.RETRY:
                raise setback
            self._log.warning("kafka does not answer", during=str(setback))
            self._be_patient(call, began)

    def _be_patient(self, call: Call, began: float) -> None:
        """Waits before the next try. What the call itself took, from when it began, is part of the grace."""
        if self._stopping.is_set():
            self._stop_by = min(self._stop_by, began + _GRACE_S)
            if call is Call.INIT or time.monotonic() >= self._stop_by:
                raise Abandoned
        time.sleep(_AGAIN_S)


def _waits() -> Iterator[float]:
    """Seconds to wait before the next try: doubling up to 5, with jitter, without end."""
    seconds = 0.1
    while True:
        yield seconds * random.uniform(0.5, 1.0)  # noqa: S311  jitter
        seconds = min(2 * seconds, 5.0)
