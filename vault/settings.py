"""How to reach Vault, and how to log in: the ``vault.*`` keys of a connector's configuration."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, field_validator, model_validator

PREFIX: Final = "vault."

SERVICE_ACCOUNT_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts a pod's own token."""

_METHODS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "token": ("token",),
        "approle": ("approle_role_id", "approle_secret_id"),
        "kubernetes": ("kubernetes_role",),
        "agent": ("agent_token_path",),
    }
)
"""Every value of ``auth``, with the options that it cannot do without."""

_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "url": "VAULT_ADDR",
        "namespace": "VAULT_NAMESPACE",
        "ssl_ca_location": "VAULT_CACERT",
        "ssl_certificate_location": "VAULT_CLIENT_CERT",
        "ssl_key_location": "VAULT_CLIENT_KEY",
    }
)
"""The variables of Vault's own tools that stand in for options."""


def is_token(text: str) -> bool:
    """Whether the text can be sent as a token: visible ASCII characters, at least one, without a line break."""
    return re.fullmatch(r"[\x21-\x7e]+", text) is not None


def is_path(text: str) -> bool:
    """Whether the text can stand in one of Vault's paths: segments between single slashes, no ``.`` or ``..``."""
    return text.isprintable() and all(segment not in ("", ".", "..") for segment in text.split("/"))


def _is_given(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isprintable() or not secret.get_secret_value():
        raise ValueError("expected a text that is not empty, of printable characters")
    return secret


def _is_mount(text: str) -> str:
    mount = text.strip("/")
    if not is_path(mount):
        raise ValueError("expected the path of a mount, such as secret or team/secret")
    return mount


_Given = Annotated[SecretStr, AfterValidator(_is_given)]
_Mount = Annotated[str, AfterValidator(_is_mount)]


class VaultSettings(BaseModel):
    """The options under ``vault.``; each is given by its dotted key, or by its field name.

    ``url``, ``namespace`` and the three files of TLS (PEM; the key without a passphrase) come from the variables of
    Vault's own tools where they are not given: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CLIENT_CERT,
    VAULT_CLIENT_KEY. Nothing else is taken from the environment, no token above all.

    Credentials in the URL are refused, and so are plain HTTP and certificates that are not verified, except on the
    loopback interface. Nothing secret shows in a ``repr``. A caller who lists pydantic's errors passes
    ``include_input=False``.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: PREFIX + name.replace("_", "."),
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    url: str
    namespace: str | None = None
    auth: Literal["token", "approle", "kubernetes", "agent"] = "token"
    token: _Given | None = None
    approle_role_id: _Given | None = None
    approle_secret_id: _Given | None = None
    approle_mount: _Mount = "approle"
    kubernetes_role: str | None = None
    kubernetes_jwt_path: Path = SERVICE_ACCOUNT_TOKEN
    kubernetes_mount: _Mount = "kubernetes"
    agent_token_path: Path | None = None
    kv_mount: _Mount = "secret"
    transit_mount: _Mount = "transit"
    ssl_ca_location: Path | None = None
    ssl_certificate_location: Path | None = None
    ssl_key_location: Path | None = None
    ssl_verify: bool = True

    @model_validator(mode="before")
    @classmethod
    def _environment_stands_in(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        found = {
            _key(option): os.environ.get(variable, "")
            for option, variable in _VARIABLES.items()
            if option not in given and _key(option) not in given
        }
        return {**given, **{key: text for key, text in found.items() if text or key == _key("url")}}

    @field_validator("url")
    @classmethod
    def _url_is_an_address(cls, url: str) -> str:
        if not url:
            raise ValueError("expected the address of Vault, here or in the environment variable VAULT_ADDR")
        return _checked_url(url)

    @field_validator("token")
    @classmethod
    def _token_fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not is_token(token.get_secret_value()):
            raise ValueError("expected a token of visible ASCII characters, without a line break at its end")
        return token

    @field_validator("namespace")
    @classmethod
    def _namespace_fits_a_header(cls, namespace: str | None) -> str | None:
        if namespace is None:
            return None
        inner = namespace.strip("/")
        if not is_path(inner) or not inner.isascii():
            raise ValueError("expected the path of a namespace, such as team or team/project")
        return inner

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> VaultSettings:
        missing = [_key(option) for option in _METHODS[self.auth] if not getattr(self, option)]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            raise ValueError(f"{' and '.join(missing)} {are} not given, and {PREFIX}auth is {self.auth}")
        for method, options in _METHODS.items():
            for option in options:
                if method != self.auth and getattr(self, option) is not None:
                    raise ValueError(f"{_key(option)} is given, but {PREFIX}auth is {self.auth}")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> VaultSettings:
        if (self.ssl_certificate_location is None) != (self.ssl_key_location is None):
            raise ValueError(f"{PREFIX}ssl.certificate.location and {PREFIX}ssl.key.location go together")
        if not self.is_loopback and self.url.startswith("http:"):
            raise ValueError(f"{PREFIX}url can only be http:// on loopback: tokens and keys would be there to read")
        if not self.is_loopback and not self.ssl_verify:
            raise ValueError(f"{PREFIX}ssl.verify can only be false on loopback")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether Vault is on this machine's loopback interface, where development servers are."""
        return _is_loopback(urlsplit(self.url).hostname or "")


def _key(option: str) -> str:
    return PREFIX + option.replace("_", ".")


def _checked_url(url: str) -> str:
    problem = "expected an http:// or https:// address without query or fragment"
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ValueError(problem) from None
    if "@" in parts.netloc:
        raise ValueError("expected an address without user name and password")
    whole = parts.scheme in ("http", "https") and usable and not any(mark in url for mark in "?#\\")
    if not whole or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise ValueError(problem)
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
