"""What the admin client says of topics, and makes of them: partitions, configurations, new topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from connector.failures import Call, Remedy, advice, remedy_for
from connector.record import Stop
from transforms.outcome import Unavailable

_ANSWER_S = 10.0

Config = Mapping[str, ConfigEntry]


class Topics:
    """The topics of a cluster. Each call blocks for about 10 s at most.

    Raises `Unavailable` during an outage of Kafka, and `Stop` for an answer that asking again does not change.
    """

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin
        self._log = structlog.get_logger()

    def describe(self, topics: Iterable[str]) -> dict[str, int]:
        """The number of partitions of each of the topics that exist."""
        asked = self._admin.describe_topics(TopicCollection(sorted(topics)), request_timeout=_ANSWER_S)
        answers = {
            topic: self._answer(future, missing=KafkaError.UNKNOWN_TOPIC_OR_PART) for topic, future in asked.items()
        }
        return {topic: len(answer.partitions) for topic, answer in answers.items() if answer is not None}

    def create(
        self, topic: str, partitions: int, *, replication: int, config: Mapping[str, str] = MappingProxyType({})
    ) -> int:
        """Makes a topic, unless somebody else was first; returns how many partitions it has."""
        new = NewTopic(topic, num_partitions=partitions, replication_factor=replication, config=dict(config))
        asked = self._admin.create_topics([new], request_timeout=_ANSWER_S)
        self._answer(asked[topic], missing=KafkaError.TOPIC_ALREADY_EXISTS)
        self._log.info("topic created", topic=topic, partitions=partitions)
        there = self.describe([topic])
        if topic not in there:
            raise Unavailable(f"Kafka does not show the new topic {topic} yet")
        return there[topic]

    def configs(self, topics: Iterable[str]) -> dict[str, Config]:
        """The configuration of each of these topics, which must exist."""
        resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in sorted(topics)]
        asked = self._admin.describe_configs(resources, request_timeout=_ANSWER_S)
        return {resource.name: self._answer(future) for resource, future in asked.items()}

    def _answer(self, future: Future[Any], *, missing: int | None = None) -> Any:
        """The answer of Kafka, None for the error `missing`."""
        try:
            return future.result(_ANSWER_S + 1)
        except KafkaException as raised:
            error = raised.args[0]
        except TimeoutError:
            raise Unavailable("Kafka does not answer") from None
        if error.code() == missing:
            return None
        if remedy_for(error, Call.ADMIN) is Remedy.RETRY:
            raise Unavailable(f"Kafka does not answer: {error.name()}")
        raise Stop(f"topics cannot be made or read: {advice(error.code(), error.name())}")


def text(config: Config, name: str) -> str:
    """A property of a topic's configuration, empty where it has none."""
    return (config[name].value or "") if name in config else ""
