"""The producer's part of a transaction: what it waits for, and what it notices meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError

import connector.producing
from connector.failures import Setback
from connector.producing import Producing
from connector.session_settings import SessionSettings
from transforms.outcome import Code


class _KeepsWhatIsQueued:
    """One record is refused at once. The others stay in the queue, as librdkafka keeps them until the abort."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._report = config["on_delivery"]
        self.waited = 0.0

    def flush(self, seconds: float) -> int:
        if not self.waited:
            self._report(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None)
        self.waited += seconds
        return 3

    def poll(self, _seconds: float) -> int:
        return 0


def test_a_record_that_is_refused_ends_the_wait_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector.producing, "Producer", _KeepsWhatIsQueued)
    settings = SessionSettings("copy", "group", "one", worker_id_given=True, consumer={}, producer={}, admin={})
    producing = Producing(settings, 1_000_000)

    with pytest.raises(Setback, match="MSG_SIZE_TOO_LARGE"):
        producing.flush(10.0)

    client: Any = producing.client
    assert client.waited <= 1.0
    assert producing.refused() is Code.TOO_LARGE
