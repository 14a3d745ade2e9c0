"""The versions of subjects that a schema's tags depend on."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Protocol

from registry.errors import RegistryUnavailable, SchemaNotFound
from registry.registered import ReferencedSchema, RegisteredSchema, StoredVersion, SubjectVersion

MOST_VERSIONS: Final = 5_000

_Carrying = Callable[[float], Set[int]]
"""The versions of a subject that are said to carry a schema, by an answer from that moment on."""


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

    Blocks for `asking.seconds` and a few more calls. Raises the errors of `registry.errors`, `TooManyVersions`, and
    `RegistryUnavailable` when it takes too long or the answers contradict each other, as those of two servers do of
    which one is behind. Versions that are gone for good are left out.
    """
    reading = _Reading(registry, asking)
    subjects = sorted({carrier.subject for carrier in registry.carriers(schema.id, since=asking.began)})
    if not subjects and subject is not None:
        subjects = [subject]

    def carrying(subject: str, since: float) -> Set[int]:
        return {each.version for each in registry.carriers(schema.id, since=since) if each.subject == subject}

    own = [reading.past(schema, each, partial(carrying, each)) for each in subjects]
    referenced = [reading.past(each, each.reference.subject, _referring(each)) for each in schema.references]
    return Pasts(tuple(filter(None, own)), tuple(filter(None, referenced)))


def _referring(schema: ReferencedSchema) -> _Carrying:
    return lambda _: {schema.reference.version}


class _Reading:
    def __init__(self, registry: Versions, asking: Asking) -> None:
        self._registry = registry
        self._asking = asking
        self._end = time.monotonic() + asking.seconds
        self._count = 0

    def past(self, schema: RegisteredSchema | ReferencedSchema, subject: str, carrying: _Carrying) -> Past | None:
        numbers, carriers = self._numbers(subject, self._asking.began), carrying(self._asking.began)
        if not carriers <= set(numbers):
            now = time.monotonic()
            numbers, carriers = self._numbers(subject, now), carrying(now)
            if not carriers <= set(numbers):
                raise RegistryUnavailable(
                    f"subject {subject}: the registry does not list all versions that it tells of"
                )
        self._count += len(numbers)
        if self._count > MOST_VERSIONS:
            raise TooManyVersions(f"schema id {schema.id}: its subjects have more than {MOST_VERSIONS} versions")
        stored = [version for number in numbers if (version := self._stored(subject, number)) is not None]
        carriers |= {version.number for version in stored if version.id == schema.id}
        last = max(carriers, default=None)
        if last is None:
            return None
        own = [v for v in stored if v.number in carriers or (v.number > last and v.text == schema.text)]
        earlier = [v for v in stored if v.number < last and v.number not in carriers]
        return Past(subject, tuple(own), tuple(earlier))

    def _numbers(self, subject: str, since: float) -> list[int]:
        self._check(subject)
        try:
            return self._registry.versions(subject, deleted=True, since=since)
        except SchemaNotFound:
            return []

    def _stored(self, subject: str, number: int) -> StoredVersion | None:
        self._check(subject)
        try:
            return self._registry.stored(subject, number, since=self._asking.since)
        except SchemaNotFound:
            pass
        if number in self._numbers(subject, time.monotonic()):
            raise RegistryUnavailable(f"subject {subject}: the registry lists version {number}, and does not have it")
        return None

    def _check(self, subject: str) -> None:
        if time.monotonic() > self._end:
            raise RegistryUnavailable(
                f"subject {subject}: reading its versions takes longer than {self._asking.seconds:g} s"
            )
