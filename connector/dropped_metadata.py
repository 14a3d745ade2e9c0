"""Noticing a registry that accepts a schema's metadata with 200 and drops it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from connector.record import Log
from registry.errors import RegistryError
from registry.registered import RegisteredSchema


class Latest(Protocol):
    def latest(self, subject: str) -> tuple[int, RegisteredSchema]: ...


class DroppedMetadata:
    """Looks at what comes back of the first schema that is registered with metadata, and warns once if it has none."""

    def __init__(self, registry: Latest, log: Log) -> None:
        self._registry = registry
        self._log = log
        self._looked = False

    def look(self, subject: str, metadata: Mapping[str, Any] | None) -> None:
        """After a schema was registered under the subject. Blocks for at most the client's deadline, once."""
        if self._looked or not metadata:
            return
        try:
            _, latest = self._registry.latest(subject)
        except RegistryError:  # the schema is registered, which is what counts; the next one is looked at
            return
        self._looked = True
        if latest.metadata is None:
            advice = "it drops metadata, and tags in it: declare them in tags.file or inline"
            self._log.warning("metadata dropped by the schema registry", subject=subject, advice=advice)
