"""What the development registry stores, and the errors that it answers with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import NAMESPACE_OID, uuid5

from registry.avsc import canonical
from registry.registered import AVRO, Reference


class ApiError(Exception):
    """An answer of Confluent's API that is an error: the HTTP status, its error code and its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = code if code < 1000 else code // 100
        self.message = message


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as registered. Two of them are the same, and share an id, when their identities are equal."""

    schema_type: str
    text: str
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        """From the body of a registration, look-up or compatibility request. Raises `ApiError` 422."""
        text = request.get("schema") or ""
        references = request.get("references") or []
        schema_type = request.get("schemaType") or AVRO
        if not isinstance(text, str) or not isinstance(references, list):
            raise ApiError(42201, "Invalid schema: schema must be a string, references a list")
        if schema_type not in ("AVRO", "JSON", "PROTOBUF"):
            raise ApiError(42201, f"Invalid schema type {schema_type}")
        try:
            refers = tuple(Reference(each["name"], each["subject"], int(each["version"])) for each in references)
        except (KeyError, TypeError, ValueError):
            raise ApiError(42201, "Invalid schema: a reference has a name, a subject and a version") from None
        return cls(schema_type, text, refers, request.get("metadata"), request.get("ruleSet"))

    def spelled(self, *, normalize: bool) -> Schema:
        """The same schema with its text, if it is Avro, in the one canonical (or normalized) spelling."""
        if self.schema_type != AVRO:
            return self
        references = tuple(sorted(self.references)) if normalize else self.references
        return replace(self, text=canonical(self.text, normalize=normalize), references=references)

    def identity(self) -> str:
        """Equal for equal schemas. Metadata and rules count: other tags make another schema."""
        return json.dumps([self.schema_type, self.text, self.references, self.metadata, self.rule_set], sort_keys=True)

    def guid(self) -> str:
        """A name that follows from the identity alone, and so is the same in every registry of this kind."""
        return str(uuid5(NAMESPACE_OID, self.identity()))

    def as_json(self) -> dict[str, Any]:
        """As the API shows it: what is the default or missing is left out."""
        shown: dict[str, Any] = {"schema": self.text, "guid": self.guid()}
        if self.schema_type != AVRO:
            shown["schemaType"] = self.schema_type
        if self.references:
            shown["references"] = [reference._asdict() for reference in self.references]
        if self.metadata is not None:
            shown["metadata"] = self.metadata
        if self.rule_set is not None:
            shown["ruleSet"] = self.rule_set
        return shown


@dataclass(slots=True)
class Version:
    """A schema under a subject; ``deleted`` means soft-deleted."""

    subject: str
    number: int
    id: int
    schema: Schema
    deleted: bool = False

    def as_json(self) -> dict[str, Any]:
        """As the API shows a version."""
        return {"subject": self.subject, "version": self.number, "id": self.id, **self.schema.as_json()}
