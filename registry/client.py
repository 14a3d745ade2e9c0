"""The schema registry as a stream processor needs it: read by id, written by subject.

Speaks Confluent's REST API. Every method blocks for the client's deadline (5 s) at most, and raises the errors of
`registry.errors`. A client may be shared between threads; two that ask for the same new id at once both fetch it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar
from urllib.parse import quote
from uuid import UUID

from registry import answers
from registry.answers import ReferenceAnswer, SchemaAnswer, VersionAnswer, checked
from registry.errors import GuidsNotServed, RegistryProtocolError, SchemaNotFound
from registry.registered import (
    AVRO,
    Reference,
    ReferencedSchema,
    RegisteredSchema,
    Registration,
    StoredVersion,
    SubjectVersion,
)
from registry.settings import RegistrySettings
from registry.transport import Deadline, Request, Transport

EVER: Final = -math.inf
"""Any answer will do, however old."""
_Key = TypeVar("_Key")
_Kept = TypeVar("_Kept")
_LARGEST_ID: Final = 2**31 - 1
"""The registry's ids are Java ints: a larger one in a record cannot exist, and is not asked for."""
_DEFAULT: Final = "."
_NO_SUCH_PATH: Final = frozenset({404, 405})


class RegistryClient:
    """A client with kept-alive connections and a cache of the ``cache_size`` schemas used last.

    What an id stands for never changes, so that a cached schema survives an outage. Metadata and subjects may change:
    whoever wants to know asks for an answer that is no older than ``since``, a moment on the monotonic clock.
    ``deadline`` is in seconds and counts for a whole call, references and retries included.
    """

    def __init__(self, settings: RegistrySettings, *, deadline: float = 5.0, cache_size: int = 1000) -> None:
        self._transport = Transport(settings)
        self._seconds = deadline
        self._cache: _Cache[int, RegisteredSchema] = _Cache(cache_size)
        self._by_guid: _Cache[UUID, RegisteredSchema] = _Cache(cache_size)
        self._versions: _Cache[tuple[str, int], VersionAnswer] = _Cache(10 * cache_size)
        self._numbers: _Cache[tuple[str, bool], tuple[int, ...]] = _Cache(10 * cache_size)
        self._carriers: _Cache[int, tuple[SubjectVersion, ...]] = _Cache(cache_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; the client cannot be used afterwards."""
        self._transport.close()

    def schema(self, schema_id: int, *, since: float = EVER) -> RegisteredSchema:
        """The schema with this id, from the cache or the registry.

        Raises `SchemaNotFound` when the registry says that it has none, or lacks one that it refers to. That
        is not remembered: the id may be registered later.
        """
        cached = self._cache.get(schema_id, since)
        if cached is not None:
            return cached
        if not 0 <= schema_id <= _LARGEST_ID:
            raise SchemaNotFound(schema_id)
        deadline = Deadline(self._seconds)
        request = Request("GET", f"/schemas/ids/{schema_id}", schema_id)
        stored = checked(answers.SCHEMA, self._transport.call(request, deadline))
        schema = self._resolved(schema_id, stored, deadline, since)
        self._cache.put(schema_id, schema)
        return schema

    def schema_with_guid(self, guid: UUID) -> RegisteredSchema:
        """The schema with this GUID, from the cache or the registry; as `schema` otherwise.

        Raises `GuidsNotServed` when the registry has no such path, or does not say which id the GUID stands for.
        """
        cached = self._by_guid.get(guid, EVER)
        if cached is not None:
            return cached
        deadline = Deadline(self._seconds)
        stored = checked(answers.BY_GUID, self._of_guid(guid, "", deadline))
        schema_id = stored.id
        if schema_id is None:
            known = checked(answers.CONTEXT_IDS, self._of_guid(guid, "/ids", deadline))
            schema_id = next((each.id for each in sorted(known, key=lambda each: each.context != _DEFAULT)), None)
        if schema_id is None:
            raise GuidsNotServed("the registry does not say which schema id a GUID stands for")
        schema = self._resolved(schema_id, stored, deadline)
        self._by_guid.put(guid, schema)
        return schema

    def _of_guid(self, guid: UUID, more: str, deadline: Deadline) -> Any:
        request = Request("GET", f"/schemas/guids/{guid}{more}", guid)
        try:
            return self._transport.call(request, deadline)
        except RegistryProtocolError as failure:
            if failure.status not in _NO_SUCH_PATH:
                raise
        raise GuidsNotServed("the registry does not tell schemas by GUID")

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

    def stored(self, subject: str, version: int, *, since: float = EVER) -> StoredVersion:
        """One version of the subject, even a soft-deleted one, from the cache or the registry."""
        deadline = Deadline(self._seconds)
        answer = self._kept(subject, version, deadline, since)
        references = self._references(answer, deadline, since)
        return StoredVersion(subject, version, answer.id, answer.schema_type, answer.text, references, answer.metadata)

    def carriers(self, schema_id: int, *, since: float = math.inf) -> list[SubjectVersion]:
        """The subject versions that carry the id, soft-deleted ones too; none where the registry does not say.

        Only an answer from `since` on is taken from the cache.
        """
        known = self._carriers.get(schema_id, since)
        if known is None:
            known = self._subjects(schema_id, Deadline(self._seconds), deleted=True)
            self._carriers.put(schema_id, known)
        return list(known)

    def versions(self, subject: str, *, deleted: bool = False, since: float = math.inf) -> list[int]:
        """The numbers of the subject's versions, ascending; soft-deleted ones only if asked for.

        Only an answer from `since` on is taken from the cache.
        """
        known = self._numbers.get((subject, deleted), since)
        if known is None:
            query = {"deleted": "true"} if deleted else {}
            request = Request("GET", f"/subjects/{_quoted(subject)}/versions", subject, query)
            answer = self._transport.call(request, Deadline(self._seconds))
            numbers: list[int] = checked(answers.VERSION_NUMBERS, answer)
            self._numbers.put((subject, deleted), known := tuple(sorted(numbers)))
        return list(known)

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
        """Where this Avro schema is registered under the subject, however it is spelled there.

        Raises `SchemaNotFound` when it is not.
        """
        body = _body(text, references, metadata)
        request = Request("POST", f"/subjects/{_quoted(subject)}", subject, {"normalize": "true"}, body)
        found = checked(answers.VERSION, self._transport.call(request, Deadline(self._seconds)))
        return Registration(found.id, found.version)

    def _stored(self, subject: str, version: str, deadline: Deadline) -> VersionAnswer:
        path = f"/subjects/{_quoted(subject)}/versions/{version}"
        query = {} if version == "latest" else {"deleted": "true"}
        return checked(answers.VERSION, self._transport.call(Request("GET", path, subject, query), deadline))

    def _kept(self, subject: str, version: int, deadline: Deadline, since: float) -> VersionAnswer:
        known = self._versions.get((subject, version), since)
        if known is None:
            known = self._stored(subject, str(version), deadline)
            self._versions.put((subject, version), known)
        return known

    def _references(self, stored: SchemaAnswer, deadline: Deadline, since: float) -> tuple[ReferencedSchema, ...]:
        found: dict[Reference, ReferencedSchema] = {}
        self._collect(stored.references, found, set(), deadline, since)
        return tuple(found.values())

    def _resolved(
        self, schema_id: int, stored: SchemaAnswer, deadline: Deadline, since: float = math.inf
    ) -> RegisteredSchema:
        return RegisteredSchema(
            id=schema_id,
            schema_type=stored.schema_type,
            text=stored.text,
            references=self._references(stored, deadline, since),
            metadata=stored.metadata,
            rule_set=stored.rule_set,
            subjects=self._subjects(schema_id, deadline),
            direct=tuple(Reference(each.name, each.subject, each.version) for each in stored.references),
        )

    def _collect(
        self,
        references: Iterable[ReferenceAnswer],
        found: dict[Reference, ReferencedSchema],
        entered: set[Reference],
        deadline: Deadline,
        since: float,
    ) -> None:
        """Adds to ``found`` what is referred to, depth first; ``entered`` ends a cycle, which no registry has."""
        for each in references:
            reference = Reference(each.name, each.subject, each.version)
            if reference in entered:
                continue
            entered.add(reference)
            stored = self._kept(reference.subject, reference.version, deadline, since)
            self._collect(stored.references, found, entered, deadline, since)
            found[reference] = ReferencedSchema(reference, stored.id, stored.schema_type, stored.text, stored.metadata)

    def _subjects(self, schema_id: int, deadline: Deadline, *, deleted: bool = False) -> tuple[SubjectVersion, ...]:
        query = {"deleted": "true"} if deleted else {}
        request = Request("GET", f"/schemas/ids/{schema_id}/versions", schema_id, query)
        try:
            answer = self._transport.call(request, deadline)
        except SchemaNotFound:  # the schema is there: some registries say so when all its versions are deleted
            return ()
        found = checked(answers.SUBJECT_VERSIONS, answer)
        return tuple(SubjectVersion(each.subject, each.version) for each in found)


class _Cache(Generic[_Key, _Kept]):
    """What was used last, each with the moment at which the registry gave it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._all: OrderedDict[_Key, tuple[float, _Kept]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key, since: float) -> _Kept | None:
        with self._lock:
            read_at, kept = self._all.get(key, (EVER, None))
            if kept is None or read_at < since:
                return None
            self._all.move_to_end(key)
            return kept

    def put(self, key: _Key, kept: _Kept) -> None:
        with self._lock:
            self._all[key] = time.monotonic(), kept
            self._all.move_to_end(key)
            if len(self._all) > self._size:
                self._all.popitem(last=False)


def _body(text: str, references: Sequence[Reference], metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"schemaType": AVRO, "schema": text}
    if references:
        body["references"] = [reference._asdict() for reference in references]
    if metadata is not None:
        body["metadata"] = dict(metadata)
    return body


def _quoted(subject: str) -> str:
    return quote(subject, safe="")
