"""The schema registry as a stream processor needs it: read by id, written by subject.

Speaks Confluent's REST API. Every method blocks for the client's deadline (5 s) at most, and raises the errors of
`registry.errors`. A client may be shared between threads; two that ask for the same new id at once both fetch it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from registry import answers
from registry.answers import ReferenceAnswer, SchemaAnswer, VersionAnswer, checked
from registry.errors import SchemaNotFound
from registry.registered import (
    AVRO,
    Reference,
    ReferencedSchema,
    RegisteredSchema,
    Registration,
    SubjectVersion,
)
from registry.settings import RegistrySettings
from registry.transport import Deadline, Request, Transport

_LARGEST_ID: Final = 2**31 - 1
"""The registry's ids are Java ints: a larger one in a record cannot exist, and is not asked for."""


class RegistryClient:
    """A client with kept-alive connections and a cache of the ``cache_size`` schemas used last.

    What an id stands for never changes, so that a cached schema survives an outage. ``deadline`` is in seconds
    and counts for a whole call, references and retries included.
    """

    def __init__(self, settings: RegistrySettings, *, deadline: float = 5.0, cache_size: int = 1000) -> None:
        self._transport = Transport(settings)
        self._seconds = deadline
        self._cache = _Cache(cache_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; the client cannot be used afterwards."""
        self._transport.close()

    def schema(self, schema_id: int) -> RegisteredSchema:
        """The schema with this id, from the cache or the registry.

        Raises `SchemaNotFound` when the registry says that it has none, or lacks one that it refers to. That
        is not remembered: the id may be registered later.
        """
        cached = self._cache.get(schema_id)
        if cached is not None:
            return cached
        if not 0 <= schema_id <= _LARGEST_ID:
            raise SchemaNotFound(schema_id)
        deadline = Deadline(self._seconds)
        request = Request("GET", f"/schemas/ids/{schema_id}", schema_id)
        stored = checked(answers.SCHEMA, self._transport.call(request, deadline))
        schema = self._resolved(schema_id, stored, deadline)
        self._cache.put(schema)
        return schema

    def latest(self, subject: str) -> tuple[int, RegisteredSchema]:
        """The number of the subject's latest version, and its schema. Never from the cache."""
        deadline = Deadline(self._seconds)
        stored = self._stored(subject, "latest", deadline)
        return stored.version, self._resolved(stored.id, stored, deadline)

    def version(self, subject: str, version: int) -> RegisteredSchema:
        """The schema of one version of the subject, even a soft-deleted one. Never from the cache."""
        deadline = Deadline(self._seconds)
        stored = self._stored(subject, str(version), deadline)
        return self._resolved(stored.id, stored, deadline)

    def versions(self, subject: str) -> list[int]:
        """The numbers of the subject's live versions, ascending."""
        request = Request("GET", f"/subjects/{_quoted(subject)}/versions", subject)
        answer = self._transport.call(request, Deadline(self._seconds))
        numbers: list[int] = checked(answers.VERSION_NUMBERS, answer)
        return sorted(numbers)

    def subjects(self) -> list[str]:
        """The names of the live subjects, sorted."""
        answer = self._transport.call(Request("GET", "/subjects", "all subjects"), Deadline(self._seconds))
        names: list[str] = checked(answers.SUBJECT_NAMES, answer)
        return sorted(names)

    def register(
        self,
        subject: str,
        text: str,
        references: Sequence[Reference] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """Registers an Avro schema under the subject and gives its id; the same again gives the same id.

        Raises `RegistryRejected` when it is invalid, or incompatible with the subject's earlier versions.
        """
        body = _body(text, references, metadata)
        request = Request("POST", f"/subjects/{_quoted(subject)}/versions", subject, body=body)
        return checked(answers.REGISTERED, self._transport.call(request, Deadline(self._seconds))).id

    def lookup(
        self,
        subject: str,
        text: str,
        references: Sequence[Reference] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Registration:
        """Where this Avro schema is registered under the subject. Raises `SchemaNotFound` when it is not."""
        body = _body(text, references, metadata)
        request = Request("POST", f"/subjects/{_quoted(subject)}", subject, body=body)
        found = checked(answers.VERSION, self._transport.call(request, Deadline(self._seconds)))
        return Registration(found.id, found.version)

    def _stored(self, subject: str, version: str, deadline: Deadline) -> VersionAnswer:
        path = f"/subjects/{_quoted(subject)}/versions/{version}"
        query = {} if version == "latest" else {"deleted": "true"}
        return checked(answers.VERSION, self._transport.call(Request("GET", path, subject, query), deadline))

    def _resolved(self, schema_id: int, stored: SchemaAnswer, deadline: Deadline) -> RegisteredSchema:
        found: dict[Reference, ReferencedSchema] = {}
        self._collect(stored.references, found, set(), deadline)
        return RegisteredSchema(
            id=schema_id,
            schema_type=stored.schema_type,
            text=stored.text,
            references=tuple(found.values()),
            metadata=stored.metadata,
            rule_set=stored.rule_set,
            subjects=self._subjects(schema_id, deadline),
        )

    def _collect(
        self,
        references: Iterable[ReferenceAnswer],
        found: dict[Reference, ReferencedSchema],
        entered: set[Reference],
        deadline: Deadline,
    ) -> None:
        """Adds to ``found`` what is referred to, depth first; ``entered`` ends a cycle, which no registry has."""
        for each in references:
            reference = Reference(each.name, each.subject, each.version)
            if reference in entered:
                continue
            entered.add(reference)
            stored = self._stored(reference.subject, str(reference.version), deadline)
            self._collect(stored.references, found, entered, deadline)
            found[reference] = ReferencedSchema(reference, stored.id, stored.schema_type, stored.text, stored.metadata)

    def _subjects(self, schema_id: int, deadline: Deadline) -> tuple[SubjectVersion, ...]:
        request = Request("GET", f"/schemas/ids/{schema_id}/versions", schema_id)
        try:
            answer = self._transport.call(request, deadline)
        except SchemaNotFound:  # the schema is there: some registries say so when all its versions are deleted
            return ()
        found = checked(answers.SUBJECT_VERSIONS, answer)
        return tuple(SubjectVersion(each.subject, each.version) for each in found)


class _Cache:
    """The schemas used last, by id."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._schemas: OrderedDict[int, RegisteredSchema] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, schema_id: int) -> RegisteredSchema | None:
        with self._lock:
            schema = self._schemas.get(schema_id)
            if schema is not None:
                self._schemas.move_to_end(schema_id)
            return schema

    def put(self, schema: RegisteredSchema) -> None:
        with self._lock:
            self._schemas[schema.id] = schema
            if len(self._schemas) > self._size:
                self._schemas.popitem(last=False)


def _body(text: str, references: Sequence[Reference], metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"schemaType": AVRO, "schema": text}
    if references:
        body["references"] = [reference._asdict() for reference in references]
    if metadata is not None:
        body["metadata"] = dict(metadata)
    return body


def _quoted(subject: str) -> str:
    return quote(subject, safe="")
