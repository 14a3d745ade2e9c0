"""The KV engine (version 2) of the development Vault: versioned secrets with check-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from vault.devmodel import DONE, Answer, Operation, Refusal, Request, no_such_path, nothing_there

_MAX_VERSIONS: Final = 10


@dataclass(slots=True)
class Version:
    """One version of a secret; ``data`` is None once it was destroyed."""

    data: Mapping[str, Any] | None = field(repr=False)
    created: str
    deleted: str = ""

    @property
    def readable(self) -> bool:
        return self.data is not None and not self.deleted

    def facts(self) -> dict[str, Any]:
        return {"created_time": self.created, "deletion_time": self.deleted, "destroyed": self.data is None}


@dataclass(slots=True)
class Secret:
    """The versions that are kept, by number; older ones go as new ones come."""

    created: str
    versions: dict[int, Version] = field(default_factory=dict)
    current: int = 0
    updated: str = ""

    def add(self, data: Mapping[str, Any], now: str) -> None:
        self.current += 1
        self.updated = now
        self.versions[self.current] = Version(data, now)
        self.versions.pop(self.current - _MAX_VERSIONS, None)


class Kv:
    """One mount of the engine."""

    type: Final = "kv"

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}

    def exists(self, path: tuple[str, ...]) -> bool:
        return path[:1] != ("data",) or "/".join(path[1:]) in self._secrets

    def answer(self, request: Request) -> Answer:
        kind, name = "".join(request.path[:1]), "/".join(request.path[1:])
        match request.operation, kind:
            case Operation.READ, "data":
                return self._read(name, request.number("version"))
            case Operation.CREATE | Operation.UPDATE, "data":
                return self._write(name, request)
            case Operation.DELETE, "data":
                secret = self._secrets.get(name)
                if secret is not None:
                    self._delete(name, [secret.current])
                return DONE
            case Operation.UPDATE, "delete":
                return self._delete(name, _versions(request))
            case Operation.UPDATE, "undelete":
                return self._undelete(name, _versions(request))
            case Operation.UPDATE, "destroy":
                return self._destroy(name, _versions(request))
            case Operation.LIST, "metadata":
                return self._list(name)
            case Operation.READ, "metadata":
                return self._metadata(name)
            case Operation.DELETE, "metadata":
                self._secrets.pop(name, None)
                return DONE
        raise no_such_path()

    def _read(self, name: str, number: int) -> Answer:
        secret = self._secrets.get(name)
        version = secret.versions.get(number or secret.current) if secret else None
        if secret is None or version is None:
            raise nothing_there()
        metadata = {**version.facts(), "version": number or secret.current, "custom_metadata": None}
        data = version.data if version.readable else None
        return Answer({"data": data, "metadata": metadata}, status=200 if version.readable else 404)

    def _write(self, name: str, request: Request) -> Answer:
        data, options = request.body.get("data"), request.body.get("options") or {}
        if not isinstance(data, dict) or not isinstance(options, dict):
            raise Refusal(400, "no data provided")
        now = _now()
        secret = self._secrets.get(name) or Secret(now)
        if "cas" in options and str(options["cas"]) != str(secret.current):
            raise Refusal(400, "check-and-set parameter did not match the current version")
        secret.add(data, now)
        self._secrets[name] = secret
        written = secret.versions[secret.current]
        return Answer({**written.facts(), "version": secret.current, "custom_metadata": None})

    def _delete(self, name: str, numbers: list[int]) -> Answer:
        for version in self._chosen(name, numbers):
            version.deleted = version.deleted or _now()
        return DONE

    def _undelete(self, name: str, numbers: list[int]) -> Answer:
        for version in self._chosen(name, numbers):
            version.deleted = ""
        return DONE

    def _destroy(self, name: str, numbers: list[int]) -> Answer:
        for version in self._chosen(name, numbers):
            version.data = None
        return DONE

    def _chosen(self, name: str, numbers: list[int]) -> list[Version]:
        secret = self._secrets.get(name)
        return [version for number, version in secret.versions.items() if number in numbers] if secret else []

    def _list(self, folder: str) -> Answer:
        prefix = f"{folder.rstrip('/')}/" if folder else ""
        rests = [name.removeprefix(prefix) for name in self._secrets if name.startswith(prefix)]
        if not rests:
            raise nothing_there()
        return Answer({"keys": sorted({head + slash for head, slash, _ in (rest.partition("/") for rest in rests)})})

    def _metadata(self, name: str) -> Answer:
        secret = self._secrets.get(name)
        if secret is None:
            raise nothing_there()
        return Answer(
            {
                "cas_required": False,
                "created_time": secret.created,
                "current_version": secret.current,
                "custom_metadata": None,
                "delete_version_after": "0s",
                "max_versions": 0,
                "oldest_version": min(secret.versions, default=0),
                "updated_time": secret.updated,
                "versions": {str(number): version.facts() for number, version in secret.versions.items()},
            }
        )


def _versions(request: Request) -> list[int]:
    given = request.body.get("versions")
    if not isinstance(given, list) or not given:
        raise Refusal(400, "no version number provided")
    return [int(each) for each in given]


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
