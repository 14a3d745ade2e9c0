"""From consumed messages to outcomes: records are grouped by their schemas, and each group takes its route.

All that may wait (registry look-ups, binding, registering) happens in here, before a transaction begins. Bound
routes are kept, so a schema costs this once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

from confluent_kafka import Message

from connector.avro_names import writable
from connector.binding import Judged, Protection, bind_and_judge
from connector.fingerprints import Fingerprints, Versioned
from connector.live_tags import REFRESH_SECONDS, LiveTags
from connector.plan import Plan
from connector.recent import Recent
from connector.record import Failure, Held, Log, Outcome, RawHeaders, Refusal, Stop
from connector.registry_outage import Outage, RegistryAway
from connector.route import Incoming, Route
from connector.shapes import raw_root, shape_of
from connector.side import Original, Side
from connector.subject_rules import SubjectRules
from connector.subjects import Registering, Subjects
from connector.uncollected import uncollected
from connector.vault_tokens import subject_keys, vault_rings
from registry.client import EVER
from registry.errors import GuidsNotServed, PoisonRecord, RegistryError, RegistryUnavailable, SchemaNotFound
from registry.history import Versions
from registry.registered import AVRO, RegisteredSchema
from registry.schema.avro import BadSchema
from registry.schema.tree import Field, Shape, null_root
from registry.wire import ID_HEADERS, framing_of, in_header_framing, schema_named, starts
from transforms.outcome import Code

FAILURE_SECONDS = 30.0
"""How long the answer is believed that a schema id is unknown or unusable."""

GroupKey = tuple[str, bytes | None, bytes | None, bool, frozenset[str]]
"""Topic; what names the key's schema, and the value's; whether there are headers of which nothing is declared; and
the sides whose schema is named in a header."""

_CONVERTERS = frozenset(f"{side}.converter" for side in ID_HEADERS)
_IN_PAYLOADS: frozenset[str] = frozenset()


class Registry(Registering, Versioned, Versions, Protocol):
    def schema(self, schema_id: int, *, since: float = EVER) -> RegisteredSchema: ...

    def schema_with_guid(self, guid: UUID) -> RegisteredSchema: ...


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
        refresh: float = REFRESH_SECONDS,
        subjects: SubjectRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._protection = protection.for_running()
        self._key_converter, self._value_converter = converters
        self._registry = registry
        self._rules = subjects or SubjectRules()
        self._outage = Outage(clock)
        self._tags = LiveTags(protection.rules, registry, log, self._outage, refresh=refresh, clock=clock)
        self._fingerprints: Fingerprints | None = None
        self._subjects: Subjects | None = None
        if registry is not None:
            self._fingerprints = Fingerprints(registry, protection.used_keys())
            self._subjects = Subjects(registry, self._rules, self._fingerprints, log, clock, self._outage)
        self._sink_format = sink_format
        self._log = log
        self._clock = clock
        self._routes: Recent[GroupKey, Route] = Recent()
        self._failures: Recent[GroupKey, tuple[float, Failure]] = Recent()
        self._expected_headers = frozenset(protection.rules.for_headers()) | frozenset(ID_HEADERS.values())
        self.subject_keys = subject_keys(vault_rings(protection.links, protection.keys))
        self.bound = 0

    def check_keys(self, sinks: Iterable[str]) -> None:
        """Raise `Stop` where the key rings are not those that these topics were written with so far.

        In an outage of the registry nothing is checked now: before a record is written, every sink is. Nor is a sink
        whose subject depends on the schema.
        """
        converters = {"key": self._key_converter, "value": self._value_converter}
        sides = [side for side, converter in converters.items() if converter == "avro"]
        subjects = [self._rules.subject(topic, side, None) for topic in sinks for side in sides]
        try:
            for subject in subjects:
                if self._fingerprints is not None and subject is not None:
                    self._fingerprints.check(subject)
        except RegistryUnavailable:
            self._log.warning("the schema registry does not answer: keys are compared with the sinks' later")
        except RegistryError as problem:
            raise Stop(f"the schemas of the sinks cannot be read: {problem}") from None

    def process(self, messages: Sequence[Message]) -> list[Outcome | Held]:
        """One outcome a message, in the same order. Raises `Unavailable` or `Stop`; calling again is safe.

        While the registry does not answer, records are held whose schemas are not known; the others go on.
        """
        incoming = _incoming(messages)
        groups = self._groups(messages, incoming)
        if len(groups) == 1:
            return self._outcomes(next(iter(groups)), incoming)
        outcomes: list[Outcome | Held] = [None] * len(messages)  # type: ignore[list-item]  # every place is filled below
        for group, rows in groups.items():
            for row, outcome in zip(rows, self._outcomes(group, incoming.take(rows)), strict=True):
                outcomes[row] = outcome
        return outcomes

    def _groups(self, messages: Sequence[Message], records: Incoming) -> dict[GroupKey, list[int]]:
        """Rows by topic and schemas; a group's key holds the first bytes of payloads and must not be shown."""
        topics: Any = [message.topic() for message in messages]
        keys = _starts(records.keys, self._key_converter)
        values = _starts(records.values, self._value_converter)
        others = [own is not None and self._has_others(own) for own in records.headers]
        named = [_IN_PAYLOADS] * len(messages)
        for row, own in enumerate(records.headers):
            if own is not None:
                named[row] = self._named_in(own, row, {"key": keys, "value": values})
        names: list[GroupKey] = list(zip(topics, keys, values, others, named, strict=True))
        if len(set(names)) == 1:
            return {names[0]: list(range(len(names)))}
        groups: dict[GroupKey, list[int]] = {}
        for row, name in enumerate(names):
            groups.setdefault(name, []).append(row)
        return groups

    def _has_others(self, headers: RawHeaders) -> bool:
        """Whether a record carries headers of which nothing is declared."""
        return any(name not in self._expected_headers for name, _ in headers)

    def _named_in(self, headers: RawHeaders, row: int, starts: dict[str, list[bytes | None]]) -> frozenset[str]:
        """The sides of a row whose schema a header names; the first of a name counts. What names it is put in place."""
        named = set()
        for side, header in ID_HEADERS.items():
            if self._converter(side) != "avro" or starts[side][row] is None:
                continue
            value = next((value for name, value in headers if name == header and value is not None), None)
            if value is not None:
                starts[side][row] = value
                named.add(side)
        return frozenset(named) if named else _IN_PAYLOADS

    def _converter(self, side: str) -> str:
        return self._key_converter if side == "key" else self._value_converter

    def _outcomes(self, group: GroupKey, records: Incoming) -> list[Outcome | Held]:
        try:
            return [*self._route(group).run(records)]
        except Refusal as refusal:
            return [refusal.failure] * len(records)
        except RegistryAway:
            return [Held()] * len(records)

    def _route(self, group: GroupKey) -> Route:
        if (route := self._routes.get(group)) is not None:
            if not self._tags.changed(group):
                return route
            self._routes.forget(group)
        believed_until, failure = self._failures.get(group) or (-math.inf, None)
        if failure is not None and self._clock() < believed_until:
            raise Refusal(failure)
        self._outage.check()
        try:
            with uncollected():
                route = self._bind(group)
        except Refusal as refusal:
            self._failures.put(group, (self._clock() + FAILURE_SECONDS, refusal.failure))
            raise
        self._routes.put(group, route)
        return route

    def _bind(self, group: GroupKey) -> Route:
        topic, _, _, others, _ = group
        key_root, key_original = self._root("key", group)
        value_root, value_original = self._root("value", group)
        shape = shape_of(key_root, value_root, self._protection.rules, others=others)
        judged = bind_and_judge(self._protection, shape, topic)
        self.bound += 1
        self._report(topic, judged)
        judged = replace(judged, plan=self._writable(topic, judged.plan, shape))
        sides = (
            self._side("key", shape.key, self._key_converter, key_original),
            self._side("value", shape.value, self._value_converter, value_original),
        )
        return Route(topic, shape, judged, self._protection, sides, self._sink_format)

    def _writable(self, topic: str, plan: Plan, source: Shape) -> Plan:
        plan = writable(plan, source, [side for side in ID_HEADERS if self._converter(side) == "avro"])
        for end in plan.ends():
            if end.refused is not None and end.refused.stage in _CONVERTERS:
                self._log.warning("schema refused", topic=topic, reason=end.refused.reason)
        return plan

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

    def _root(self, side: str, group: GroupKey) -> tuple[Field, Original | None]:
        topic, key, value, _, named = group
        framed, converter = key if side == "key" else value, self._converter(side)
        if framed is None:
            return null_root(side), None
        if converter != "avro":
            return raw_root(side, converter, self._protection.rules), None
        stage = f"{side}.converter"
        schema = self._schema(stage, framed)
        if schema.schema_type != AVRO:
            reason = f"schema id {schema.id} is {schema.schema_type}, which is not handled"
            raise Refusal(Failure(Code.UNUSABLE_SCHEMA, stage, reason=reason))
        try:
            root = self._tags.root(group, side, schema, topic)
        except BadSchema as problem:
            raise Refusal(Failure(Code.UNUSABLE_SCHEMA, stage, reason=f"schema id {schema.id}: {problem}")) from None
        framing = in_header_framing(framed, schema.id) if side in named else framing_of(framed)
        return root, Original(schema.text, schema.direct, schema.metadata, framing)

    def _schema(self, stage: str, framed: bytes) -> RegisteredSchema:
        if self._registry is None:
            raise Stop("schema.registry.url is required for Avro")
        try:
            name = schema_named(framed)
            return self._registry.schema(name) if isinstance(name, int) else self._registry.schema_with_guid(name)
        except PoisonRecord as poison:
            raise Refusal(Failure(Code(poison.reason), stage)) from None
        except SchemaNotFound as missing:
            raise Refusal(Failure(Code.UNKNOWN_SCHEMA, stage, reason=str(missing))) from None
        except GuidsNotServed as unable:
            raise Refusal(Failure(Code.UNREADABLE_GUID, stage, reason=str(unable))) from None
        except RegistryUnavailable:
            raise self._outage.noticed() from None
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


def _starts(payloads: Sequence[bytes | None], converter: str) -> list[bytes | None]:
    """What of each payload names its schema; nothing where payloads have none."""
    if converter != "avro":
        return [None if payload is None else b"" for payload in payloads]
    return starts(payloads)
