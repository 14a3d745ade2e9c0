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
    └── RegistryProtocolError     an answer that no registry gives: a wrong URL, a redirect, a login page
"""

from __future__ import annotations

from enum import StrEnum

_MESSAGE_LIMIT = 4096


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
    """The registry will not take this schema. ``error_code`` and ``message`` are its own."""

    def __init__(self, error_code: int, message: str) -> None:
        self.error_code = error_code
        self.message = _printable(message)
        super().__init__(f"the registry rejected the schema: {self.message} (error code {error_code})")


class SchemaNotFound(RegistryError):
    """The registry has no such schema; ``what`` is the schema id, or the subject, that was asked for."""

    def __init__(self, what: int | str, error_code: int | None = None) -> None:
        kind = "schema id" if isinstance(what, int) else "subject"
        super().__init__(f"{kind} {what}: the registry has no such schema")
        self.what = what
        self.error_code = error_code


class RegistryProtocolError(RegistryError):
    """The other side does not answer as a schema registry does. Waiting does not help."""


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:_MESSAGE_LIMIT])
