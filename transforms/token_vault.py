"""Tokens that cannot be opened, but looked up: the way back is a mapping, which goes along with the record.

Pinned, so that anyone with the ring can compute them again. All subkeys are HKDF-SHA256 of the ring key with an empty
salt, 32 bytes; all texts are UTF-8.

- Token: `tok_` and unpadded base64url of the header, then HMAC-SHA256 of the value under the info
  `streamveil/v1/token-vault/` + domain. Header: the format byte 3, then the version of the ring as two bytes,
  big-endian. Deterministic, so that writers agree and a transaction that is tried again writes the same.
- Subject: HMAC-SHA256 of whose value it is, under the info `streamveil/v1/token-subject/`. It is the same in each
  domain, because a subject is forgotten in all of them.
- Mapping: its key is the token, a dot, and the unpadded base64url of the subject under the version of the token. Its
  value is a head, a nonce of 12 bytes, and AES-256-GCM of the value, padded by ISO 7816-4 to a multiple of 16 bytes.
  Head: the format byte 1, the fingerprint of the ring key (8 bytes), the length of the domain (two bytes, big-endian),
  the domain. Associated data: the head, then the key of the mapping; so domain, token and subject are all bound.

The key of AES-GCM is HMAC-SHA256 of the mapping's key under the info `streamveil/v1/token-mapping/` + domain: each
token of a subject has its own, so that random nonces stay far below the 2^32 uses of one key that NIST SP 800-38D
(8.3) allows, however many values there are.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transforms.keys import KeyRing
from transforms.outcome import Rejected, Unbindable
from transforms.token_siv import BLOCK, HEADER, LARGEST_VERSION
from transforms.token_texts import VAULT_FORMAT, TokenSpelling
from transforms.transform import Along

_DIGEST = 32
_NONCE = 12
_FINGERPRINT = 8
_MAPPING_FORMAT = b"\1"
_DOT = b"."


class KeyedDigest:
    """HMAC-SHA256 under one key, which it does not show."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        # A keyed state, copied for each input: three times as fast as the one-shot of the standard library.
        self._keyed = hmac.HMAC(key, hashes.SHA256())

    def __call__(self, text: bytes) -> bytes:
        state = self._keyed.copy()
        state.update(text)
        return state.finalize()

    def __reduce__(self) -> NoReturn:
        raise TypeError("it holds a key: it cannot be pickled or copied")


class Mapped(str):
    """A token that remembers what it stands for, until its mapping is made of it. It prints as the token."""

    value: bytes
    mapper: Mapper

    def __reduce__(self) -> NoReturn:
        raise TypeError("it holds a value: it cannot be pickled or copied")


class Subjects:
    """The digests of subjects under every version of a ring: nobody knows which of them one was forgotten under."""

    def __init__(self, ring: KeyRing) -> None:
        self._digests = {v: KeyedDigest(ring.subkey("token-subject", "", _DIGEST, v)) for v in ring.versions}
        self._fingerprints = {version: ring.fingerprint(version) for version in ring.versions}

    def digests(self, subject: bytes) -> dict[int, bytes]:
        """The digest of a subject by version, ascending."""
        return {version: digest(subject) for version, digest in self._digests.items()}

    def by_fingerprint(self, subject: bytes) -> dict[str, bytes]:
        """The digest of a subject by the fingerprint of the version's key, in the order of versions."""
        digests = self.digests(subject).items()
        return {name: digest for version, digest in digests if (name := self._fingerprints[version]) is not None}


class Mapper:
    """Makes the tokens of one domain, and their mappings, under one version of a ring. Holds keys, and shows none."""

    def __init__(self, ring: KeyRing, domain: str, version: int) -> None:
        if version > LARGEST_VERSION:
            raise Unbindable(f"key.version: a token can name no version of a ring beyond {LARGEST_VERSION}")
        self._version = version
        self._header = bytes([VAULT_FORMAT]) + version.to_bytes(2, "big")
        self._digest = KeyedDigest(ring.subkey("token-vault", domain, _DIGEST, version))
        self._key_of = KeyedDigest(ring.subkey("token-mapping", domain, _DIGEST, version))
        self._head = _head(ring.fingerprint(version), domain)

    def tokens(self, values: list[bytes]) -> list[str | Rejected]:
        """The token of each value, in order; each remembers its value."""
        write, header, digest = TokenSpelling().write, self._header, self._digest
        made: list[str | Rejected] = []
        for value in values:
            token = Mapped(write(header + digest(value)))
            token.value, token.mapper = value, self
            made.append(token)
        return made

    def mapping(self, token: Mapped, subjects: Mapping[int, bytes]) -> Along:
        """The way back of a token. `subjects` are the digests of whose it is, by version."""
        key = token.encode() + _DOT + _base64url(subjects[self._version])
        nonce = os.urandom(_NONCE)
        padded = token.value + b"\x80" + bytes(-(len(token.value) + 1) % BLOCK)
        sealed = AESGCM(self._key_of(key)).encrypt(nonce, padded, self._head + key)
        return Along(key, self._head + nonce + sealed, tuple(subjects.values()))


class MappingRecord(NamedTuple):
    """What the record of a mapping says without a key. Its value is still sealed."""

    token: str
    subject: bytes
    fingerprint: str
    domain: str


def read_mapping(key: bytes, value: bytes) -> MappingRecord | None:
    """What the record of a mapping says of itself; None where it is none."""
    token, dot, subject = key.partition(_DOT)
    length = int.from_bytes(value[9:11], "big")
    if not dot or value[:1] != _MAPPING_FORMAT or len(value) < 11 + length + _NONCE + 2 * BLOCK:
        return None
    try:
        digest = base64.b64decode(subject + b"=", altchars=b"-_", validate=True)
        said = MappingRecord(token.decode("ascii"), digest, value[1:9].hex(), value[11 : 11 + length].decode())
    except ValueError:  # its context would hold no value, yet nobody needs it
        return None
    return said if len(digest) == _DIGEST else None


def is_token(token: str) -> bool:
    """Whether a text is spelled as a token of this kind is."""
    sealed = TokenSpelling().read(token)
    return sealed is not None and sealed[:1] == bytes([VAULT_FORMAT]) and len(sealed) == HEADER + _DIGEST


def open_mapping(ring_of: Callable[[str], tuple[KeyRing, int] | None], key: bytes, value: bytes) -> bytes | None:
    """The value that the record of a mapping holds; None where no key fits, or somebody changed it.

    ring_of: the ring and the version whose key has a fingerprint.
    """
    opened = read_mapping(key, value)
    found = ring_of(opened.fingerprint) if opened is not None else None
    if opened is None or found is None:
        return None
    ring, version = found
    head = _head(opened.fingerprint, opened.domain)
    nonce, sealed = value[len(head) : len(head) + _NONCE], value[len(head) + _NONCE :]
    cipher = AESGCM(KeyedDigest(ring.subkey("token-mapping", opened.domain, _DIGEST, version))(key))
    try:
        padded = cipher.decrypt(nonce, sealed, head + key)
    except InvalidTag:
        return None
    text, mark, zeros = padded.rpartition(b"\x80")
    return None if not mark or zeros.strip(b"\0") else text


def _head(fingerprint: str | None, domain: str) -> bytes:
    """Where schemas alone are judged a key has no fingerprint; no record runs then."""
    text = domain.encode()
    known = bytes.fromhex(fingerprint) if fingerprint is not None else bytes(_FINGERPRINT)
    return _MAPPING_FORMAT + known + len(text).to_bytes(2, "big") + text


def _base64url(digest: bytes) -> bytes:
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
