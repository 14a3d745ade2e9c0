"""Everything that the registry package raises.

None of these holds a payload, a header, a credential or a response body. What a text may name: a schema id,
a subject, a version, a status, the registry's address without its credentials, and the registry's own error
code and message, which are about schemas.

    PoisonRecord                  the record's bytes are not framed as the wire format asks
    RegistryError
    ├── RegistrySettingsError     a certificate or key file cannot be loaded
    ├── RegistryUnavailable       no answer within the deadline: wait, and call again
    ├── RegistryRefused           401, 403, or the two sides do not trust each other's certificates
    ├── RegistryRejected          409, 422: the schema is invalid, or incompatible with an earlier one
    ├── SchemaNotFound            the registry says that it has no such id, subject, version or schema
    ├── GuidsNotServed            the registry does not tell schemas by their GUID
    └── RegistryProtocolError     an answer that no registry gives: a wrong URL, a redirect, a login page
"""

from __future__ import annotations

import re
from enum import StrEnum
from uuid import UUID

_MESSAGE_LIMIT = 4096
# To the last place that could be its end: a doc of the schema may look like one.
_OLD_SCHEMA = re.compile(r"\{oldSchema: '(?:.*'\}|.*)", re.DOTALL)


class PoisonReason(StrEnum):
    """Why a payload cannot be read as a framed record: a closed list, safe to show."""

    MAGIC_BYTE = "magic-byte"
    TRUNCATED = "truncated"


class PoisonRecord(Exception):
    """A payload that is not in the wire format. It knows the reason, and none of the bytes."""

    def __init__(self, reason: PoisonReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class RegistryError(Exception):
    """Anything that went wrong between us and the schema registry."""


class RegistrySettingsError(RegistryError):
    """A file that the settings name cannot be used; the text names the setting."""


class RegistryUnavailable(RegistryError):
    """No usable answer within the deadline: timeouts, resets, 408, 429 or 5xx from every address."""


class RegistryRefused(RegistryError):
    """The registry does not let us in. Waiting does not help; an operator has to act."""


class RegistryRejected(RegistryError):
    """The registry will not take this schema. ``error_code`` and ``message`` are its own.

    An earlier schema that the message quotes is left out: its defaults and docs may show what its records hold.
    """

    def __init__(self, error_code: int, message: str) -> None:
        self.error_code = error_code
        self.message = _printable(_OLD_SCHEMA.sub("{oldSchema: left out}", message))
        super().__init__(f"the registry rejected the schema: {self.message} (error code {error_code})")


class SchemaNotFound(RegistryError):
    """The registry has no such schema; ``what`` is the schema id or the subject that was asked for, None for a GUID."""

    def __init__(self, what: int | str | UUID, error_code: int | None = None) -> None:
        super().__init__(f"{_named(what)}: the registry has no such schema")
        self.what = None if isinstance(what, UUID) else what
        self.error_code = error_code


class GuidsNotServed(RegistryError):
    """The registry knows nothing of GUIDs, or not which schema id one stands for."""


class RegistryProtocolError(RegistryError):
    """The other side does not answer as a schema registry does. Waiting does not help."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def _named(what: int | str | UUID) -> str:
    """What was asked for. A GUID is not shown: of a poison record it is sixteen bytes of content."""
    match what:
        case int():
            return f"schema id {what}"
        case str():
            return f"subject {what}"
        case _:
            return "a GUID"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:_MESSAGE_LIMIT])
