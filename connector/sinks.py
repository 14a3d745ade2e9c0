"""The topics that records go to: made or checked before a transaction begins, with the limits of each.

A broker refuses a whole batch for one bad record, and refuses it again after every restart. So a topic's limits are
read (`DescribeConfigs`) and held against each record before the transaction begins. Sizes are compared before
compression, as Kafka's own producer does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Message

from connector.mapping_topics import checked
from connector.record import Failure, Outcome, RawHeaders, Sink, Stop
from connector.session_settings import SessionSettings
from connector.topics import Config, Topics, text
from transforms.outcome import Code
from transforms.transform import Along

_STAGE = "sink"
# The most that a record batch of one record adds to the bytes of key, value and headers.
_OVERHEAD = 96
_HEADER_OVERHEAD = 10

# Routers may make topics without end: beyond this many, those that are not in use are looked at again when they are.
_MOST_TOPICS = 1000

_DEFAULT_MAX_BYTES = 1_048_588
_UNBOUNDED = 2**62
_LEGAL = re.compile(r"[a-zA-Z0-9._-]{1,249}")

Route = tuple[str, str]
"""A source topic, and a topic that its records go to."""


@dataclass(frozen=True, slots=True)
class SinkTopic:
    """A topic that exists, and what its configuration refuses. Times in milliseconds, None where there is no bound."""

    partitions: int
    max_bytes: int
    oldest: int | None
    newest: int | None
    needs_key: bool

    def refuses(self, record: Sink, now: int) -> Code | None:
        """Why the topic would refuse the record at the time `now`."""
        if record.key is None and self.needs_key:
            return Code.NO_KEY
        size = len(record.key or b"") + len(record.value or b"") + _OVERHEAD
        if record.headers:
            size += _header_bytes(record.headers)
        if size > self.max_bytes:
            return Code.TOO_LARGE
        if record.timestamp >= 0:
            if self.newest is not None and record.timestamp > now + self.newest:
                return Code.BAD_TIMESTAMP
            if self.oldest is not None and record.timestamp < now - self.oldest:
                return Code.BAD_TIMESTAMP
        return None


def _header_bytes(headers: RawHeaders) -> int:
    return sum(len(name.encode()) + len(value or b"") + _HEADER_OVERHEAD for name, value in headers)


class Sinks:
    """Knows every topic that was produced to. Raises `Unavailable` during an outage of Kafka."""

    def __init__(self, topics: Topics, settings: SessionSettings) -> None:
        self._topics = topics
        self._settings = settings
        self._sinks: dict[str, SinkTopic] = {}
        self._partitions: dict[str, int] = {}
        self._mapping: SinkTopic | None = None

    @property
    def smallest_limit(self) -> int:
        """The smallest `max.message.bytes` of any sink so far."""
        sinks = [*self._sinks.values(), *([self._mapping] if self._mapping is not None else [])]
        return min((sink.max_bytes for sink in sinks), default=_DEFAULT_MAX_BYTES)

    def forget(self) -> None:
        """Topics are looked at again before they are used next: partitions were added, or a topic is gone."""
        self._sinks.clear()
        self._partitions.clear()
        self._mapping = None

    def check(self, sources: Iterable[str]) -> None:
        """Makes or checks the sink of each source, and the dead letter topic. Raises `Stop` where one cannot be."""
        routes = {(source, self._settings.sink_for(source)) for source in sources}
        for source, sink in sorted(routes):
            if not self._is_allowed(sink):
                raise Stop(
                    f"the sink of {source} would be {sink}: a source, the topic of dead letters, mappings or the "
                    "audit, or no name of a topic"
                )
        self._know(routes)
        self._check_dead_letters()
        self._know_mapping()

    def _know_mapping(self) -> None:
        mapping = self._settings.mapping
        if mapping is not None and self._mapping is None:
            for topic in (mapping.topic, mapping.forgotten_topic):
                if self._settings.is_source(topic):
                    raise Stop(f"the topic {topic} of the tokens' mapping is a source")
            self._mapping = _limits(*checked(self._topics, mapping))

    def _check_dead_letters(self) -> None:
        errors = self._settings.errors
        if errors.deadletter_topic is None:
            return
        if self._settings.is_source(errors.deadletter_topic):
            raise Stop(f"the dead letter topic {errors.deadletter_topic} is a source")
        if not self._topics.describe([errors.deadletter_topic]):
            self._topics.create(errors.deadletter_topic, 1, replication=errors.deadletter_replication)

    def judge(self, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes with a `Failure` in place of each record that its sink would refuse, or the mapping topic.

        A record keeps its partition only where source and sink have the same number of them.
        """
        rows = zip(messages, outcomes, strict=True)
        routes = {(m.topic(), o.topic) for m, o in rows if type(o) is Sink}
        sinks, same = self._prepare(routes)  # type: ignore[arg-type]  # a consumed record has a topic
        self._know_mapping()
        now = int(time.time() * 1000)
        judged = list(outcomes)
        for row, outcome in enumerate(outcomes):
            if type(outcome) is not Sink:
                continue
            sink = sinks.get(outcome.topic)
            if sink is None:
                judged[row] = Failure(Code.SINK_TOPIC, _STAGE)
            elif (code := sink.refuses(outcome, now)) is not None:
                judged[row] = Failure(code, _STAGE)
            elif outcome.along and (code := self._refuses_mapping(outcome.along)) is not None:
                judged[row] = Failure(code, "mapping")
            elif outcome.partition is not None and (messages[row].topic(), outcome.topic) not in same:
                outcome.partition = None
        return judged

    def _refuses_mapping(self, along: Sequence[Along]) -> Code | None:
        """Why the mapping topic would refuse what goes along with a record."""
        if self._mapping is None:
            raise Stop("the chain makes mappings of tokens, and mapping.topic does not say where they go")
        largest = max(len(record.key) + len(record.value) for record in along)
        return Code.TOO_LARGE if largest + _OVERHEAD > self._mapping.max_bytes else None

    def _prepare(self, routes: set[Route]) -> tuple[dict[str, SinkTopic], set[Route]]:
        """The topics that may be produced to, and the routes on which a record keeps its partition."""
        allowed = {route for route in routes if self._is_allowed(route[1])}
        self._know(allowed)
        same = {(source, sink) for source, sink in allowed if self._partitions[source] == self._sinks[sink].partitions}
        return {sink: self._sinks[sink] for _, sink in allowed}, same

    def _is_allowed(self, topic: str) -> bool:
        if not _LEGAL.fullmatch(topic) or topic in (".", ".."):
            return False
        return topic not in self._settings.own_topics and not self._settings.is_source(topic)

    def _know(self, routes: Iterable[Route]) -> None:
        routes = set(routes)
        if len(self._sinks) > _MOST_TOPICS:
            self._sinks = {sink: self._sinks[sink] for _, sink in routes if sink in self._sinks}
        wanted = {
            (source, sink) for source, sink in routes if source not in self._partitions or sink not in self._sinks
        }
        if not wanted:
            return
        found = self._topics.describe({topic for route in wanted for topic in route})
        for source, sink in sorted(wanted):
            if source not in found:
                raise Stop(f"the source topic {source} does not exist")
            if sink not in found:
                found[sink] = self._topics.create(sink, found[source], replication=-1)
        sinks = {sink for _, sink in wanted}
        configs = self._topics.configs(sinks)
        self._partitions |= {source: found[source] for source, _ in wanted}
        self._sinks |= {sink: _limits(found[sink], configs[sink]) for sink in sinks}


def _limits(partitions: int, config: Config) -> SinkTopic:
    def number(name: str) -> int | None:
        value = config[name].value if name in config else None
        return None if value is None or int(value) >= _UNBOUNDED else int(value)

    by_producer = text(config, "message.timestamp.type") != "LogAppendTime"
    return SinkTopic(
        partitions=partitions,
        max_bytes=number("max.message.bytes") or _DEFAULT_MAX_BYTES,
        oldest=number("message.timestamp.before.max.ms") if by_producer else None,
        newest=number("message.timestamp.after.max.ms") if by_producer else None,
        needs_key="compact" in text(config, "cleanup.policy"),
    )
