"""Confluent's REST API over the development registry's store: a request in, JSON out, `ApiError` for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from registry.compatibility import Level
from registry.devmodel import ApiError, Schema, Version
from registry.devscope import Mode
from registry.devstore import LATEST, DevStore

_LARGEST: Final = 2**31 - 1
_ALL_CONTEXTS: Final = ":*:"

Query = Mapping[str, Sequence[str]]


def answer(store: DevStore, method: str, path: Sequence[str], query: Query, body: Mapping[str, Any]) -> Any:
    """The answer to one request; ``path`` is split at its slashes and then decoded. Raises `ApiError`."""
    match path:
        case []:
            return {}
        case ["contexts"] if method == "GET":
            return ["."]
        case ["schemas", *rest] if method == "GET":
            return _schemas(store, rest, query)
        case ["subjects", *rest]:
            return _subjects(store, method, rest, query, body)
        case ["compatibility", "subjects", subject, "versions", *rest] if method == "POST":
            return _compatibility(store, subject, rest, query, body)
        case ["config", *rest] if len(rest) < 2:
            return _config(store, method, rest[0] if rest else None, query, body)
        case ["mode", *rest] if len(rest) < 2:
            return _mode(store, method, rest[0] if rest else None, query, body)
    raise _no_such_path()


def _schemas(store: DevStore, path: Sequence[str], query: Query) -> Any:
    match path:
        case []:
            return _list_schemas(store, query)
        case ["types"]:
            return ["JSON", "PROTOBUF", "AVRO"]
        case ["ids", schema_id]:
            shown = store.with_id(_id(schema_id))[0].schema.as_json()
            return {**shown, "maxId": store.last_id} if _flag(query, "fetchMaxId") else shown
        case ["ids", schema_id, "schema"]:
            return Raw(store.with_id(_id(schema_id))[0].schema.text)
        case ["ids", schema_id, "versions"]:
            return [{"subject": one.subject, "version": one.number} for one in _with_id(store, schema_id, query)]
        case ["ids", schema_id, "subjects"]:
            return sorted({one.subject for one in _with_id(store, schema_id, query)})
        case ["guids", guid]:
            return store.with_guid(guid)[0].schema.as_json()
        case ["guids", guid, "ids"]:
            return [{"context": ".", "id": store.with_guid(guid)[0].id}]
    raise _no_such_path()


def _subjects(store: DevStore, method: str, path: Sequence[str], query: Query, body: Mapping[str, Any]) -> Any:
    deleted, permanent = _flag(query, "deleted"), _flag(query, "permanent")
    match method, path:
        case "GET", []:
            return _list_subjects(store, query)
        case "POST", [subject]:
            schema, normalize = Schema.from_request(body), _flag(query, "normalize")
            return store.lookup(subject, schema, normalize=normalize, deleted=deleted).as_json()
        case "DELETE", [subject]:
            return store.delete_subject(subject, permanent=permanent)
        case "GET", [subject, "metadata"]:
            return _latest_with_metadata(store, subject, query).as_json()
        case "GET", [subject, "versions"]:
            return _list_versions(store, subject, query)
        case "POST", [subject, "versions"]:
            registered = _register(store, subject, query, body)
            return {"id": registered.id, "guid": registered.schema.guid()}
        case "GET", [subject, "versions", version]:
            return store.version(subject, _number(version), deleted=deleted).as_json()
        case "DELETE", [subject, "versions", version]:
            return store.delete_version(subject, _number(version), permanent=permanent)
        case "GET", [subject, "versions", version, "schema"]:
            return Raw(store.version(subject, _number(version), deleted=deleted).schema.text)
        case "GET", [subject, "versions", version, "referencedby"]:
            return store.referenced_by(store.version(subject, _number(version), deleted=True))
    raise _no_such_path()


def _compatibility(store: DevStore, subject: str, path: Sequence[str], query: Query, body: Mapping[str, Any]) -> Any:
    match path:
        case []:
            earlier = [each for each in store.all_versions(deleted=False) if each.subject == subject]
        case ["latest"]:
            earlier = [each for each in store.all_versions(deleted=False) if each.subject == subject][-1:]
        case [version]:
            earlier = [store.version(subject, _number(version), deleted=False)]
        case _:
            raise _no_such_path()
    messages = store.incompatibilities(subject, Schema.from_request(body), earlier)
    verdict = {"is_compatible": not messages}
    return {**verdict, "messages": messages} if _flag(query, "verbose") else verdict


def _config(store: DevStore, method: str, subject: str | None, query: Query, body: Mapping[str, Any]) -> Any:
    levels = store.levels
    if method == "PUT":
        levels.set(subject, _one_of(Level, body.get("compatibility"), 42203, "Invalid compatibility level"))
        return {"compatibility": levels.of(subject)}
    level = levels.of(subject) if _flag(query, "defaultToGlobal") else levels.own(subject)
    if method == "GET":
        if level is None:
            raise ApiError(40408, f"Subject '{subject}' does not have subject-level compatibility configured")
        return {"compatibilityLevel": level}
    if method == "DELETE":
        if level is None:
            raise ApiError(40401, f"Subject '{subject}' not found.")
        levels.clear(subject)
        return {"compatibilityLevel": level}
    raise _no_such_path()


def _mode(store: DevStore, method: str, subject: str | None, query: Query, body: Mapping[str, Any]) -> Any:
    modes = store.modes
    if method == "PUT":
        mode = _one_of(Mode, body.get("mode"), 42204, "Invalid mode")
        if mode == Mode.IMPORT and not _flag(query, "force") and _has_versions(store, subject):
            raise ApiError(42205, "Cannot import since found existing subjects")
        modes.set(subject, mode)
        return {"mode": mode}
    own = modes.of(subject) if _flag(query, "defaultToGlobal") else modes.own(subject)
    if method == "GET":
        if own is None:
            raise ApiError(40409, f"Subject '{subject}' does not have subject-level mode configured")
        return {"mode": own}
    if method == "DELETE" and subject is not None:
        if own is None:
            raise ApiError(40401, f"Subject '{subject}' not found.")
        modes.clear(subject)
        return {"mode": own}
    raise _no_such_path()


class Raw(str):
    """A schema's text that is the whole answer, as it is, and not a JSON string of it."""

    __slots__ = ()


def _register(store: DevStore, subject: str, query: Query, body: Mapping[str, Any]) -> Version:
    return store.register(
        subject,
        Schema.from_request(body),
        normalize=_flag(query, "normalize"),
        schema_id=_given(body, "id", 0),
        number=_given(body, "version", 1),
    )


def _given(body: Mapping[str, Any], name: str, least: int) -> int | None:
    """A number that the request may choose; Confluent's own clients send 0 or -1 where they do not."""
    value = body.get(name)
    return value if isinstance(value, int) and value >= least else None


def _list_schemas(store: DevStore, query: Query) -> list[dict[str, Any]]:
    prefix = _prefix(query)
    found = [one for one in store.all_versions(deleted=_flag(query, "deleted")) if one.subject.startswith(prefix)]
    if _flag(query, "latestOnly"):
        found = list({one.subject: one for one in found}.values())
    return [one.as_json() for one in found]


def _list_subjects(store: DevStore, query: Query) -> list[str]:
    prefix = _prefix(query)
    live = {one.subject for one in store.all_versions(deleted=False)}
    every = {one.subject for one in store.all_versions(deleted=True)}
    chosen = every - live if _flag(query, "deletedOnly") else every if _flag(query, "deleted") else live
    return sorted(subject for subject in chosen if subject.startswith(prefix))


def _list_versions(store: DevStore, subject: str, query: Query) -> list[int]:
    only = _flag(query, "deletedOnly")
    found = store.versions(subject, deleted=only or _flag(query, "deleted"))
    return [each.number for each in found if each.deleted or not only]


def _latest_with_metadata(store: DevStore, subject: str, query: Query) -> Version:
    wanted = dict(zip(query.get("key", ()), query.get("value", ()), strict=False))
    for each in reversed(store.versions(subject, deleted=_flag(query, "deleted"))):
        properties = (each.schema.metadata or {}).get("properties") or {}
        if wanted.items() <= properties.items():
            return each
    raise ApiError(40403, "Schema not found")


def _with_id(store: DevStore, schema_id: str, query: Query) -> list[Version]:
    return [each for each in store.with_id(_id(schema_id)) if _flag(query, "deleted") or not each.deleted]


def _has_versions(store: DevStore, subject: str | None) -> bool:
    return any(subject in (None, each.subject) for each in store.all_versions(deleted=False))


def _prefix(query: Query) -> str:
    return "".join(query.get("subjectPrefix", ())).removeprefix(_ALL_CONTEXTS)


def _flag(query: Query, name: str) -> bool:
    return [value.lower() for value in query.get(name, ())] == ["true"]


def _number(version: str) -> int:
    if version in ("latest", "-1"):
        return LATEST
    if version.isascii() and version.isdigit() and 1 <= int(version) <= _LARGEST:
        return int(version)
    raise ApiError(
        42202,
        f"The specified version '{version}' is not a valid version id. "
        'Allowed values are between [1, 2^31-1] and the string "latest"',
    )


def _id(schema_id: str) -> int:
    if schema_id.isascii() and schema_id.isdigit() and int(schema_id) <= _LARGEST:
        return int(schema_id)
    raise _no_such_path()


def _one_of(values: type[Level] | type[Mode], given: Any, code: int, message: str) -> str:
    allowed = [str(value) for value in values]
    if not isinstance(given, str) or given.upper() not in allowed:
        raise ApiError(code, f"{message}. Valid values are {', '.join(allowed)}")
    return given.upper()


def _no_such_path() -> ApiError:
    return ApiError(404, "HTTP 404 Not Found")
