"""The development registry's state in a file: JSON, with each version as the API shows it.

The file is replaced as a whole, so that whatever happens to the process it holds a state that once was. It belongs to
one registry at a time. What it holds may be sensitive (a schema's defaults are), so that only its owner may read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from registry.devmodel import ApiError, Schema, Version
from registry.devscope import Scope
from registry.devstore import DevStore

FORMAT: Final = 1
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class RegistryFileError(Exception):
    """The file cannot be used, or is not one of the development registry. Names the file, nothing of its content."""


class StateFile:
    """Where a store is kept. Not for use by two threads at once, nor by two registries."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""

    def load(self) -> DevStore:
        """The store as it was kept last; an empty one, and the file, where there is none yet.

        Raises `RegistryFileError` where the file cannot be read or written.
        """
        text = _read(self._path)
        store = DevStore() if text is None else _parsed(text)
        if store is None:
            raise RegistryFileError(f"{self._path} is not a file of the development registry")
        try:
            self.keep(store)
        except OSError as failure:
            reason = type(failure).__name__
        else:
            return store
        raise RegistryFileError(f"{self._path} cannot be written ({reason})")

    def last(self) -> DevStore:
        """The store as it was kept last, without looking at the file."""
        return _restored(json.loads(self._text))

    def keep(self, store: DevStore) -> None:
        """Has the store in the file when it returns, through a crash of the machine. Raises `OSError`."""
        text = json.dumps(_as_json(store), ensure_ascii=False, indent=1)
        if text != self._text:
            _replace(self._path.resolve(), text)  # what a link points to, not the link
            self._text = text


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as failure:
        reason = type(failure).__name__
    raise RegistryFileError(f"{path} cannot be read ({reason})")


def _replace(path: Path, text: str) -> None:
    written = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(written, _NEW, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except OSError:
        written.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name as well
    finally:
        os.close(folder)


def _as_json(store: DevStore) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "lastId": store.last_id,
        "levels": _scope_as_json(store.levels),
        "modes": _scope_as_json(store.modes),
        "versions": [{**each.as_json(), "deleted": each.deleted} for each in store.all_versions(deleted=True)],
    }


def _scope_as_json(scope: Scope) -> dict[str, Any]:
    values = dict(scope.values())
    return {"global": values.pop(None, None), "subjects": values}


def _parsed(text: str) -> DevStore | None:
    """The store, None where the text is something else. (A parser's exception would hold the text.)"""
    try:
        content = json.loads(text)
        return _restored(content) if content["format"] == FORMAT else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ApiError):
        return None


def _restored(content: Mapping[str, Any]) -> DevStore:
    store = DevStore()
    store.restore(content["lastId"], [_version(each) for each in content["versions"]])
    _set_scope(store.levels, content["levels"])
    _set_scope(store.modes, content["modes"])
    return store


def _version(content: Mapping[str, Any]) -> Version:
    subject, number, schema_id, deleted = (content[name] for name in ("subject", "version", "id", "deleted"))
    if not isinstance(subject, str) or type(number) is not int or type(schema_id) is not int:
        raise TypeError
    return Version(subject, number, schema_id, Schema.from_request(content), deleted is True)


def _set_scope(scope: Scope, content: Mapping[str, Any]) -> None:
    if content["global"] is not None:
        scope.set(None, str(content["global"]))
    for subject, value in content["subjects"].items():
        scope.set(subject, str(value))
