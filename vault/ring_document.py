"""The document that keeps a key ring in Vault: one secret of KV version 2, with every version of the ring.

    {"ring": "customers", "versions": {
        "1": {"state": "retired", "created": "2026-01-31T09:00:00Z", "retired": "2026-11-26T09:00:00Z",
              "fingerprint": "0123456789abcdef"},
        "2": {"state": "active", "created": "2026-06-30T09:00:00Z", "fingerprint": "fedcba9876543210",
              "key": "vault:v3:..."}}}

`key` is the version's key of 32 bytes as Transit has wrapped it, under a context that is made of the ring's name and
the version: what was wrapped for another place cannot be unwrapped here. A version that is retired has lost its key;
its number stays, so that it is never given twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer, model_validator
from pydantic_core import ErrorDetails

from vault.client import Secret
from vault.errors import VaultError

FOLDER: Final = "streamveil/rings"
"""Where rings are kept below the mount of KV, unless a configuration says otherwise."""
WRAPPING_KEY: Final = "streamveil-rings"
"""The Transit key that wraps ring keys, unless a configuration says otherwise."""
LAST_VERSION: Final = 65_535
"""Tokens write the version as two bytes."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_INSTANT: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_WRAPPED: Final = re.compile(r"vault:v([1-9][0-9]{0,8}):[A-Za-z0-9+/]{40,400}={0,2}")
_MEMBERS: Final = frozenset({"ring", "versions", "state", "created", "retired", "fingerprint", "key"})


class UnusableRing(VaultError):
    """A ring is not what it should be, or not as it was. The text names the ring, the path, a version; no key."""


def is_ring_name(text: str) -> bool:
    """Whether a ring can be called so: letters, digits, dots, dashes and underscores, at most 100, no mark first."""
    return re.fullmatch(_NAME, text) is not None


@dataclass(frozen=True, slots=True)
class RingPlace:
    """Where a ring is kept: its name, the path of its document below the mount of KV, the Transit key that wraps it."""

    name: str
    path: str
    wrapping_key: str = WRAPPING_KEY

    @classmethod
    def of(cls, name: str, *, path: str | None = None, wrapping_key: str | None = None) -> Self:
        """The place of a ring, as it is by default where something is not said."""
        return cls(name, path or f"{FOLDER}/{name}", wrapping_key or WRAPPING_KEY)

    def __str__(self) -> str:
        return f"key ring {self.name} at {self.path}"

    def context(self, version: int) -> bytes:
        """What a version's key is wrapped under. Names have no slash, so no two places share a context."""
        return f"streamveil/v1/ring/{self.name}/{version}".encode()


class RingVersion(BaseModel):
    """One version. Prints without its key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    state: Literal["active", "retired"]
    created: Annotated[str, Field(pattern=_INSTANT)]
    retired: Annotated[str, Field(pattern=_INSTANT)] | None = None
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    key: Annotated[SecretStr, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _has_a_key_as_long_as_it_is_active(self) -> Self:
        if (self.key is not None) != (self.state == "active") or (self.retired is not None) != (
            self.state == "retired"
        ):
            raise ValueError("an active version has a key, a retired one the date of its end")
        if self.key is not None and _WRAPPED.fullmatch(self.key.get_secret_value()) is None:
            raise ValueError("the key is not wrapped by Transit")
        return self

    @field_serializer("key")
    def _reveal(self, key: SecretStr | None) -> str | None:
        return None if key is None else key.get_secret_value()

    @classmethod
    def new(cls, wrapped: str, fingerprint: str) -> Self:
        """A version that begins now."""
        return cls(state="active", created=_now(), fingerprint=fingerprint, key=SecretStr(wrapped))

    @property
    def wrapped(self) -> str:
        """The wrapped key of an active version."""
        assert self.key is not None  # noqa: S101 - the validator looked
        return self.key.get_secret_value()

    @property
    def wrapped_with(self) -> int | None:
        """The version of the wrapping key that the key is wrapped with; None where there is no key any more."""
        found = _WRAPPED.fullmatch(self.wrapped) if self.key is not None else None
        return int(found[1]) if found else None

    def rewrapped(self, wrapped: str) -> Self:
        """The same version, wrapped anew."""
        return self.model_copy(update={"key": SecretStr(wrapped)})

    def ended(self) -> Self:
        """The version without its key, retired now."""
        return self.model_copy(update={"state": "retired", "retired": _now(), "key": None})


class RingDocument(BaseModel):
    """All versions of a ring, by number. Prints without keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    ring: Annotated[str, Field(pattern=rf"^{_NAME}$")]
    versions: Annotated[dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")], RingVersion], Field(min_length=1)]

    @model_validator(mode="after")
    def _versions_fit_a_token(self) -> Self:
        if self.last > LAST_VERSION:
            raise ValueError("a version is too large")
        return self

    @property
    def last(self) -> int:
        """The highest number that was ever given."""
        return max(map(int, self.versions))

    def numbered(self) -> list[tuple[int, RingVersion]]:
        """All versions, ascending."""
        return sorted((int(number), version) for number, version in self.versions.items())

    def active(self) -> dict[int, RingVersion]:
        """The versions that are not retired, ascending."""
        return {number: version for number, version in self.numbered() if version.state == "active"}

    def having(self, changed: Mapping[int, RingVersion]) -> Self:
        """The document with these versions in the place of those with the same numbers, or added."""
        return self.model_copy(update={"versions": self.versions | {str(n): v for n, v in changed.items()}})

    def data(self) -> dict[str, Any]:
        """What KV keeps. Holds wrapped keys: not to be shown."""
        return self.model_dump(exclude_none=True)


def read_document(place: RingPlace, secret: Secret) -> RingDocument:
    """The document that was found at a place. Raises `UnusableRing`, which shows nothing of what was found."""
    found = _parsed(secret.data)
    if isinstance(found, str):
        raise UnusableRing(f"{place}: this is no document of a key ring: {found}")
    if found.ring != place.name:
        raise UnusableRing(f"{place}: the document there is of another key ring")
    return found


def _parsed(data: Mapping[str, Any]) -> RingDocument | str:
    """Raises nothing: a frame of pydantic's exception would hold the document."""
    try:
        return RingDocument.model_validate(dict(data))
    except ValidationError as failure:
        return _wrong(failure.errors(include_url=False, include_input=False, include_context=False)[0])


def _wrong(detail: ErrorDetails) -> str:
    """The place of an error, as far as it is made of names that a document may have."""
    names = [str(name) for name in detail["loc"]]
    known = [name for name in names if name in _MEMBERS or re.fullmatch(r"[1-9][0-9]{0,4}", name)]
    return (
        f"{'.'.join(known)} is not as it must be" if known == names and known else "its members are not as they must be"
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
