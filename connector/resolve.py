"""From tokens back to values, for the few who may: `streamveil resolve`.

Tokens of mode=local name their ring's version, and AES-SIV tells which domain and ring made them. Those of mode=transit
are decrypted by Vault. Those of mode=vault are looked up in the mapping topic, of which nothing else is kept.
Digits tell nothing: their domain and version must be given, because a wrong key gives a plausible wrong value.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.mapping_scan import MappingScan
from connector.plan import Link
from registry.schema.tags import TagRules
from transforms.keys import KeyRing, Transit
from transforms.outcome import Code, Rejected
from transforms.token_cipher import Read
from transforms.token_digits import digits
from transforms.token_local import local_reader
from transforms.token_options import TokenOptions
from transforms.token_transit import transit_reader
from transforms.token_vault import is_token, open_mapping

UNKNOWN = "unknown-token"
"""There is no mapping of the token, or no key that opens it: it was never made here, or its subject is forgotten."""

NOT_SAID = "needs-domain-and-key-version"
"""Digits, of which nobody said how they were made."""

_MOST_SUBJECTS = 100
"""How many mappings of one token are kept: all hold the same value, and one that a tombstone leaves is enough."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """The value of a token as bytes, or why there is none."""

    token: str
    value: bytes | None
    error: str = ""

    def line(self) -> str:
        """A JSON object: the token, and `value` as text, `base64` where it is none, or `error`."""
        if self.value is None:
            return json.dumps({"token": self.token, "error": self.error}, ensure_ascii=False)
        try:
            said = {"value": self.value.decode()}
        except UnicodeDecodeError:
            said = {"base64": base64.b64encode(self.value).decode()}
        return json.dumps({"token": self.token, **said}, ensure_ascii=False)


def domains_of(links: Iterable[Link], rules: TagRules) -> list[str]:
    """The domains that a chain names: as domains, or as tags, which become domains."""
    transforms = [link.transform for link in links if isinstance(link.transform, TokenOptions)]
    named = [name for t in transforms for name in ([t.domain] if t.domain is not None else t.tags)]
    return list(dict.fromkeys(name for name in [*named, *rules.declared] if not set(name) & set("*?")))


class Resolver:
    """Resolves tokens under the rings of a configuration and some domains.

    `digits_version` is the version of the ring that digits of the one domain were made with, if somebody said so.
    """

    def __init__(
        self,
        links: Iterable[Link],
        keys: Mapping[str, KeyRing],
        domains: Sequence[str],
        *,
        transit: Transit | None,
        scan: MappingScan | None,
        digits_version: int | None,
    ) -> None:
        self._transforms = [link.transform for link in links if isinstance(link.transform, TokenOptions)]
        self._keys = keys
        self._domains = domains
        self._transit = transit
        self._scan = scan
        self._digits_version = digits_version

    def resolve(self, tokens: Sequence[str]) -> list[Answer]:
        """One answer a token, in order. May block on Vault and Kafka. Raises `Unavailable`, `Stop` and `Setback`."""
        wanted = list(dict.fromkeys(tokens))
        found: dict[str, bytes | Rejected] = {}
        found |= self._mapped([token for token in wanted if is_token(token)])
        for read in self._readers():
            open_ = [token for token in wanted if not isinstance(found.get(token), bytes) and not is_token(token)]
            for token, value in zip(open_, read(open_), strict=True):
                if isinstance(value, bytes) or _says_more(value, found.get(token)):
                    found[token] = value
        return [_answer(token, found.get(token)) for token in tokens]

    def _readers(self) -> Iterator[Read]:
        """What may read tokens of other modes, one after the other."""
        mail_domains = dict.fromkeys(t.email_domain for t in self._transforms if t.format == "email")
        transit_keys = dict.fromkeys(t.vault_transit_key for t in self._transforms if t.vault_transit_key)
        for domain in self._domains:
            for ring in self._keys.values():
                for spelling in (None, *mail_domains):
                    yield local_reader(ring, domain, spelling)
            if self._transit is not None:
                for key in transit_keys:
                    yield transit_reader(self._transit, key, domain)
        if self._digits_version is not None:
            yield from self._digit_readers(self._domains[0], self._digits_version)

    def _digit_readers(self, domain: str, version: int) -> Iterator[Read]:
        """One, where the chain makes digits of this domain under one ring alone: nothing tells a wrong ring."""
        made = [t for t in self._transforms if t.format == "digits" and t.domain in (None, domain)]
        names = list(dict.fromkeys(t.key for t in made if t.key))
        if len(names) == 1 and self._keys[names[0]].has(version):
            yield _digit_reader(self._keys[names[0]], domain, version)

    def _mapped(self, tokens: Sequence[str]) -> dict[str, bytes]:
        if not tokens or self._scan is None:
            return {}
        known = {ring.fingerprint(v): (ring, v) for ring in self._keys.values() for v in ring.versions}
        kept: dict[str, dict[bytes, bytes]] = {token: {} for token in tokens}
        forgotten = self._scan.forgotten()
        for entry in self._scan.committed():
            of_token = kept.get(entry.key.partition(b".")[0].decode("utf-8", "replace"))
            if of_token is None:
                continue
            if entry.value is None:
                of_token.pop(entry.key, None)
            elif entry.said is None or forgotten.holds(entry.said.subject):
                continue
            elif entry.key in of_token or len(of_token) < _MOST_SUBJECTS:
                of_token[entry.key] = entry.value
        found: dict[str, bytes] = {}
        for token, mappings in kept.items():
            opened = (open_mapping(known.get, key, value) for key, value in mappings.items())
            value = next((value for value in opened if value is not None), None)
            if value is not None:
                found[token] = value
        return found


def _digit_reader(ring: KeyRing, domain: str, version: int) -> Read:
    decrypt = digits(ring, domain, version, decrypts=True)

    def read(tokens: list[str]) -> list[bytes | Rejected]:
        plain = list(map(_is_digits, tokens))
        found = iter(decrypt([token for token, fits in zip(tokens, plain, strict=True) if fits]))
        values = [next(found) if fits else Rejected(Code.NOT_A_TOKEN) for fits in plain]
        return [value if isinstance(value, Rejected) else value.encode() for value in values]

    return read


def _says_more(new: bytes | Rejected, old: bytes | Rejected | None) -> bool:
    """A reader that knows the token's form, and could not read it, says more than one that does not know it."""
    return old is None or (isinstance(new, Rejected) and new.code is not Code.NOT_A_TOKEN)


def _answer(token: str, found: bytes | Rejected | None) -> Answer:
    if isinstance(found, bytes):
        return Answer(token, found)
    if is_token(token):
        return Answer(token, None, UNKNOWN)
    code = found.code if found is not None else Code.NOT_A_TOKEN
    if code is Code.NOT_A_TOKEN and _is_digits(token):
        return Answer(token, None, NOT_SAID)
    return Answer(token, None, str(code))


def _is_digits(token: str) -> bool:
    return token.isascii() and token.isdigit()
