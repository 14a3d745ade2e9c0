"""Settings of the development registry that a subject has of its own, or else shares with all others."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Mode(StrEnum):
    """What may be done with a subject; IMPORT takes the ids that it is given."""

    READWRITE = "READWRITE"
    READONLY = "READONLY"
    IMPORT = "IMPORT"


class Scope:
    """A setting by subject, with a global value that counts where a subject has none (subject None: global)."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._values: dict[str | None, str] = {}

    def of(self, subject: str | None) -> str:
        """The value that counts for a subject."""
        return self._values.get(subject) or self._values.get(None) or self._default

    def own(self, subject: str | None) -> str | None:
        """The value set for just this subject; the global one is always there."""
        return self.of(None) if subject is None else self._values.get(subject)

    def set(self, subject: str | None, value: str) -> None:
        """Sets the value of a subject, or the global one."""
        self._values[subject] = value

    def values(self) -> Mapping[str | None, str]:
        """Every value that was set, by subject; the global one under None."""
        return self._values

    def clear(self, subject: str | None) -> None:
        """Takes the value away, if there is one."""
        self._values.pop(subject, None)
