"""What a reader of whole topics makes of brokers that come and go."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

import connector.topic_reader
from connector.failures import Setback
from connector.record import Stop
from connector.topic_reader import TopicReader


class _Client:
    """Stands for both clients: it knows one topic of one partition, and answers questions for its end in turn."""

    def __init__(self, *answers: int | KafkaError) -> None:
        self._answers = list(answers)
        self.listed = 0

    def list_topics(self, topic: str, timeout: float) -> Any:
        self.listed += 1
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: None})})

    def assign(self, _partitions: list[TopicPartition]) -> None:
        pass

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        answer = self._answers.pop(0)
        future: Future[Any] = Future()
        if isinstance(answer, KafkaError):
            future.set_exception(KafkaException(answer))
        else:
            future.set_result(SimpleNamespace(offset=answer))
        return dict.fromkeys(wanted, future)


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector.topic_reader, "Consumer", lambda _: _Client())


def reader(admin: Any) -> TopicReader:
    return TopicReader({}, admin, "t")


@pytest.mark.parametrize("code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError._NOENT])
def test_after_a_change_of_leader_the_one_that_there_is_now_is_asked(code: int) -> None:
    admin = _Client(KafkaError(code), 7)

    assert reader(admin).ends() == {0: 7}
    assert admin.listed == 1


def test_a_partition_without_a_leader_is_an_outage_which_is_waited_for() -> None:
    nobody = KafkaError(KafkaError._NOENT)
    with pytest.raises(Setback) as setback:
        reader(_Client(nobody, nobody)).ends()

    assert setback.value.passing


def test_a_topic_that_ends_before_what_was_read_of_it_is_not_the_same_any_more() -> None:
    again = reader(_Client())
    again._reached[0] = 5

    with pytest.raises(Stop, match="the topic t was made anew"):
        next(again.read({0: 4}, patience=0.0))
