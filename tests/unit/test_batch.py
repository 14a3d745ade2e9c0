"""A batch knows where its records begin and end in each partition, also in parts."""

from __future__ import annotations

from confluent_kafka import Message

from connector.batch import Batch, first_offsets, without
from transforms.outcome import Dropped


def _batch(*places: tuple[str, int, int]) -> Batch:
    return Batch([Message(topic=t, partition=p, offset=o) for t, p, o in places], [Dropped()] * len(places))


BATCH = _batch(("a", 0, 5), ("a", 1, 7), ("a", 0, 6), ("b", 0, 1), ("a", 0, 9))


def test_it_commits_the_offset_after_the_last_record_of_each_partition() -> None:
    assert BATCH.next_offsets() == {("a", 0): 10, ("a", 1): 8, ("b", 0): 2}


def test_it_is_rewound_to_the_first_record_of_each_partition() -> None:
    assert first_offsets([BATCH]) == {("a", 0): 5, ("a", 1): 7, ("b", 0): 1}


def test_what_is_left_of_it_is_rewound_to_where_that_begins() -> None:
    first, rest = BATCH.halves()

    assert len(first) + len(rest) == len(BATCH)
    assert first_offsets([rest]) == {("a", 0): 6, ("b", 0): 1}
    assert first_offsets([first, rest]) == first_offsets([BATCH])


def test_records_of_partitions_that_are_gone_are_left_out() -> None:
    kept = without(BATCH.messages, {("a", 0)})

    assert [(m.topic(), m.partition()) for m in kept] == [("a", 1), ("b", 0)]


def test_its_repr_shows_no_record() -> None:
    assert repr(Batch([Message(topic="t", value=b"planted")], [Dropped()])) == "<batch of 1 records>"
