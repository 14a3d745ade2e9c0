"""Tokens that a key ring is enough for: made and read without asking anybody.

The subkey of a domain is HKDF-SHA256 of the ring key, with an empty salt, 64 bytes, and the info
`streamveil/v1/token/` + domain, for format=email `streamveil/v1/token-email/` + domain.
"""

from __future__ import annotations

from transforms.keys import KeyRing
from transforms.outcome import Code, Rejected, Unbindable
from transforms.token_cipher import Make, Read, beside
from transforms.token_siv import KEY_BYTES, LARGEST_VERSION, Sealer
from transforms.token_texts import EMAIL_FORMAT, TOKEN_FORMAT, EmailSpelling, Spelling, TokenSpelling

_TOO_LONG = Rejected(Code.TOO_LONG)
_FOREIGN = Rejected(Code.NOT_A_TOKEN)


def local_maker(ring: KeyRing, domain: str, version: int, email_domain: str | None) -> Make:
    """Makes tokens under one version of a ring; addresses where `email_domain` is given.

    Raises `Unbindable` for a version beyond 65,535, which a token cannot name.
    """
    if version > LARGEST_VERSION:
        raise Unbindable(f"key.version: a token can name no version of a ring beyond {LARGEST_VERSION}")
    seal, write = _sealer(ring, domain, email_domain).seal, _spelling(email_domain).write
    seal([], version)  # so that the key is there before the first record is
    return lambda values: [write(sealed) or _TOO_LONG for sealed in seal(values, version)]


def local_reader(ring: KeyRing, domain: str, email_domain: str | None) -> Read:
    """Reads the tokens of every version that the ring has, or comes to have."""
    open_, read = _sealer(ring, domain, email_domain).open, _spelling(email_domain).read

    def values(tokens: list[str]) -> list[bytes | Rejected]:
        return beside([read(token) or _FOREIGN for token in tokens], lambda found: list(map(open_, found)))

    return values


def _sealer(ring: KeyRing, domain: str, email_domain: str | None) -> Sealer:
    purpose, format_ = ("token", TOKEN_FORMAT) if email_domain is None else ("token-email", EMAIL_FORMAT)

    def key_of(version: int) -> bytes | None:
        return ring.subkey(purpose, domain, KEY_BYTES, version) if version and ring.has(version) else None

    return Sealer(format_, domain, key_of)


def _spelling(email_domain: str | None) -> Spelling:
    return TokenSpelling() if email_domain is None else EmailSpelling(email_domain)
