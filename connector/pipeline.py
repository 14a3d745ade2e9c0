"""From consumed messages to outcomes: records are grouped by their schemas, and each group takes its route.

All that may wait (registry look-ups, binding, registering) happens in here, before a transaction begins. Bound
routes are kept, so a schema costs this once.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from confluent_kafka import Message

from connector.binding import Judged, Protection, bind_and_judge
from connector.fingerprints import Fingerprints, Versioned
from connector.record import Failure, Outcome, RawHeaders, Stop
from connector.route import Incoming, Route
from connector.shapes import avro_root, raw_root, shape_of
from connector.side import Original, Side
from connector.subjects import Registering, Subjects
from connector.vault_tokens import subject_keys, vault_rings
from registry.errors import PoisonRecord, RegistryError, RegistryUnavailable, SchemaNotFound
from registry.registered import AVRO, RegisteredSchema
from registry.schema.avro import BadSchema
from registry.schema.tree import Field, null_root
from registry.wire import PREFIX_LENGTH, split
from transforms.outcome import Code, Unavailable

MOST_ROUTES = 1000
FAILURE_SECONDS = 30.0
"""How long the answer is believed that a schema id is unknown or unusable."""

GroupKey = tuple[str, bytes | None, bytes | None, bool]


class Registry(Registering, Versioned, Protocol):
    def schema(self, schema_id: int) -> RegisteredSchema: ...


class Log(Protocol):
    def info(self, event: str, **facts: object) -> object: ...
    def warning(self, event: str, **facts: object) -> object: ...


class Refusal(Exception):
    """Records of a group cannot be bound; each has this failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class Pipeline:
    """Turns batches of messages into outcomes. One thread at a time; blocks as long as the registry's deadline."""

    def __init__(
        self,
        protection: Protection,
        *,
        converters: tuple[str, str],
        registry: Registry | None,
        sink_format: str,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._protection = protection.for_running()
        self._key_converter, self._value_converter = converters
        self._registry = registry
        self._fingerprints = Fingerprints(registry, protection.used_keys()) if registry is not None else None
        self._subjects = (
            Subjects(registry, self._fingerprints) if registry is not None and self._fingerprints is not None else None
        )
        self._sink_format = sink_format
        self._log = log
        self._clock = clock
        self._routes: OrderedDict[GroupKey, Route] = OrderedDict()
        self._failures: OrderedDict[GroupKey, tuple[float, Failure]] = OrderedDict()
        self._declared_headers = frozenset(protection.rules.for_headers())
        self.subject_keys = subject_keys(vault_rings(protection.links, protection.keys))
        self.bound = 0

    def check_keys(self, sinks: Iterable[str]) -> None:
        """Raise `Stop` where the key rings are not those that these topics were written with so far.

        In an outage of the registry nothing is checked now: before a record is written, every sink is.
        """
        sides = [
            side for side, own in (("key", self._key_converter), ("value", self._value_converter)) if own == "avro"
        ]
        try:
            for subject in [f"{topic}-{side}" for topic in sinks for side in sides]:
                if self._fingerprints is not None:
                    self._fingerprints.check(subject)
        except RegistryUnavailable:
            self._log.warning("the schema registry does not answer: keys are compared with the sinks' later")
        except RegistryError as problem:
            raise Stop(f"the schemas of the sinks cannot be read: {problem}") from None

    def process(self, messages: Sequence[Message]) -> list[Outcome]:
        """One outcome a message, in the same order. Raises `Unavailable` or `Stop`; calling again is safe."""
        incoming = _incoming(messages)
        groups = self._groups(messages, incoming)
        if len(groups) == 1:
            return self._outcomes(next(iter(groups)), incoming)
        outcomes: list[Outcome] = [None] * len(messages)  # type: ignore[list-item]  # every place is filled below
        for group, rows in groups.items():
            for row, outcome in zip(rows, self._outcomes(group, incoming.take(rows)), strict=True):
                outcomes[row] = outcome
        return outcomes

    def _groups(self, messages: Sequence[Message], records: Incoming) -> dict[GroupKey, list[int]]:
        """Rows by topic and schemas; a group's key holds the first bytes of payloads and must not be shown."""
        topics: Any = [message.topic() for message in messages]
        keys = _starts(records.keys, PREFIX_LENGTH if self._key_converter == "avro" else 0)
        values = _starts(records.values, PREFIX_LENGTH if self._value_converter == "avro" else 0)
        others = [own is not None and self._has_others(own) for own in records.headers]
        names: list[GroupKey] = list(zip(topics, keys, values, others, strict=True))
        if len(set(names)) == 1:
            return {names[0]: list(range(len(names)))}
        groups: dict[GroupKey, list[int]] = {}
        for row, name in enumerate(names):
            groups.setdefault(name, []).append(row)
        return groups

    def _has_others(self, headers: RawHeaders) -> bool:
        """Whether a record carries headers of which nothing is declared."""
        return any(name not in self._declared_headers for name, _ in headers)

    def _outcomes(self, group: GroupKey, records: Incoming) -> list[Outcome]:
        try:
            route = self._route(group)
        except Refusal as refusal:
            return [refusal.failure] * len(records)
        return route.run(records)

    def _route(self, group: GroupKey) -> Route:
        if (route := self._routes.get(group)) is not None:
            self._routes.move_to_end(group)
            return route
        if group in self._failures:
            believed_until, failure = self._failures[group]
            if self._clock() < believed_until:
                raise Refusal(failure)
        try:
            route = self._bind(group)
        except Refusal as refusal:
            self._failures[group] = self._clock() + FAILURE_SECONDS, refusal.failure
            _bound(self._failures)
            raise
        self._routes[group] = route
        _bound(self._routes)
        return route

    def _bind(self, group: GroupKey) -> Route:
        topic, key, value, others = group
        key_root, key_original = self._root("key", self._key_converter, key)
        value_root, value_original = self._root("value", self._value_converter, value)
        shape = shape_of(key_root, value_root, self._protection.rules, others=others)
        judged = bind_and_judge(self._protection, shape, topic)
        self.bound += 1
        self._report(topic, judged)
        sides = (
            self._side("key", shape.key, self._key_converter, key_original),
            self._side("value", shape.value, self._value_converter, value_original),
        )
        return Route(topic, shape, judged, self._protection, sides, self._sink_format)

    def _side(self, name: str, root: Field, converter: str, original: Original | None) -> Side:
        return Side(
            name,
            root,
            converter,
            subjects=self._subjects,
            sensitive=self._protection.sensitive,
            tags_property=self._protection.rules.property,
            original=original,
        )

    def _report(self, topic: str, judged: Judged) -> None:
        for warning in judged.warnings:
            self._log.warning("schema", topic=topic, warning=warning)
        problem = judged.problem
        if problem is None:
            return
        if problem.stops:
            raise Stop(f"topic {topic}: {problem.message}")
        self._log.warning("schema refused", topic=topic, reason=problem.message)
        raise Refusal(Failure(Code.UNCOVERED, "coverage", problem.path, reason=problem.message))

    def _root(self, side: str, converter: str, start: bytes | None) -> tuple[Field, Original | None]:
        rules = self._protection.rules
        if start is None:
            return null_root(side), None
        if converter != "avro":
            return raw_root(side, converter, rules), None
        stage = f"{side}.converter"
        schema = self._schema(stage, start)
        if schema.schema_type != AVRO:
            reason = f"schema id {schema.id} is {schema.schema_type}, which is not handled"
            raise Refusal(Failure(Code.UNUSABLE_SCHEMA, stage, reason=reason))
        try:
            references = [reference.text for reference in schema.references]
            root = avro_root(side, schema.text, rules, references, schema.metadata)
        except BadSchema as problem:
            raise Refusal(Failure(Code.UNUSABLE_SCHEMA, stage, reason=f"schema id {schema.id}: {problem}")) from None
        direct = tuple(r.reference for r in schema.references)
        return root, Original(schema.text, direct)

    def _schema(self, stage: str, start: bytes) -> RegisteredSchema:
        if self._registry is None:
            raise Stop("schema.registry.url is required for Avro")
        try:
            return self._registry.schema(split(start))
        except PoisonRecord as poison:
            raise Refusal(Failure(Code(poison.reason), stage)) from None
        except SchemaNotFound as missing:
            raise Refusal(Failure(Code.UNKNOWN_SCHEMA, stage, reason=str(missing))) from None
        except RegistryUnavailable:
            raise Unavailable("the schema registry does not answer") from None
        except RegistryError as error:
            raise Stop(str(error)) from None


def _incoming(messages: Sequence[Message]) -> Incoming:
    """The messages' parts as columns. Messages that the consumer delivered without an error always have these."""
    values: Any = [message.value() for message in messages]
    keys: Any = [message.key() for message in messages]
    headers: Any = [message.headers() for message in messages]
    partitions: Any = [message.partition() for message in messages]
    offsets: Any = [message.offset() for message in messages]
    return Incoming(keys, values, headers, partitions, [message.timestamp()[1] for message in messages], offsets)


def _starts(payloads: Sequence[bytes | None], size: int) -> list[bytes | None]:
    return [None if payload is None else payload[:size] for payload in payloads]


def _bound(cache: OrderedDict[GroupKey, Any]) -> None:
    while len(cache) > MOST_ROUTES:
        cache.popitem(last=False)
