"""Partitions at a record that must wait are held apart, and no record of theirs is skipped, doubled or overtaken."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

import connector.gathering
from connector.batch import Partition, until_held
from connector.gathering import Gathering
from connector.holding import Holding
from connector.record import Held, Outcome
from connector.session_settings import SessionSettings
from transforms.outcome import Dropped

A, B = ("t", 0), ("t", 1)


def message(partition: Partition, offset: int) -> Message:
    return Message(topic=partition[0], partition=partition[1], offset=offset, value=b"v")


class TestCutting:
    def cut(self, *rows: tuple[Partition, int, bool]) -> tuple[list[tuple[int | None, int | None]], Any]:
        outcomes: list[Outcome | Held] = [Held() if held else Dropped() for _, _, held in rows]
        batch, held = until_held([message(p, offset) for p, offset, _ in rows], outcomes)
        assert len(batch.outcomes) == len(batch.messages)
        return [(m.partition(), m.offset()) for m in batch.messages], held

    def test_a_partition_is_cut_at_its_first_held_record_and_the_others_are_whole(self) -> None:
        going, held = self.cut((A, 5, False), (B, 7, False), (A, 6, True), (A, 7, False), (B, 8, False), (A, 8, True))
        assert going == [(0, 5), (1, 7), (1, 8)]
        assert held == {A: 6}

    def test_without_held_records_nothing_is_cut(self) -> None:
        assert self.cut((A, 5, False), (B, 7, False)) == ([(0, 5), (1, 7)], {})

    def test_a_batch_may_be_held_whole(self) -> None:
        assert self.cut((A, 5, True), (B, 7, True), (B, 8, False)) == ([], {A: 5, B: 7})


class TestWaits:
    def test_a_partition_is_released_after_a_while_where_it_was_held(self) -> None:
        holding = Holding()
        holding.hold({A: 6}, now=100.0)
        assert A in holding
        assert holding.release(now=100.1) == {}
        assert holding.release(now=101.0) == {A: 6}
        assert A not in holding

    def test_held_again_at_the_same_record_it_waits_longer_and_never_too_long(self) -> None:
        holding, now, waits = Holding(), 0.0, []
        for _ in range(10):
            holding.hold({A: 6}, now)
            began = now
            while not holding.release(now):
                now += 0.125
            waits.append(now - began)
        assert waits[:5] == sorted(set(waits[:5]))
        assert waits[0] <= 0.5
        assert 5.0 < waits[-1] <= 10.0

    def test_held_at_a_later_record_it_waits_as_if_for_the_first_time(self) -> None:
        holding = Holding()
        for _ in range(5):
            holding.hold({A: 6}, now=0.0)
            holding.release(now=20.0)
        holding.hold({A: 9}, now=0.0)
        assert holding.release(now=0.5) == {A: 9}

    def test_a_rewind_to_an_earlier_record_counts_and_one_to_a_later_does_not(self) -> None:
        holding = Holding()
        holding.hold({A: 6, B: 6}, now=0.0)
        holding.rewind(A, 2)
        holding.rewind(B, 9)
        assert holding.release(now=1.0) == {A: 2, B: 6}

    def test_a_partition_that_is_not_ours_any_more_is_forgotten(self) -> None:
        holding = Holding()
        holding.hold({A: 6, B: 6}, now=0.0)
        holding.forget([A])
        assert holding.release(now=1.0) == {B: 6}


class FakeConsumer:
    """What the gathering asks of librdkafka, noted in order; records are handed out as they are put in."""

    def __init__(self, _config: Any) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.records: list[Message] = []
        self.assigned: list[TopicPartition] = []

    def consumer_group_metadata(self) -> object:
        return None

    def subscribe(self, _topics: list[str], *, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        del on_lost
        self.on_assign, self.on_revoke = on_assign, on_revoke

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        del timeout
        return [TopicPartition(p.topic, p.partition, 0) for p in partitions]

    def assign(self, *partitions: Partition) -> None:
        self.on_assign(self, [TopicPartition(*p) for p in partitions])

    def revoke(self, *partitions: Partition) -> None:
        gone = [TopicPartition(*p) for p in partitions]
        self.on_revoke(self, gone)
        self.assigned = [p for p in self.assigned if (p.topic, p.partition) not in partitions]

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned += partitions

    def assignment(self) -> list[TopicPartition]:
        return self.assigned

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("pause", sorted((p.topic, p.partition) for p in partitions)))

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("resume", sorted((p.topic, p.partition) for p in partitions)))

    def seek(self, partition: TopicPartition) -> None:
        self.calls.append(("seek", ((partition.topic, partition.partition), partition.offset)))

    def consume(self, _records: int, _seconds: float) -> list[Message]:
        records, self.records = self.records, []
        return records

    def close(self) -> None:
        """Nothing to leave."""


class TestGathering:
    @pytest.fixture
    def now(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        clock = [1000.0]
        monkeypatch.setattr("connector.gathering.time.monotonic", lambda: clock[0])
        return clock

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch, now: list[float]) -> Gathering:
        del now
        monkeypatch.setattr(connector.gathering, "Consumer", FakeConsumer)
        settings = SessionSettings(
            "c", "g", "w", False, consumer={}, producer={}, admin={}, topics=("t",), batch_max_wait_ms=0
        )
        gathering = Gathering({}, settings, threading.Event())
        gathering.subscribe()
        fake(gathering).assign(A, B)
        return gathering

    def test_a_held_partition_is_paused_and_goes_on_where_it_was_held(
        self, source: Gathering, now: list[float]
    ) -> None:
        source.hold({A: 6})
        source.gather()
        assert fake(source).calls == [("pause", [A])]
        now[0] += 1.0
        source.gather()
        assert fake(source).calls[1:] == [("resume", [A]), ("seek", (A, 6))]

    def test_what_is_handed_out_of_a_held_partition_all_the_same_is_read_again_later(self, source: Gathering) -> None:
        source.hold({A: 6})
        fake(source).records = [message(A, 7), message(B, 3)]
        assert [(m.partition(), m.offset()) for m in source.gather()] == [(1, 3)]

    def test_a_pause_for_an_outage_of_all_leaves_what_is_held_alone(self, source: Gathering) -> None:
        source.hold({A: 6})
        source.pause()
        source.resume()
        assert fake(source).calls == [("pause", [A]), ("pause", [B]), ("resume", [B])]

    def test_a_partition_held_during_an_outage_of_all_stays_paused_after_it(self, source: Gathering) -> None:
        source.pause()
        source.hold({A: 6})
        source.resume()
        assert fake(source).calls == [("pause", [A, B]), ("resume", [B])]

    def test_a_rewind_after_an_abort_takes_a_held_partition_back_as_well(
        self, source: Gathering, now: list[float]
    ) -> None:
        source.hold({A: 6})
        source.rewind({A: 2, B: 4})
        assert fake(source).calls[1:] == [("seek", (B, 4))]
        now[0] += 1.0
        source.gather()
        assert fake(source).calls[-1] == ("seek", (A, 2))

    def test_a_partition_that_was_revoked_and_comes_back_is_not_held(self, source: Gathering, now: list[float]) -> None:
        source.hold({A: 6})
        fake(source).revoke(A)
        assert fake(source).calls[-1] == ("resume", [A])
        fake(source).assign(A)
        source.still_ours([])
        calls = len(fake(source).calls)
        now[0] += 1.0
        fake(source).records = [message(A, 0)]
        assert len(source.gather()) == 1
        assert fake(source).calls[calls:] == []

    def test_only_what_is_still_ours_is_held(self, source: Gathering) -> None:
        fake(source).revoke(A)
        source.hold({A: 6})
        assert fake(source).calls == [("pause", [])]


def fake(gathering: Gathering) -> FakeConsumer:
    consumer = gathering._consumer
    assert isinstance(consumer, FakeConsumer)
    return consumer
