"""The tags of schemas while a connector runs: read when a schema is bound, and again from time to time.

An edit of a schema's metadata, or a version that changes what holds, is noticed at the next refresh: whoever bound the
schema is told to bind it anew, before the next record. Tags are only ever added. A registry that does not answer then,
or answers without tags that it told before, takes none away: what was known goes on to hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol

from connector.recent import Recent
from connector.record import Log, Stop
from connector.registry_outage import Outage
from connector.tagging import Facts, TaggedRoot, Tagging, facts_of
from registry.client import EVER
from registry.errors import RegistryError, RegistryUnavailable, SchemaNotFound
from registry.history import Asking, Versions
from registry.registered import RegisteredSchema
from registry.schema.avro import BadSchema
from registry.schema.tags import TagRules
from registry.schema.tree import Field, same_field

REFRESH_SECONDS: Final = 60.0
_MOST: Final = 4000

_Key = tuple[str, int, str]
"""Side, schema id, subject."""


class Registry(Versions, Protocol):
    def schema(self, schema_id: int, *, since: float) -> RegisteredSchema: ...


@dataclass(slots=True)
class _Known:
    """What was read last, and the last root that could be used.

    `edition` grows with each change, `since` is when a refresh began that is not done yet.
    """

    facts: Facts
    tagged: TaggedRoot | BadSchema
    root: Field | None
    due: float
    edition: int = 0
    since: float | None = None


class LiveTags:
    """Tagged roots for the groups of records that a pipeline binds. Not for concurrent use."""

    def __init__(
        self,
        rules: TagRules,
        registry: Registry | None,
        log: Log,
        outage: Outage,
        *,
        refresh: float = REFRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tagging = Tagging(rules)
        self._registry = registry
        self._log = log
        self._outage = outage
        self._seconds = refresh
        self._clock = clock
        self._asks_from = 0.0
        self._known: Recent[_Key, _Known] = Recent(_MOST)
        self._groups: Recent[Hashable, dict[_Key, int]] = Recent(_MOST)
        # When the first attempt to read a schema's versions began, until one has come to its end.
        self._begun: Recent[_Key, float] = Recent(_MOST)

    def root(self, group: Hashable, side: str, schema: RegisteredSchema, topic: str) -> Field:
        """The root of a side of the group's records. Raises `BadSchema`, `RegistryAway` or `Stop`.

        Blocks as `connector.tagging.facts_of` does.
        """
        key = side, schema.id, f"{topic}-{side}"
        known = self._known.get(key)
        if known is None:
            facts = self._read(key, schema)
            self._begun.forget(key)
            tagged = self._tagged(side, facts)
            known = _Known(facts, tagged, _usable(tagged), self._clock() + self._seconds)
            self._known.put(key, known)
        else:
            self._refresh(key, known)
        self._groups.put(group, {**(self._groups.get(group) or {}), key: known.edition})
        if isinstance(known.tagged, BadSchema):
            raise BadSchema(str(known.tagged))
        for warning in known.tagged.warnings:
            self._log.warning("schema", topic=topic, side=side, schema_id=schema.id, warning=warning)
        return known.tagged.root

    def changed(self, group: Hashable) -> bool:
        """Whether the group must be bound anew, because the tags of one of its schemas are others by now.

        Looks again when it is time to; blocks as `root` does, and raises `Stop` where the registry refuses.
        """
        for key, edition in (self._groups.get(group) or {}).items():
            known = self._known.get(key)
            if known is None:
                return True
            self._refresh(key, known)
            if known.edition != edition:
                return True
        return False

    def _read(self, key: _Key, schema: RegisteredSchema) -> Facts:
        assert self._registry is not None  # noqa: S101  it gave the schema
        began = self._begun.get(key)
        if began is None:
            self._begun.put(key, began := time.monotonic())
        try:
            return facts_of(self._registry, schema, key[2], Asking(EVER, began))
        except RegistryUnavailable:
            raise self._outage.noticed() from None
        except RegistryError as error:
            raise Stop(str(error)) from None

    def _tagged(self, side: str, facts: Facts, before: Field | None = None) -> TaggedRoot | BadSchema:
        try:
            return self._tagging.root(side, facts, before)
        except BadSchema as problem:
            return BadSchema(str(problem))

    def _refresh(self, key: _Key, known: _Known) -> None:
        if self._clock() < max(known.due, self._asks_from):
            return
        side, schema_id, subject = key
        facts = self._read_again(known, schema_id, subject)
        known.due = self._clock() + self._seconds
        if facts is None:
            return
        known.since = None
        if facts == known.facts:
            return
        tagged = self._tagged(side, facts, known.root)
        if not _same(tagged, known.tagged):
            known.edition += 1
            self._log.info("tags changed", subject=subject, schema_id=schema_id)
        known.facts, known.tagged, known.root = facts, tagged, _usable(tagged) or known.root

    def _read_again(self, known: _Known, schema_id: int, subject: str) -> Facts | None:
        """What the registry says by now; None where it does not say, and what is known goes on to hold."""
        assert self._registry is not None  # noqa: S101  it gave the schema
        known.since = time.monotonic() if known.since is None else known.since
        try:
            schema = self._registry.schema(schema_id, since=known.since)
            if schema.text != known.facts.schema.text:  # an id of another context: an id's text never changes
                schema = known.facts.schema
            return facts_of(self._registry, schema, subject, Asking(known.since, known.since))
        except RegistryUnavailable:
            self._asks_from = self._clock() + self._seconds
            reason = "the schema registry does not answer"
        except SchemaNotFound as missing:
            reason = str(missing)
        except RegistryError as error:
            raise Stop(str(error)) from None
        self._log.warning("tags not refreshed", subject=subject, schema_id=schema_id, reason=reason)
        return None


def _usable(tagged: TaggedRoot | BadSchema) -> Field | None:
    return None if isinstance(tagged, BadSchema) else tagged.root


def _same(one: TaggedRoot | BadSchema, other: TaggedRoot | BadSchema) -> bool:
    if isinstance(one, BadSchema) or isinstance(other, BadSchema):
        return isinstance(one, BadSchema) and isinstance(other, BadSchema) and str(one) == str(other)
    return same_field(one.root, other.root)
