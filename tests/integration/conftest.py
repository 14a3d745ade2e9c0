"""One real Kafka broker for all integration tests.

A test that stops or kills a broker starts its own (`with Broker() as own:`), so that no other test sees the outage.
When no broker can be started, the tests that need one fail and say why; none is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

import pytest

from connector.loopback.kafka import Broker
from tests.integration.clients import create_topic


class TopicFactory(Protocol):
    def __call__(self, partitions: int = 1, config: Mapping[str, str] = MappingProxyType({})) -> str:
        """Creates a topic under a new name, and returns the name."""


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A running broker; its tests keep apart by the names of their topics, groups and transactional ids."""
    with Broker({"log.cleaner.backoff.ms": "500"}) as running:  # compacted topics are looked at twice a second
        yield running


@pytest.fixture
def topic(broker: Broker) -> TopicFactory:
    def create(partitions: int = 1, config: Mapping[str, str] = MappingProxyType({})) -> str:
        return create_topic(broker.bootstrap_servers, partitions, config)

    return create
