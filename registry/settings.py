"""How to reach the schema registry: the ``schema.registry.*`` keys of a connector's configuration."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

PREFIX = "schema.registry."

_USER_INFO = f"{PREFIX}basic.auth.user.info"
_SOURCE = f"{PREFIX}basic.auth.credentials.source"
_TOKEN = f"{PREFIX}bearer.auth.token"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the registry: ``url`` has no credentials and is safe to show."""

    url: str
    user: str | None = field(default=None, repr=False)
    password: SecretStr | None = field(default=None, repr=False)


class RegistrySettings(BaseModel):
    """The options under ``schema.registry.``; each is given by its dotted key, or by its field name.

    ``url`` may list several addresses, separated by commas, that serve the same registry. Basic
    credentials come from ``basic.auth.user.info`` (``user:password``) or from the URLs themselves
    (percent-encoded); which of the two may be said with ``basic.auth.credentials.source`` and is otherwise
    seen. Certificates are PEM files. Their verification can only be switched off when every address is on
    the loopback interface.

    Nothing secret shows in a ``repr``. A caller who lists pydantic's errors passes ``include_input=False``.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: PREFIX + name.replace("_", "."),
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    url: SecretStr
    basic_auth_credentials_source: Literal["USER_INFO", "URL"] | None = None
    basic_auth_user_info: SecretStr | None = None
    bearer_auth_token: SecretStr | None = None
    ssl_ca_location: Path | None = None
    ssl_certificate_location: Path | None = None
    ssl_key_location: Path | None = None
    ssl_key_password: SecretStr | None = None
    enable_ssl_certificate_verification: bool = True

    @field_validator("url")
    @classmethod
    def _urls_are_http(cls, url: SecretStr) -> SecretStr:
        if not all(_is_base_url(address) for address in _addresses(url)):
            raise ValueError("expected http:// or https:// addresses, separated by commas, without query or fragment")
        return url

    @field_validator("basic_auth_user_info")
    @classmethod
    def _user_info_has_two_parts(cls, info: SecretStr | None) -> SecretStr | None:
        if info is not None and ":" not in info.get_secret_value():
            raise ValueError("expected user:password")
        return info

    @field_validator("bearer_auth_token")
    @classmethod
    def _token_fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(r"[\x21-\x7e]+", token.get_secret_value()):
            raise ValueError("expected a token of visible ASCII characters, without a line break at its end")
        return token

    @model_validator(mode="after")
    def _one_way_to_authenticate(self) -> RegistrySettings:
        in_url = any(address.userinfo for address in _parsed(self.url))
        info = self.basic_auth_user_info is not None
        source = self.basic_auth_credentials_source
        if in_url and info:
            raise ValueError(f"credentials are both in {PREFIX}url and in {_USER_INFO}: give one")
        if (source == "USER_INFO" and not info) or (source == "URL" and not in_url):
            raise ValueError(f"{_SOURCE} is {source}, but no credentials are given there")
        if self.bearer_auth_token is not None and (in_url or info):
            raise ValueError(f"basic credentials and {_TOKEN} exclude each other")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> RegistrySettings:
        if self.ssl_certificate_location is None and (self.ssl_key_location or self.ssl_key_password):
            raise ValueError(f"{PREFIX}ssl.key.* needs {PREFIX}ssl.certificate.location")
        if not self.enable_ssl_certificate_verification and not all(
            _is_loopback(address.host) for address in _parsed(self.url)
        ):
            raise ValueError(f"{PREFIX}enable.ssl.certificate.verification can only be false for addresses on loopback")
        return self

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The addresses in the order given, each with the basic credentials that it is called with."""
        return tuple(self._endpoint(address) for address in _parsed(self.url))

    def _endpoint(self, address: httpx.URL) -> Endpoint:
        url = str(address.copy_with(userinfo=b"")).rstrip("/")
        if self.basic_auth_user_info is not None:
            user, _, password = self.basic_auth_user_info.get_secret_value().partition(":")
            return Endpoint(url, user, SecretStr(password))
        if address.userinfo:
            return Endpoint(url, address.username, SecretStr(address.password))
        return Endpoint(url)


def _addresses(url: SecretStr) -> list[str]:
    return [text.strip() for text in url.get_secret_value().split(",")]


def _parsed(url: SecretStr) -> list[httpx.URL]:
    return [httpx.URL(text) for text in _addresses(url)]


def _is_base_url(text: str) -> bool:
    try:
        address = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    bare = not address.query and not address.fragment
    return address.scheme in ("http", "https") and bool(address.host) and bare


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
