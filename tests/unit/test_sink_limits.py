"""A sink's limits are held against a record before the broker sees it."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from connector.record import Sink
from connector.session_settings import SessionSettings
from connector.sinks import Sinks, SinkTopic
from connector.topics import Topics
from transforms.outcome import Code

NOW = 1_700_000_000_000
HOUR = 3_600_000


def _topic(**limits: Any) -> SinkTopic:
    return SinkTopic(
        **{"partitions": 1, "max_bytes": 1_000, "oldest": None, "newest": None, "needs_key": False, **limits}
    )


def _record(**given: Any) -> Sink:
    return Sink(
        **{"topic": "t", "partition": 0, "key": b"k", "value": b"v", "headers": None, "timestamp": NOW, **given}
    )


@pytest.mark.parametrize(
    ("topic", "record", "code"),
    [
        (_topic(), _record(value=b"v" * 800), None),
        (_topic(), _record(value=b"v" * 1_000), Code.TOO_LARGE),
        (_topic(), _record(key=b"k" * 1_000), Code.TOO_LARGE),
        (_topic(), _record(headers=[("h", b"x" * 1_000)]), Code.TOO_LARGE),
        (_topic(needs_key=True), _record(key=None), Code.NO_KEY),
        (_topic(needs_key=True), _record(value=None), None),
        (_topic(), _record(key=None, value=None), None),
        (_topic(oldest=HOUR), _record(timestamp=NOW - HOUR - 1), Code.BAD_TIMESTAMP),
        (_topic(oldest=HOUR), _record(timestamp=NOW - HOUR), None),
        (_topic(newest=HOUR), _record(timestamp=NOW + HOUR + 1), Code.BAD_TIMESTAMP),
        (_topic(newest=HOUR), _record(timestamp=NOW + HOUR), None),
        (_topic(oldest=HOUR, newest=HOUR), _record(timestamp=-1), None),
    ],
)
def test_a_record_is_refused_for_its_size_its_time_or_its_missing_key(
    topic: SinkTopic, record: Sink, code: Code | None
) -> None:
    assert topic.refuses(record, NOW) is code


def test_topics_that_routers_make_without_end_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SessionSettings("c", "g", "w", False, consumer={}, producer={}, admin={}, topics=("in",))
    kafka = Topics(AdminClient({"bootstrap.servers": "127.0.0.1:1"}))
    sinks = Sinks(kafka, settings)
    monkeypatch.setattr(kafka, "describe", lambda topics: dict.fromkeys(topics, 1))
    monkeypatch.setattr(kafka, "configs", lambda topics: {topic: {} for topic in topics})
    message = Message(topic="in", partition=0, offset=0)
    for number in range(3000):
        (judged,) = sinks.judge([message], [_record(topic=f"day-{number}")])
        assert isinstance(judged, Sink)
    assert len(sinks._sinks) <= 1001
