"""What a session needs to know, apart from how the configuration is spelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connector.markers import FORGOTTEN
from connector.source_topics import PLACEHOLDER, SourceTopics


@dataclass(frozen=True, slots=True)
class Errors:
    """What becomes of rejected records (`errors.*`)."""

    tolerate: bool = False
    deadletter_topic: str | None = None
    deadletter_replication: int = -1
    deadletter_headers: bool = True
    log: bool = False


@dataclass(frozen=True, slots=True)
class TokenMapping:
    """Where the way back of tokens is kept (`mapping.*`)."""

    topic: str
    replication: int = 3

    @property
    def forgotten_topic(self) -> str:
        return f"{self.topic}{FORGOTTEN}"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One task of a connector, as the session needs it.

    `matches` is `topics.regex` with full-match semantics, or None when the topics are named. The three mappings are
    librdkafka settings by its own names (`bootstrap.servers` among them); they never show in a repr. `start_at` says
    where a partition without a committed offset starts.
    """

    name: str
    group_id: str
    worker_id: str
    worker_id_given: bool
    consumer: Mapping[str, Any] = field(repr=False)
    producer: Mapping[str, Any] = field(repr=False)
    admin: Mapping[str, Any] = field(repr=False)
    topics: tuple[str, ...] = ()
    matches: Callable[[str], bool] | None = None
    sink_topic_format: str = f"{PLACEHOLDER}.protected"
    start_at: Literal["earliest", "latest", "error"] = "earliest"
    group_protocol: Literal["classic", "consumer"] = "classic"
    batch_max_records: int = 10_000
    batch_max_bytes: int = 16 * 1024 * 1024
    batch_max_wait_ms: int = 100
    errors: Errors = Errors()
    mapping: TokenMapping | None = None
    audit_topic: str | None = None
    task: int = 0

    @property
    def transactional_id(self) -> str:
        return f"{self.name}-{self.worker_id}-{self.task}"

    @property
    def own_topics(self) -> frozenset[str]:
        """Topics that no record of the chain is read from or goes to."""
        mapping = (self.mapping.topic, self.mapping.forgotten_topic) if self.mapping is not None else ()
        return frozenset(filter(None, (self.errors.deadletter_topic, self.audit_topic, *mapping)))

    def sink_for(self, topic: str) -> str:
        """The topic that a record ends in, from its topic as it is after the chain."""
        return self.sink_topic_format.replace(PLACEHOLDER, topic)

    def is_source(self, topic: str) -> bool:
        """Whether the connector reads this topic, now or once it exists. A sink never is one."""
        return SourceTopics(self.topics, self.matches, self.sink_topic_format, self.own_topics).include(topic)
