"""The JSON that Vault answers, checked before it is used."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter
from pydantic import ValidationError as WrongShape

from vault.errors import VaultProtocolError
from vault.settings import is_token

_Shape = TypeVar("_Shape")


def _fits_a_header(token: SecretStr) -> SecretStr:
    if not is_token(token.get_secret_value()):
        raise ValueError("no token")
    return token


_Token = Annotated[SecretStr, AfterValidator(_fits_a_header)]
_Policies = Annotated[tuple[str, ...], BeforeValidator(lambda given: given or ())]
_Text = Annotated[str, BeforeValidator(lambda given: given or "")]


class _Lenient(BaseModel):
    """Servers of several versions and makers answer: what we do not know is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class AuthAnswer(_Lenient):
    """``auth`` in the answer to a login or a renewal."""

    client_token: _Token
    lease_duration: float = Field(ge=0)
    renewable: bool = False
    policies: _Policies = ()


class TokenFacts(_Lenient):
    """What Vault knows about the token that we are logged in with: ``auth/token/lookup-self``, without the token.

    ``ttl`` is in seconds; 0 means that it does not expire. ``path`` is where it was issued, such as
    ``auth/approle/login``.
    """

    accessor: _Text = ""
    entity_id: _Text = ""
    display_name: _Text = ""
    path: _Text = ""
    policies: _Policies = ()
    ttl: float = Field(0, ge=0)
    renewable: Annotated[bool, BeforeValidator(lambda given: given or False)] = False


class TransitKey(_Lenient):
    """A Transit key as ``transit/keys/NAME`` describes it."""

    name: str
    type: str
    derived: bool = False
    convergent: bool = Field(False, alias="convergent_encryption")
    exportable: bool = False
    deletion_allowed: bool = False
    latest_version: int
    min_decryption_version: int = 1
    min_encryption_version: int = 0


class _Metadata(_Lenient):
    version: int


class _Versioned(_Lenient):
    data: dict[str, Any]
    metadata: _Metadata


class _Listed(_Lenient):
    keys: list[str]


class _DataKey(_Lenient):
    ciphertext: str
    plaintext: str


class BatchItem(_Lenient):
    """One of ``batch_results``: a text, or an error of its own."""

    ciphertext: str | None = None
    plaintext: str | None = None
    error: str = ""


class _Batch(_Lenient):
    batch_results: list[BatchItem]


AUTH: Final = TypeAdapter(AuthAnswer)
TOKEN_FACTS: Final = TypeAdapter(TokenFacts)
TRANSIT_KEY: Final = TypeAdapter(TransitKey)
VERSIONED: Final = TypeAdapter(_Versioned)
WRITTEN: Final = TypeAdapter(_Metadata)
LISTED: Final = TypeAdapter(_Listed)
DATA_KEY: Final = TypeAdapter(_DataKey)
BATCH: Final = TypeAdapter(_Batch)


def checked(shape: TypeAdapter[_Shape], content: Any, part: str = "data") -> _Shape:
    """One part of an answer, in its shape. Raises `VaultProtocolError`, which shows nothing of the answer."""
    try:
        return shape.validate_python(content.get(part) if isinstance(content, Mapping) else None)
    except WrongShape:  # holds the answer: it must not become a context
        pass
    raise VaultProtocolError(f"an answer of an unexpected shape in its {part}: is vault.url the address of a Vault?")


def from_base64(text: str) -> bytes | None:
    """The bytes, or None where the text is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
