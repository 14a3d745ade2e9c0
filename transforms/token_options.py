"""The options that Tokenize and Detokenize share, and what must fit together among them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator
from pydantic import Field as Option

from registry.schema.tree import Field
from transforms.keyed import Keyed
from transforms.keys import Transit
from transforms.outcome import Code, Unbindable
from transforms.small_domains import refusal_of
from transforms.token_transit import Unconnected
from transforms.transform import Context

LONGEST_MAIL_DOMAIN = 128


def _is_mail_domain(text: str) -> str:
    label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if len(text) > LONGEST_MAIL_DOMAIN or not re.fullmatch(rf"{label}(\.{label})+", text):
        raise ValueError(
            f"expected a domain name in lower case of at most {LONGEST_MAIL_DOMAIN} characters, such as example.invalid"
        )
    return text


class TokenOptions(Keyed):
    """Options of tokens."""

    vault_transit_key: str | None = Option(
        default=None,
        min_length=1,
        alias="vault.transit.key",
        description="mode=transit: the key, by its name in Vault's Transit engine.",
    )
    format: Literal["token", "digits", "email"] = Option(
        default="token",
        description="`token`: `tok_` and letters, digits, `-` and `_`. `digits`: as many digits as there were. "
        "`email`: the shape of an address. The last two are for strings and for mode=local.",
    )
    mode: Literal["local", "transit", "vault"] = Option(
        default="local",
        description="`local`: the key ring is all that it takes. `transit`: Vault encrypts; its key never leaves it. "
        "`vault`: the way back is a record of its own, which can be erased.",
    )
    email_domain: Annotated[str, AfterValidator(_is_mail_domain)] = Option(
        default="example.invalid",
        alias="email.domain",
        description="format=email: the domain of the addresses. Nobody's mail arrives under the default (RFC 6761).",
    )

    @model_validator(mode="after")
    def _has_the_key_of_its_mode(self) -> Self:
        if self.mode == "transit" and (self.vault_transit_key is None or self.key is not None):
            raise ValueError("mode=transit takes vault.transit.key, and no key")
        if self.mode != "transit" and (self.key is None or self.vault_transit_key is not None):
            raise ValueError(f"mode={self.mode} takes key, and no vault.transit.key")
        return self

    @model_validator(mode="after")
    def _has_the_options_of_its_format(self) -> Self:
        if self.format != "token" and self.mode != "local":
            raise ValueError(f"format={self.format} is for mode=local")
        if self.format != "email" and "email_domain" in self.model_fields_set:
            raise ValueError("email.domain is for format=email")
        names = (self.domain or "", *self.tags, *self.fields)
        if self.format == "digits" and (refusal := refusal_of(names)) is not None:
            raise ValueError(refusal)
        return self

    @property
    def remote(self) -> bool:
        return self.mode == "transit"

    def transit_key(self) -> str | None:
        return self.vault_transit_key

    def addresses(self) -> str | None:
        """The domain of the addresses that tokens are, None where they are none."""
        return self.email_domain if self.format == "email" else None

    def transit(self, context: Context) -> Transit:
        """What mode=transit asks; where schemas alone are judged, nothing that answers."""
        return context.transit or Unconnected()

    def transit_version(self, context: Context) -> int | None:
        """The version of Vault's key to write with; None where schemas alone are judged and none is given."""
        if self.key_version is not None or context.transit is None:
            return self.key_version
        try:
            return context.transit.writing_version(self.vault_transit_key or "")
        except LookupError:
            raise Unbindable(
                f"transforms.{context.alias}.key.version: Vault's key has several versions, so one must be named"
            ) from None

    def check_string(self, field: Field, context: Context) -> None:
        """Raise `Unbindable` where the values of a place are no strings. Without a schema they may be."""
        if field.type.kind not in ("string", "any"):
            raise Unbindable(
                f"transforms.{context.alias}: {field.origin or field.name} is no string, as format={self.format} asks",
                code=Code.WRONG_TYPE,
                path=field.origin,
            )

    def check_large(self, domain: str, field: Field, context: Context) -> None:
        """Raise `Unbindable` for a domain whose values are too few for format=digits."""
        if self.format == "digits" and (refusal := refusal_of([domain])) is not None:
            raise Unbindable(f"transforms.{context.alias}: {refusal}", path=field.origin)
