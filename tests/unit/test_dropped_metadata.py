"""A registry that accepts metadata with 200 and drops it is noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.registry_outage import Outage
from connector.subject_rules import SubjectRules
from connector.subjects import SinkSchema, Subjects
from registry.errors import RegistryUnavailable
from registry.registered import Reference, RegisteredSchema, Registration
from tests.unit.test_pipeline import Log

TAGS = {"tags": {"demo.C.mail": ["PII"]}}


class Registry:
    """One that keeps the metadata of its latest schema, or drops it."""

    def __init__(self, *, keeps: bool) -> None:
        self.keeps = keeps
        self.down = False
        self.asked = 0
        self.metadata: Mapping[str, Any] | None = None

    def register(
        self,
        subject: str,
        text: str,
        references: Sequence[Reference] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        del subject, text, references
        self.metadata = metadata if self.keeps else None
        return 1

    def latest(self, subject: str) -> tuple[int, RegisteredSchema]:
        del subject
        self.asked += 1
        if self.down:
            raise RegistryUnavailable
        return 1, RegisteredSchema(1, "AVRO", '"string"', (), self.metadata, None, ())

    def lookup(self, subject: str, text: str, references: Sequence[Reference] = ()) -> Registration:
        del subject, text, references
        return Registration(1, 1)


def warned(registry: Registry, *schemas: SinkSchema) -> list[str]:
    log = Log()
    subjects = Subjects(registry, SubjectRules(), log, lambda: 0.0, Outage(lambda: 0.0))
    for schema in schemas:
        subjects.prefix("sink", "value", schema)
    return [line for line in log.lines if "metadata dropped" in line]


def test_it_is_warned_of_once_and_told_what_to_do() -> None:
    registry = Registry(keeps=False)
    (warning,) = warned(registry, SinkSchema('"string"', metadata=TAGS), SinkSchema('"bytes"', metadata=TAGS))
    assert "tags.file" in warning
    assert registry.asked == 1


def test_a_registry_that_keeps_metadata_is_not_warned_of() -> None:
    assert warned(Registry(keeps=True), SinkSchema('"string"', metadata=TAGS)) == []


def test_where_there_is_no_metadata_nothing_is_asked() -> None:
    registry = Registry(keeps=False)
    assert warned(registry, SinkSchema('"string"'), SinkSchema('"bytes"', metadata={})) == []
    assert registry.asked == 0


def test_an_outage_right_after_the_registration_harms_nothing() -> None:
    registry = Registry(keeps=False)
    registry.down = True
    assert warned(registry, SinkSchema('"string"', metadata=TAGS)) == []
