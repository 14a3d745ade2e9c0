"""Which markers a task has read, through readings that break off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

import connector.mappings
from connector.failures import Call, Remedy, Setback
from connector.mappings import Mappings
from connector.markers import Marker, to_text
from connector.record import Stop
from connector.session_settings import SessionSettings, TokenMapping

SUBJECT = b"s" * 32


class _BreaksOffAtTheEnd:
    """Reads one marker and then gets no answer; the next time there is nothing left to read."""

    def __init__(self, *_: Any) -> None:
        self._left = [Marker("requested", "2026-01-01T00:00:00Z", {"elsewhere": SUBJECT}).to_value()]

    def ends(self) -> dict[int, int]:
        return {0: 1}

    def read(self, _ends: dict[int, int], *, patience: float) -> Iterator[Message]:
        while self._left:
            yield Message(topic="m.forgotten", key=to_text(SUBJECT).encode(), value=self._left.pop())
            raise Setback(Remedy.ABORT, KafkaError(KafkaError._TIMED_OUT), Call.SCAN)


def test_a_marker_beyond_the_keys_of_the_task_stops_it_also_where_its_reading_broke_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector.mappings, "TopicReader", _BreaksOffAtTheEnd)
    settings = SessionSettings("copy", "group", "one", worker_id_given=True, consumer={}, producer={}, admin={})
    admin: Any = None
    mappings = Mappings(admin, settings, TokenMapping("m"), frozenset({"here"}))
    with pytest.raises(Setback):
        mappings.refresh()

    with pytest.raises(Stop, match="keys that the key rings of this chain do not have"):
        mappings.refresh()
