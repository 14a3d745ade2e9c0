"""The keys of the development Vault's transit engine: versions of random bytes, derived keys, AES-256-GCM.

Ciphertexts look like Vault's, ``vault:v<version>:<base64>``, and no Vault can read them.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vault.devmodel import Refusal, base64_text, unbase64

TYPE: Final = "aes256-gcm96"
HMAC_ALGORITHMS: Final = {
    **{f"sha2-{bits}": f"sha{bits}" for bits in (224, 256, 384, 512)},
    **{f"sha3-{bits}": f"sha3_{bits}" for bits in (224, 256, 384, 512)},
}
"""Vault's names for hash functions, and Python's."""

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One version: the key that encrypts or is derived from, and the one for HMACs."""

    key: bytes = field(repr=False)
    hmac_key: bytes = field(repr=False)
    created: int

    @classmethod
    def new(cls) -> KeyVersion:
        return cls(secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES), int(time.time()))


class TransitKey:
    """A named key with its versions, the first of which is 1."""

    def __init__(self, name: str, *, derived: bool, convergent: bool, exportable: bool = False) -> None:
        self.name = name
        self.derived = derived
        self.convergent = convergent
        self.exportable = exportable
        self.deletion_allowed = False
        self.min_decryption_version = 1
        self.min_encryption_version = 0
        self._versions = [KeyVersion.new()]
        self._cipher: Callable[[int, bytes], tuple[AESGCM, bytes]] = lru_cache(maxsize=256)(self._make_cipher)

    @property
    def latest_version(self) -> int:
        return len(self._versions)

    def rotate(self) -> None:
        self._versions.append(KeyVersion.new())

    def configure(self, wanted: Mapping[str, Any]) -> None:
        """Sets what the request names, all or nothing. Raises `Refusal` 400."""
        decryption = _version(wanted, "min_decryption_version", self.min_decryption_version) or 1
        encryption = _version(wanted, "min_encryption_version", self.min_encryption_version)
        if max(decryption, encryption) > self.latest_version:
            raise Refusal(400, f"cannot set a minimum version beyond the latest, {self.latest_version}")
        if 0 < encryption < decryption:
            raise Refusal(400, "min encryption version must be greater than or equal to min decryption version")
        self.min_decryption_version, self.min_encryption_version = decryption, encryption
        self.deletion_allowed = bool(wanted.get("deletion_allowed", self.deletion_allowed))
        self.exportable = self.exportable or bool(wanted.get("exportable"))

    def facts(self) -> dict[str, Any]:
        """What reading the key tells: nothing secret."""
        facts: dict[str, Any] = {
            "allow_plaintext_backup": False,
            "auto_rotate_period": 0,
            "deletion_allowed": self.deletion_allowed,
            "derived": self.derived,
            "exportable": self.exportable,
            "imported_key": False,
            "keys": {str(number): each.created for number, each in enumerate(self._versions, 1)},
            "latest_version": self.latest_version,
            "min_available_version": 0,
            "min_decryption_version": self.min_decryption_version,
            "min_encryption_version": self.min_encryption_version,
            "name": self.name,
            "supports_decryption": True,
            "supports_derivation": True,
            "supports_encryption": True,
            "supports_signing": False,
            "type": TYPE,
        }
        if self.derived:
            facts |= {"kdf": "hkdf_sha256", "convergent_encryption": self.convergent}
        if self.convergent:
            facts["convergent_encryption_version"] = -1
        return facts

    def encrypt(self, plaintext: bytes, context: bytes, version: int) -> str:
        """With the given version, 0 for the latest. Raises `Refusal` 400."""
        number = self._number_to_encrypt(version)
        cipher, nonce_key = self._cipher(number, self._checked(context))
        if self.convergent:
            nonce = hmac.digest(nonce_key, plaintext, "sha256")[:_NONCE_BYTES]
        else:
            nonce = secrets.token_bytes(_NONCE_BYTES)
        return f"vault:v{number}:{base64_text(nonce + cipher.encrypt(nonce, plaintext, None))}"

    def decrypt(self, ciphertext: str, context: bytes) -> bytes:
        """Raises `Refusal` 400 where it is none of this key's, or its version is out of use."""
        prefix, _, text = ciphertext.removeprefix("vault:v").partition(":")
        if not ciphertext.startswith("vault:v") or not (prefix.isascii() and prefix.isdigit()):
            raise Refusal(400, "invalid ciphertext: no prefix")
        number = int(prefix)
        if not 0 < number <= self.latest_version:
            raise Refusal(400, "invalid ciphertext: version is too new")
        if number < self.min_decryption_version:
            raise Refusal(400, "ciphertext or signature version is disallowed by policy (too old)")
        cipher, _ = self._cipher(number, self._checked(context))
        sealed = unbase64(text)
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise Refusal(400, "invalid ciphertext: unable to decrypt") from None

    def hmac(self, data: bytes, algorithm: str, version: int) -> str:
        """With the given version, 0 for the latest. Raises `Refusal` 400."""
        number = self._number_to_encrypt(version)
        digest = hmac.digest(self._versions[number - 1].hmac_key, data, HMAC_ALGORITHMS[algorithm])
        return f"vault:v{number}:{base64_text(digest)}"

    def _number_to_encrypt(self, version: int) -> int:
        if version < 0 or version > self.latest_version:
            raise Refusal(400, "requested version for encryption is higher than the latest key version")
        if 0 < version < self.min_encryption_version:
            raise Refusal(400, "requested version for encryption is less than the minimum encryption key version")
        return version or self.latest_version

    def _checked(self, context: bytes) -> bytes:
        if self.derived and not context:
            raise Refusal(400, "missing 'context' for key derivation")
        return context if self.derived else b""

    def _make_cipher(self, version: int, context: bytes) -> tuple[AESGCM, bytes]:
        """The cipher of a version, and the key that convergent nonces are derived with."""
        key = self._versions[version - 1].key
        if not self.derived:
            return AESGCM(key), b""
        derived = HKDF(SHA256(), 2 * _KEY_BYTES, salt=None, info=context).derive(key)
        return AESGCM(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]


def _version(wanted: Mapping[str, Any], name: str, current: int) -> int:
    value = wanted.get(name, current)
    if not isinstance(value, int) or value < 0:
        raise Refusal(400, f"{name} must be a number, and not negative")
    return value
