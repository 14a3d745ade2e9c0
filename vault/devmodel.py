"""What the parts of the development Vault hand each other: a request, its answer, the refusal in its place."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from vault.devtokens import Token

MAX_TTL_S: Final = 32 * 24 * 3600
"""Vault's own default for the longest life of a token, and for the life of one that asks for none."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Operation(StrEnum):
    """What a request does; Vault decides between create and update by asking whether the target exists."""

    READ = "read"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Form(Enum):
    """Where an answer's data stand: Vault's oldest paths have no envelope, or the data beside it once more."""

    ENVELOPE = auto()
    BARE = auto()
    BOTH = auto()


class Refusal(Exception):
    """An answer that is an error: the HTTP status and what stands in ``errors``. Holds nothing of the request."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its path split at the slashes and decoded; ``token`` is who asks, None before a login."""

    operation: Operation
    path: tuple[str, ...]
    body: Mapping[str, Any] = field(repr=False)
    token: Token | None = field(default=None, repr=False)

    def text(self, name: str, default: str = "") -> str:
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise Refusal(400, f"field {name} must be a string")
        return value

    def number(self, name: str, default: int = 0) -> int:
        value = self.body.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise Refusal(400, f"field {name} must be a number") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.body.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("1", "t", "true")

    def seconds(self, name: str) -> int:
        """A duration: seconds, or a text such as ``90``, ``15m``, ``1h30m``; 0 when it is not given."""
        return _seconds(self.body.get(name), name)

    def names(self, *names: str) -> tuple[str, ...]:
        """A list, or a text with commas; of the first of the fields that is given."""
        for name in names:
            value = self.body.get(name)
            if value is None:
                continue
            listed = value.split(",") if isinstance(value, str) else value
            if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
                raise Refusal(400, f"field {name} must be a list of strings")
            return tuple(each.strip() for each in listed if each.strip())
        return ()

    def decoded(self, name: str) -> bytes:
        """A base64 field, empty when it is not given."""
        return unbase64(self.body.get(name) or "")


@dataclass(frozen=True, slots=True)
class Answer:
    """``data`` and ``auth`` are the parts of Vault's envelope of these names; neither means 204."""

    data: Mapping[str, Any] | None = field(default=None, repr=False)
    auth: Mapping[str, Any] | None = field(default=None, repr=False)
    status: int = 200
    form: Form = Form.ENVELOPE


DONE: Final = Answer()


class Engine(Protocol):
    """What is mounted at a path: a secrets engine or a login method."""

    @property
    def type(self) -> str:
        """Vault's name for the kind of engine."""

    def exists(self, path: tuple[str, ...]) -> bool:
        """Whether a write to the path changes something that is there. Engines that do not care say yes."""

    def answer(self, request: Request) -> Answer:
        """Serves a request whose path is relative to the mount. Raises `Refusal`."""


def unbase64(text: Any) -> bytes:
    """Raises `Refusal` 400 where the text is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Refusal(400, "illegal base64 data") from None


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def no_such_path() -> Refusal:
    return Refusal(404, "no handler for route")


def nothing_there() -> Refusal:
    """What Vault says where a read finds nothing: 404 without a word."""
    return Refusal(404)


def _seconds(value: Any, name: str) -> int:
    if value in (None, ""):
        return 0
    if isinstance(value, int) or str(value).isdigit():
        return int(value)
    parts = re.findall(r"(\d+)([smhd])", str(value))
    if "".join(number + unit for number, unit in parts) != value:
        raise Refusal(400, f"field {name} must be a duration")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)
