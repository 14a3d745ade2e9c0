"""What can become of a record besides passing: it is dropped on purpose, or rejected with a code.

Codes are a closed list, and they are all that is ever said of a rejected record's value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Why a record was rejected. Stable: dead letters carry these words."""

    MAGIC_BYTE = "magic-byte"
    TRUNCATED = "truncated"
    UNKNOWN_SCHEMA = "unknown-schema"
    UNREADABLE_GUID = "unreadable-guid"
    UNUSABLE_SCHEMA = "unusable-schema"
    INCOMPATIBLE_SCHEMA = "incompatible-schema"
    MALFORMED = "malformed"
    NOT_BINDABLE = "not-bindable"
    UNCOVERED = "uncovered"
    KEY_ECHO = "key-echo"
    NOT_A_CONTAINER = "not-a-container"
    NULL_VALUE = "null-value"
    MISSING_FIELD = "missing-field"
    DUPLICATE_FIELD = "duplicate-field"
    WRONG_TYPE = "wrong-type"
    OUT_OF_RANGE = "out-of-range"
    NOT_A_NUMBER = "not-a-number"
    NOT_IN_ALPHABET = "not-in-alphabet"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    CHECK_DIGIT = "check-digit"
    NOT_A_TOKEN = "not-a-token"  # noqa: S105 - no secret
    KEY_VERSION = "key-version"
    VAULT_REFUSED = "vault-refused"
    UNMATCHED_PATTERN = "unmatched-pattern"
    UNCHANGED = "unchanged"
    NO_SUBJECT = "no-subject"
    MAP_KEY_COLLISION = "map-key-collision"
    NOT_ENCODABLE = "not-encodable"
    TOO_LARGE = "too-large"
    BAD_TIMESTAMP = "bad-timestamp"
    NO_KEY = "no-key"
    SINK_REFUSED = "sink-refused"
    SINK_TOPIC = "sink-topic"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be transformed: the code, the path pattern, and the class name of the error if any.

    It stands in the place of a value in the list that a column step returns.
    """

    code: Code
    path: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record that the chain drops on purpose."""


class Unbindable(Exception):
    """A chain cannot work for a schema: its records are rejected with this code. Says paths, never values."""

    def __init__(self, reason: str, *, code: Code = Code.NOT_BINDABLE, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.path = path


class Unavailable(Exception):
    """Something outside does not answer (registry, Vault): wait and try again. Not an error of any record."""
