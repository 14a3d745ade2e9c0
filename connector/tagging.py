"""The tagged root of a registered schema: everything that says where tags hold, read and merged.

Tags are sticky: those of every version of a subject that carries the schema's id hold, and those of all versions
before. A producer that registers its schema again without them does not switch protection off.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.shapes import tagged_avro, usable
from registry.client import EVER
from registry.history import Asking, Past, TooManyVersions, Versions, past_of
from registry.registered import AVRO, ReferencedSchema, RegisteredSchema
from registry.schema.avro import BadSchema
from registry.schema.memory import Memory
from registry.schema.tags import Referenced, Said, Tagged, TagRules
from registry.schema.tree import Field


class Facts(NamedTuple):
    """All that the registry knows of a schema's tags. Equal facts mean equal tags."""

    schema: RegisteredSchema
    past: tuple[Past, ...]
    subject: str | None = None
    referenced: tuple[Past, ...] = ()

    @property
    def subjects(self) -> Sequence[str] | None:
        """The subjects that have the schema, and the one where it is likely to be; None where nobody knows."""
        known = [each.subject for each in self.past]
        if self.subject is not None and self.subject not in known:
            known.append(self.subject)
        return known or None


class TaggedRoot(NamedTuple):
    """The root of a side, and warnings: patterns that find nothing, tags that are let go."""

    root: Field
    warnings: tuple[str, ...]


@dataclass(slots=True)
class Tagging:
    """Makes tagged roots for one configuration. A pattern that has found a place is never said to find nothing."""

    rules: TagRules
    _found: set[str] = field(default_factory=set)

    def root(self, side: str, facts: Facts, before: Field | None = None) -> TaggedRoot:
        """The root, with the tags of `before` too, which is what was read of the same schema earlier.

        Blocks for nothing. Raises `BadSchema`, also for an earlier version that cannot be read.
        """
        schema, past, _, referenced = facts
        earlier = [self._remembered(side, each) for each in past if each.earlier]
        earlier += [self._remembered(side, each, types_alone=True) for each in referenced if each.earlier]
        if before is not None:
            earlier.append(memory := Memory())
            memory.add(before, {}, "read before")
        tagged = tagged_avro(
            side,
            schema.text,
            self.rules,
            references=_references(schema.references, referenced),
            metadata=_said(schema, past),
            subjects=facts.subjects,
            earlier=earlier,
        )
        return self._told(tagged)

    def root_of_text(self, side: str, text: str) -> TaggedRoot:
        """The same for a schema that no registry is asked about. Raises `BadSchema`."""
        return self._told(tagged_avro(side, text, self.rules))

    def _told(self, tagged: Tagged) -> TaggedRoot:
        self._found.update(tagged.found)
        missed = [f"{name} finds nothing in this schema" for name in tagged.missed if name not in self._found]
        return TaggedRoot(usable(tagged.root), (*missed, *tagged.released))

    def _remembered(self, side: str, past: Past, *, types_alone: bool = False) -> Memory:
        memory = Memory()
        for version in past.earlier:
            if version.schema_type != AVRO:
                continue
            name = f"{past.subject} version {version.number}"
            try:
                tagged = tagged_avro(
                    side,
                    version.text,
                    self.rules,
                    references=_references(version.references),
                    metadata=[Said(version.metadata)] if version.metadata is not None else (),
                    subjects=[past.subject],
                    earlier=[memory],
                    releasing=False,
                )
            except BadSchema as problem:
                reason = str(problem)
            else:
                if types_alone:
                    memory.add_types(tagged.types, name)
                else:
                    memory.add(tagged.root, tagged.types, name)
                continue
            raise BadSchema(f"{name}, whose tags still hold: {reason}")
        return memory


def facts_of(registry: Versions, schema: RegisteredSchema, subject: str | None, asking: Asking | None = None) -> Facts:
    """What the registry knows of the schema's tags.

    `subject` is where the schema is likely to be, should the registry not say. Without `asking` it takes what time it
    needs. Blocks as `registry.history.past_of` does, and raises the errors of `registry.errors`, or `BadSchema` for too
    many versions.
    """
    asking = asking or Asking(EVER, time.monotonic(), math.inf)
    try:
        past = past_of(registry, schema, subject, asking)
    except TooManyVersions as problem:
        raise BadSchema(str(problem)) from None
    return Facts(schema, past.own, subject, past.referenced)


def _said(schema: RegisteredSchema, past: Sequence[Past]) -> list[Said]:
    """Each metadata that the registry shows for the schema, once."""
    said: list[Said] = []
    for version in (version for each in past for version in each.own):
        if version.metadata is not None and all(known.metadata != version.metadata for known in said):
            said.append(Said(version.metadata, f"{version.subject} version {version.number}"))
    if schema.metadata is not None and all(known.metadata != schema.metadata for known in said):
        said.append(Said(schema.metadata, f"schema id {schema.id}"))
    return said


def _references(references: Sequence[ReferencedSchema], pasts: Sequence[Past] = ()) -> list[Referenced]:
    return [_referenced(each, pasts) for each in references]


def _referenced(schema: ReferencedSchema, pasts: Sequence[Past]) -> Referenced:
    subject, version = schema.reference.subject, schema.reference.version
    edits = [
        Said(own.metadata, f"{subject} version {own.number}")
        for past in pasts
        if past.subject == subject
        for own in past.own
        if own.text == schema.text and own.number != version and own.metadata is not None
    ]
    return Referenced(schema.text, f"{subject} version {version}", schema.metadata, edits)
