"""The versions of subjects that a schema's tags depend on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Protocol

from registry.errors import RegistryUnavailable, SchemaNotFound
from registry.registered import RegisteredSchema, StoredVersion, SubjectVersion

MOST_VERSIONS: Final = 5_000
_SECONDS: Final = 5.0


class Versions(Protocol):
    """The part of a registry's client that is asked here; `registry.client` says what each call means."""

    def carriers(self, schema_id: int) -> list[SubjectVersion]: ...
    def versions(self, subject: str, *, deleted: bool = False) -> list[int]: ...
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


def past_of(registry: Versions, schema: RegisteredSchema, subject: str | None, since: float) -> tuple[Past, ...]:
    """Every subject that has the schema, by name. `subject` is looked through where the registry names none.

    Blocks for some 5 s at most and raises the errors of `registry.errors`; what has been read by then is in the
    client's cache, so that asking again goes on. Versions that are gone for good are left out. Raises
    `TooManyVersions`.
    """
    end = time.monotonic() + _SECONDS
    subjects = sorted({carrier.subject for carrier in registry.carriers(schema.id)})
    if not subjects and subject is not None:
        subjects = [subject]
    found: list[Past] = []
    count = 0
    for each in subjects:
        numbers = _numbers(registry, each)
        count += len(numbers)
        if count > MOST_VERSIONS:
            raise TooManyVersions(f"schema id {schema.id}: its subjects have more than {MOST_VERSIONS} versions")
        stored = [version for number in numbers if (version := _stored(registry, each, number, since, end))]
        carrying = [version.number for version in stored if version.id == schema.id]
        if carrying:
            found.append(_past(schema, each, stored, carrying))
    return tuple(found)


def _past(schema: RegisteredSchema, subject: str, stored: list[StoredVersion], carrying: list[int]) -> Past:
    last = max(carrying)
    own = [v for v in stored if v.id == schema.id or (v.number > last and v.text == schema.text)]
    earlier = [v for v in stored if v.number < last and v.id != schema.id]
    return Past(subject, tuple(own), tuple(earlier))


def _numbers(registry: Versions, subject: str) -> list[int]:
    try:
        return registry.versions(subject, deleted=True)
    except SchemaNotFound:
        return []


def _stored(registry: Versions, subject: str, number: int, since: float, end: float) -> StoredVersion | None:
    if time.monotonic() > end:
        raise RegistryUnavailable(f"subject {subject}: reading its versions takes longer than {_SECONDS:g} s")
    try:
        return registry.stored(subject, number, since=since)
    except SchemaNotFound:
        return None
