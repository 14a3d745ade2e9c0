"""Tokens that Vault's Transit engine makes, whose key never leaves it: `vault:v1:` and base64, as Vault gives them.

Vault encrypts convergently under a key that it derives for the domain, so equal values have equal tokens. Each
distinct value of a column is asked for once, and only if its token is not remembered. What is read again is asked
for each time: no plaintext is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from transforms.keys import Transit
from transforms.outcome import Code, Rejected, Unavailable
from transforms.token_cache import TokenCache
from transforms.token_cipher import Make, Read, beside

_CIPHERTEXT = re.compile(r"vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/]+={0,2}")
_REFUSED = Rejected(Code.VAULT_REFUSED)
_FOREIGN = Rejected(Code.NOT_A_TOKEN)


class Unconnected:
    """Stands for the server where schemas alone are judged: whatever it is asked, there is no answer."""

    def writing_version(self, key: str) -> int:
        raise LookupError(key)

    def encrypt(self, key: str, plaintexts: Sequence[bytes], *, context: bytes, version: int) -> Sequence[str | None]:
        raise Unavailable(f"nothing connects to Vault here, where {key} is")

    def decrypt(self, key: str, ciphertexts: Sequence[str], *, context: bytes) -> Sequence[bytes | None]:
        raise Unavailable(f"nothing connects to Vault here, where {key} is")


def transit_maker(transit: Transit, key: str, domain: str, version: int, cache: TokenCache | None) -> Make:
    """Makes tokens under one version of a key. Blocks and raises as `Transit.encrypt` does."""

    def encrypted(distinct: list[bytes]) -> dict[bytes, str | Rejected]:
        if not distinct:
            return {}
        answers = transit.encrypt(key, distinct, context=domain.encode(), version=version)
        return {value: token or _REFUSED for value, token in zip(distinct, answers, strict=True)}

    def remembered(distinct: list[bytes], cache: TokenCache) -> dict[bytes, str | Rejected]:
        digests = dict(zip(distinct, cache.digests(domain, version, distinct), strict=True))
        found = {value: cache.get(digest) for value, digest in digests.items()}
        made = encrypted([value for value, token in found.items() if token is None])
        for value, token in made.items():
            if isinstance(token, str):
                cache.put(digests[value], token)
        return {value: token or made[value] for value, token in found.items()}

    def tokens(values: list[bytes]) -> list[str | Rejected]:
        distinct = list(dict.fromkeys(values))
        of = encrypted(distinct) if cache is None else remembered(distinct, cache)
        return [of[value] for value in values]

    return tokens


def transit_reader(transit: Transit, key: str, domain: str) -> Read:
    """Reads tokens of all versions that Vault still decrypts. Blocks and raises as `Transit.decrypt` does."""

    def decrypted(tokens: list[str]) -> Sequence[bytes | Rejected]:
        distinct = list(dict.fromkeys(tokens))
        if not distinct:
            return []
        answers = transit.decrypt(key, distinct, context=domain.encode())
        of = {token: _REFUSED if value is None else value for token, value in zip(distinct, answers, strict=True)}
        return [of[token] for token in tokens]

    def values(tokens: list[str]) -> list[bytes | Rejected]:
        return beside([token if _CIPHERTEXT.fullmatch(token) else _FOREIGN for token in tokens], decrypted)

    return values
