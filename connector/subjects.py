"""Schemas of the sinks: each is under its subject in the registry before a record that needs it is produced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.dropped_metadata import DroppedMetadata
from connector.recent import Recent
from connector.record import Failure, Log, Refusal, Stop
from connector.registry_outage import Outage
from connector.subject_rules import OnIncompatible, SubjectRules
from registry.errors import RegistryError, RegistryRejected, RegistryUnavailable, SchemaNotFound
from registry.registered import AVRO, Reference, RegisteredSchema, Registration
from registry.schema.avro import BadSchema, parse
from registry.schema.matching import differences
from registry.wire import prefix
from transforms.outcome import Code

REFUSED_SECONDS = 30.0
"""How long the answer is believed that a subject does not take a schema."""
_MOST_NAMED = 10

_At = tuple[str, str, tuple[Reference, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class SinkSchema:
    """An output schema: its text, what that refers to, and the full name of its type where it has one."""

    text: str
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    name: str | None = None


class Registering(Protocol):
    """The part of a registry's client that subjects need."""

    def register(
        self,
        subject: str,
        text: str,
        references: Sequence[Reference] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> int: ...

    def lookup(self, subject: str, text: str, references: Sequence[Reference] = ()) -> Registration: ...

    def latest(self, subject: str) -> tuple[int, RegisteredSchema]: ...


class Subjects:
    """Gives the wire format's prefix for a schema on a topic; asks the registry once for each."""

    def __init__(
        self, registry: Registering, rules: SubjectRules, log: Log, clock: Callable[[], float], outage: Outage
    ) -> None:
        self._registry = registry
        self._rules = rules
        self._log = log
        self._dropped = DroppedMetadata(registry, log)
        self._clock = clock
        self._outage = outage
        self._known: Recent[_At, bytes] = Recent()
        self._refused: Recent[_At, tuple[float, Failure]] = Recent()

    def prefix(self, topic: str, side: str, schema: SinkSchema) -> bytes:
        """The five bytes before a payload of this schema.

        Blocks for at most the client's deadline. Raises `RegistryAway`; `Refusal` or `Stop`, by
        `registry.on.incompatible`, where the subject does not take the schema; `Stop` where nothing is taken from us.
        """
        subject = self._rules.subject(topic, side, schema.name)
        if subject is None:
            reason = f"{side}.subject.name.strategy is {self._rules.strategy(side)}, and the schema has no name"
            raise Refusal(Failure(Code.NOT_BINDABLE, f"{side}.converter", reason=reason))
        at = subject, schema.text, schema.references
        if (known := self._known.get(at)) is not None:
            return known
        if (refused := self._refused.get(at)) is not None and self._clock() < refused[0]:
            raise Refusal(refused[1])
        self._outage.check()
        try:
            schema_id = self._id(subject, schema)
        except _NotTaken as problem:
            reason = f"subject {subject} does not take the output schema: {problem}"
        except RegistryUnavailable:
            raise self._outage.noticed() from None
        except RegistryError as error:
            raise Stop(f"the schema registry refuses to register under subject {subject}: {error}") from None
        else:
            self._known.put(at, known := prefix(schema_id))
            return known
        if self._rules.on_incompatible is OnIncompatible.FAIL:
            raise Stop(reason)
        self._log.warning("schema refused", reason=reason)
        failure = Failure(Code.INCOMPATIBLE_SCHEMA, f"{side}.converter", reason=reason)
        self._refused.put(at, (self._clock() + REFUSED_SECONDS, failure))
        raise Refusal(failure)

    def _id(self, subject: str, schema: SinkSchema) -> int:
        try:
            if self._rules.register:
                schema_id = self._registry.register(subject, schema.text, schema.references, schema.metadata)
                self._dropped.look(subject, schema.metadata)
                return schema_id
            return self._prepared(subject, schema)
        except RegistryRejected as error:
            problem = str(error)
        raise _NotTaken(problem)

    def _prepared(self, subject: str, schema: SinkSchema) -> int:
        """The id of the schema that somebody prepared: the same, else the latest one if records are written alike."""
        try:
            return self._registry.lookup(subject, schema.text, schema.references).id
        except SchemaNotFound:
            pass
        try:
            version, latest = self._registry.latest(subject)
        except SchemaNotFound as missing:
            problem = str(missing)
        else:
            different = _differences(schema, latest)
            if not different:
                return latest.id
            more = f", and {len(different) - _MOST_NAMED} more" if len(different) > _MOST_NAMED else ""
            problem = f"version {version} is another one: {'; '.join(different[:_MOST_NAMED])}{more}"
        raise _NotTaken(f"registry.auto.register is false, and {problem}")


class _NotTaken(Exception):
    """The subject has another schema, or takes no such one. The text says why, in the registry's words or ours."""


def _differences(schema: SinkSchema, latest: RegisteredSchema) -> Sequence[str]:
    if latest.schema_type != AVRO:
        return [f"it is {latest.schema_type}"]
    if schema.references:
        return ["its text or its references differ"]  # what they resolve to is the registry's to compare
    try:
        found = parse(latest.text, root="value", references=[each.text for each in latest.references])
    except BadSchema:
        return ["it cannot be read"]
    return differences(parse(schema.text, root="value"), found)
