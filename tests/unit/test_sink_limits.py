"""A sink's limits are held against a record before the broker sees it."""

from __future__ import annotations

from typing import Any

import pytest

from connector.record import Sink
from connector.sinks import SinkTopic
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
