"""What the development registry thinks of a schema: valid or not, compatible with earlier ones or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from registry.avsc import AvroType, InvalidAvro, parse
from registry.compatibility import Level, violations
from registry.devmodel import ApiError, Schema, Version
from registry.registered import AVRO, Reference


class Schemas:
    """Judges schemas, whose references it finds with ``find(subject, version number)``."""

    def __init__(self, find: Callable[[str, int], Version | None]) -> None:
        self._find = find

    def valid(self, schema: Schema, *, normalize: bool) -> Schema:
        """The schema in its canonical (or normalized) spelling. 42201 when it is invalid.

        JSON Schema and Protobuf are not looked into, but for their references.
        """
        if not schema.text.strip():
            raise ApiError(42201, "Empty schema")
        if schema.schema_type == AVRO:
            self._parsed(schema)
        else:
            self._names(schema.references)
        return schema.spelled(normalize=normalize)

    def incompatibilities(self, level: Level, schema: Schema, earlier: Sequence[Version]) -> list[str]:
        """Why the level forbids this schema after the earlier versions, oldest first; empty when it does not."""
        if level is Level.NONE or not earlier:
            return []
        if any(each.schema.schema_type != schema.schema_type for each in earlier):
            return [f"Incompatible because of different schema type, {{compatibility: '{level}'}}"]
        if schema.schema_type != AVRO:
            return []
        messages = []
        for index, each in violations(level, self._parsed(schema), [self._parsed(one.schema) for one in earlier]):
            against = earlier[index]
            messages += [
                f"{{errorType:'{each.kind}', description:'at path {each.path}', additionalInfo:'{each.detail}'}}",
                f"{{oldSchemaVersion: {against.number}}}",
                f"{{oldSchema: '{against.schema.text}'}}",
            ]
        return [*messages, f"{{compatibility: '{level}'}}"] if messages else []

    def _parsed(self, schema: Schema) -> AvroType:
        try:
            return parse(schema.text, self._names(schema.references))[0]
        except InvalidAvro as failure:
            raise ApiError(42201, f"Invalid schema of type AVRO, details: {failure}") from None

    def _names(self, references: Iterable[Reference]) -> dict[str, AvroType]:
        names: dict[str, AvroType] = {}
        self._add_names(references, names, set())
        return names

    def _add_names(
        self, references: Iterable[Reference], names: dict[str, AvroType], seen: set[tuple[str, int]]
    ) -> None:
        """Parses what is referred to, each version once even when several schemas refer to it."""
        for _, subject, number in references:
            if (subject, number) in seen:
                continue
            seen.add((subject, number))
            target = self._find(subject, number)
            if target is None:
                raise ApiError(42201, f'No schema reference found for subject "{subject}" and version {number}')
            self._add_names(target.schema.references, names, seen)
            if target.schema.schema_type == AVRO:
                names.update(parse(target.schema.text, names)[1])
