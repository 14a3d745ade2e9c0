"""The consumer: the subscription, the partitions that are ours, and records gathered from them.

A partition's records count only while it is ours: what was consumed before a partition was revoked or lost is dropped,
also when the partition comes back in the same call, and it is then read again from where it was assigned.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Event
from typing import Any

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from connector.batch import Offsets, Partition, without
from connector.failures import Call, Remedy, Setback, remedy_for
from connector.holding import Holding
from connector.record import Stop
from connector.session_settings import SessionSettings
from transforms.outcome import Unavailable

_SLICE_RECORDS = 500
_SLICE_S = 0.05
_ASK_S = 5.0
_ASK_AGAIN_S = 0.2
_REFRESH_S = 30.0


class Gathering:
    """One member of the consumer group. Its calls raise `Setback` when the member cannot go on, and `Stop`.

    `stopping` ends every wait. Not for use by two threads.
    """

    def __init__(self, config: Mapping[str, Any], settings: SessionSettings, stopping: Event) -> None:
        self._config = dict(config)
        self._settings = settings
        self._stopping = stopping
        self._log = structlog.get_logger()
        self._ends: dict[Partition, int] = {}
        self.reassigned = True
        """Set when partitions were assigned; the reader clears it."""
        self._join()

    def _join(self) -> None:
        self._owned: dict[Partition, int] = {}  # with the offset that reading began at
        self._lost: set[Partition] = set()
        self._paused = False
        self._holding = Holding()
        self._subscribed: tuple[str, ...] = ()
        self._refresh_at = 0.0
        self._consumer = Consumer(self._config)
        self._nobody = self._consumer.consumer_group_metadata()

    def rejoin(self) -> None:
        """Leaves the group and joins it anew: reading goes on from the committed offsets."""
        self.close()
        self._join()

    def topics(self) -> tuple[str, ...]:
        """The topics named by the configuration, or those that match now. Raises `Unavailable` during an outage."""
        if self._settings.matches is None:
            return self._settings.topics
        known = self._try(Call.CONSUME, self._consumer.list_topics, timeout=_ASK_S)
        if known is None:
            raise Unavailable("Kafka does not answer")
        return tuple(sorted(filter(self._settings.is_source, known.topics)))

    def subscribe(self) -> None:
        """Subscribes to the topics of the configuration; where they are matched, looks for new ones every 30 s."""
        if time.monotonic() < self._refresh_at:
            return
        try:
            topics = self.topics()
        except Unavailable:
            return
        self._refresh_at = time.monotonic() + (_REFRESH_S if self._settings.matches else math.inf)
        if topics and topics != self._subscribed:
            self._consumer.subscribe(
                list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
            self._subscribed = topics
            self._log.info("subscribed", topics=len(topics))

    def gather(self) -> list[Message]:
        """Records of the partitions that are ours, up to the batch's limits; none when none come, or when stopping."""
        settings = self._settings
        self._release()
        gathered: list[Message] = []
        size = 0
        deadline = math.inf
        while len(gathered) < settings.batch_max_records and size < settings.batch_max_bytes:
            room = settings.batch_max_records - len(gathered)
            fresh = self._consume(min(room, _SLICE_RECORDS), _SLICE_S)
            size += sum(map(len, fresh))
            gathered += fresh
            gathered = self.still_ours(gathered)
            if not gathered or self._stopping.is_set():
                return []
            deadline = min(deadline, time.monotonic() + settings.batch_max_wait_ms / 1000)
            if time.monotonic() >= deadline:
                break
        return gathered

    def wait(self, seconds: float) -> list[Message]:
        """Polls, with all partitions paused, for `seconds`. What a poll returns all the same is handed out: keep it."""
        until = time.monotonic() + seconds
        strays: list[Message] = []
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            strays += self._consume(_SLICE_RECORDS, min(left, _SLICE_S))
        return strays

    def still_ours(self, messages: list[Message]) -> list[Message]:
        """The messages without those of partitions that were revoked or lost since the last call."""
        if not self._lost:
            return messages
        lost, self._lost = self._lost, set()
        again = {partition: self._owned[partition] for partition in lost if partition in self._owned}
        if again:
            self.rewind(again)
        return without(messages, lost)

    def pause(self) -> None:
        """Fetches no more, from partitions assigned later neither."""
        self._paused = True
        self._consumer.pause(self._not_held())

    def resume(self) -> None:
        """Goes on after the last record that was handed out; partitions that are held stay so."""
        self._paused = False
        self._consumer.resume(self._not_held())

    def hold(self, offsets: Offsets) -> None:
        """Lets the partitions that are ours wait, each at its offset; `gather` goes on with them after a while."""
        ours = {partition: offset for partition, offset in offsets.items() if partition in self._owned}
        if not self._paused:
            self._consumer.pause([TopicPartition(*partition) for partition in ours])
        self._holding.hold(ours, time.monotonic())

    def _not_held(self) -> list[TopicPartition]:
        # To pause a partition twice would set where it goes on to after the last record that was handed out.
        return [p for p in self._consumer.assignment() if (p.topic, p.partition) not in self._holding]

    def _release(self) -> None:
        due = self._holding.release(time.monotonic())
        if due:
            self._consumer.resume([TopicPartition(*partition) for partition in due])
            self.rewind(due)

    def rewind(self, offsets: Offsets) -> None:
        """Reads the partitions that are still ours again, from these offsets; one that is held, when it goes on."""
        for (topic, partition), offset in offsets.items():
            if (topic, partition) in self._holding:
                self._holding.rewind((topic, partition), offset)
            elif (topic, partition) in self._owned:
                self._try(Call.SEEK, self._consumer.seek, TopicPartition(topic, partition, offset))

    def committed(self, partitions: Iterable[Partition]) -> Offsets | None:
        """What the group has committed for these partitions; those without a commit are left out.

        Waits while a transaction on them is open, and during an outage. None when stopping.
        """
        found = self._committed([TopicPartition(topic, partition) for topic, partition in partitions])
        return None if found is None else {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def group_metadata(self) -> object:
        """What shows the group coordinator that this is a living member (KIP-447); read it right before it is used.

        A member that was thrown out has none to show, until a poll lets it join again. A transactional commit
        without any is not checked by brokers at all, so it must never be sent.
        """
        metadata: object = self._consumer.consumer_group_metadata()
        if metadata == self._nobody:
            raise Setback(Remedy.NEW_CONSUMER, KafkaError(KafkaError.UNKNOWN_MEMBER_ID), Call.SEND_OFFSETS)
        return metadata

    def close(self) -> None:
        """Leaves the group; a member with an instance id keeps its partitions until its session is over."""
        self._consumer.close()

    def _consume(self, records: int, seconds: float) -> list[Message]:
        if not self._subscribed:
            self._stopping.wait(seconds)
            return []
        messages = self._try(Call.CONSUME, self._consumer.consume, records, seconds) or []
        failed = [m for m in messages if m.error() is not None]
        for message in failed:
            self._look_at(message)
        if not failed and not self._holding:
            return messages
        return [m for m in messages if m.error() is None and (m.topic(), m.partition()) not in self._holding]

    def _look_at(self, message: Message) -> None:
        error = message.error()
        assert error is not None  # noqa: S101  that is why the message is here
        where = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        known = {name: value for name, value in where.items() if value is not None}
        self._log.warning("consumer error", error=error.name(), **known)
        remedy = remedy_for(error, Call.CONSUME)
        if remedy is not Remedy.RETRY:
            raise Setback(remedy, error, Call.CONSUME)

    def _try(self, call: Call, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except KafkaException as raised:
            error = raised.args[0]
            remedy = remedy_for(error, call)
        if remedy is not Remedy.RETRY:
            raise Setback(remedy, error, call)
        self._log.warning("consumer error", error=error.name())
        return None

    def _committed(self, wanted: list[TopicPartition]) -> list[TopicPartition] | None:
        while not self._stopping.is_set():
            found = self._try(Call.COMMITTED, self._consumer.committed, wanted, timeout=_ASK_S)
            if found is not None and self._all_known(found):
                return list(found)
            self._stopping.wait(_ASK_AGAIN_S)
        return None

    @staticmethod
    def _all_known(found: list[TopicPartition]) -> bool:
        errors = [p.error for p in found if p.error is not None]
        for error in errors:
            remedy = remedy_for(error, Call.COMMITTED)
            if remedy is not Remedy.RETRY:
                raise Setback(remedy, error, Call.COMMITTED)
        return not errors

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Runs inside a poll. Decides where partitions without a commit start."""
        found = self._committed(partitions) if partitions else []
        if found is None:  # stopping: what is assigned now is not read, and needs an offset all the same
            for p in partitions:
                p.offset = OFFSET_END
            consumer.incremental_assign(partitions)
            return
        for p in found:
            if p.offset < 0:
                p.offset = self._start_of(p)
            self._owned[p.topic, p.partition] = p.offset
        consumer.incremental_assign(found)
        if found:
            if self._paused:
                consumer.pause(found)
            self.reassigned = True
            self._log.info("assigned", partitions=len(found), now=len(self._owned))

    def _start_of(self, partition: TopicPartition) -> int:
        key = (partition.topic, partition.partition)
        if self._settings.start_at == "error":
            raise Stop(f"the group {self._settings.group_id} has no committed offset for {key[0]}-{key[1]}")
        if self._settings.start_at == "earliest":
            return OFFSET_BEGINNING
        if key not in self._ends:
            # As a number, and kept: records that were read from here and not committed must be read again.
            limits = self._try(Call.COMMITTED, self._consumer.get_watermark_offsets, partition, timeout=_ASK_S)
            if limits is None:
                return OFFSET_END
            self._ends[key] = limits[1]
        return self._ends[key]

    def _unpause(self, partitions: list[TopicPartition]) -> None:
        """Librdkafka keeps a pause for when a partition comes back, and by then nothing may be left to wait for."""
        paused = [p for p in partitions if self._paused or (p.topic, p.partition) in self._holding]
        if paused:
            self._consumer.resume(paused)

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Runs inside a poll, also for partitions that were lost."""
        gone = {(p.topic, p.partition) for p in partitions}
        self._unpause(partitions)
        self._holding.forget(gone)
        self._lost |= gone
        for partition in gone:
            self._owned.pop(partition, None)
        if gone:
            self._log.info("revoked", partitions=len(gone), now=len(self._owned))
