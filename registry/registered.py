"""What the registry keeps, as its client hands it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

AVRO: Final = "AVRO"


class SubjectVersion(NamedTuple):
    """One version of one subject."""

    subject: str
    version: int


class Reference(NamedTuple):
    """A schema that another one builds on; ``name`` is how its text calls it (in Avro, the full name)."""

    name: str
    subject: str
    version: int


class Registration(NamedTuple):
    """Where a schema was found under a subject."""

    id: int
    version: int


@dataclass(frozen=True, slots=True)
class ReferencedSchema:
    """A reference, resolved."""

    reference: Reference
    id: int
    schema_type: str
    text: str
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a subject, with what it refers to as in `RegisteredSchema`."""

    subject: str
    number: int
    id: int
    schema_type: str
    text: str
    references: tuple[ReferencedSchema, ...]
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A schema with everything that it needs in order to be read.

    ``schema_type`` is ``AVRO``, ``JSON`` or ``PROTOBUF``. ``references`` has each schema that this one builds
    on, directly or not, once, and after those that it builds on itself: parsed in this order, every name is
    known when it is met. ``metadata`` and ``rule_set`` are as the registry gave them, None where it gave none.
    ``subjects`` are the live subject versions that carried the id when it was asked for. ``direct`` are the
    references that its own text makes, as they were registered.
    """

    id: int
    schema_type: str
    text: str
    references: tuple[ReferencedSchema, ...]
    metadata: Mapping[str, Any] | None
    rule_set: Mapping[str, Any] | None
    subjects: tuple[SubjectVersion, ...]
    direct: tuple[Reference, ...] = ()
