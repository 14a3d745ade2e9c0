"""The versions of subjects that a schema's tags depend on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from registry.errors import RegistryUnavailable, SchemaNotFound
from registry.registered import ReferencedSchema, RegisteredSchema, StoredVersion, SubjectVersion

MOST_VERSIONS: Final = 5_000


class Versions(Protocol):
    """The part of a registry's client that is asked here; `registry.client` says what each call means."""

    def carriers(self, schema_id: int, *, since: float) -> list[SubjectVersion]: ...
    def versions(self, subject: str, *, deleted: bool = False, since: float) -> list[int]: ...
    def stored(self, subject: str, version: int, *, since: float) -> StoredVersion: ...


@dataclass(frozen=True, slots=True)
class Past:
    """One subject, as a schema id meets it.

    `own` are the versions that carry the id, and later ones with the same text: those are edits of the metadata.
    `earlier` are the versions before the last that carries the id, soft-deleted ones too, in order.
    """

    subject: str
    own: tuple[StoredVersion, ...]
    earlier: tuple[StoredVersion, ...]


class TooManyVersions(Exception):
    """A schema id whose subjects have more versions than can be read."""


class Asking(NamedTuple):
    """How to ask: what was read `since` counts, of lists of versions what was read since it `began`.

    A new version is on no list from before it, while what a version says seldom changes. After `seconds` it is given
    up; asking once more with the same moments goes on from there, because the client keeps what it has read.
    """

    since: float
    began: float
    seconds: float = 5.0


class Pasts(NamedTuple):
    """Every subject that has a schema, by name, and the subject of each schema that it refers to, in their order."""

    own: tuple[Past, ...]
    referenced: tuple[Past, ...]


def past_of(registry: Versions, schema: RegisteredSchema, subject: str | None, asking: Asking) -> Pasts:
    """The past of a schema. `subject` is looked through where the registry names none that has it.

    Blocks for `asking.seconds` and one more call. Raises the errors of `registry.errors`, `RegistryUnavailable` when it
    takes too long, and `TooManyVersions`. Versions that are gone for good are left out.
    """
    reading = _Reading(registry, asking)
    subjects = sorted({carrier.subject for carrier in registry.carriers(schema.id, since=asking.began)})
    if not subjects and subject is not None:
        subjects = [subject]
    own = tuple(past for each in subjects if (past := reading.past(schema, each)) is not None)
    referenced = (reading.past(each, each.reference.subject) for each in schema.references)
    return Pasts(own, tuple(past for past in referenced if past is not None))


class _Reading:
    def __init__(self, registry: Versions, asking: Asking) -> None:
        self._registry = registry
        self._asking = asking
        self._end = time.monotonic() + asking.seconds
        self._count = 0

    def past(self, schema: RegisteredSchema | ReferencedSchema, subject: str) -> Past | None:
        numbers = self._numbers(subject)
        self._count += len(numbers)
        if self._count > MOST_VERSIONS:
            raise TooManyVersions(f"schema id {schema.id}: its subjects have more than {MOST_VERSIONS} versions")
        stored = [version for number in numbers if (version := self._stored(subject, number)) is not None]
        last = max((version.number for version in stored if version.id == schema.id), default=None)
        if last is None:
            return None
        own = [v for v in stored if v.id == schema.id or (v.number > last and v.text == schema.text)]
        earlier = [v for v in stored if v.number < last and v.id != schema.id]
        return Past(subject, tuple(own), tuple(earlier))

    def _numbers(self, subject: str) -> list[int]:
        self._check(subject)
        try:
            return self._registry.versions(subject, deleted=True, since=self._asking.began)
        except SchemaNotFound:
            return []

    def _stored(self, subject: str, number: int) -> StoredVersion | None:
        self._check(subject)
        try:
            return self._registry.stored(subject, number, since=self._asking.since)
        except SchemaNotFound:
            return None

    def _check(self, subject: str) -> None:
        if time.monotonic() > self._end:
            raise RegistryUnavailable(
                f"subject {subject}: reading its versions takes longer than {self._asking.seconds:g} s"
            )
