"""Key rings: 32-byte keys by version, and the subkeys that transforms derive from them.

A ring is a document, `{"current": 1, "versions": {"1": "<base64 of 32 bytes>"}}`, in a file or in an environment
variable; one in Vault has a document of its own form (`vault.ring_document`). `current` is the version that is written
with; older versions stay for reading what they wrote.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32

_DOCUMENT: Final = '{"current": 1, "versions": {"1": "<base64 of 32 bytes>"}}'
_LARGEST_FILE: Final = 1024 * 1024


class Ring:
    """The keys of one ring. Shows nothing of them: it has no printed form, and no copy, pickle or JSON of it exists.

    `versions` maps each version to its key of exactly 32 bytes. `current` is one of them, or None where whoever uses
    the ring must name the version to write with, once there are several. Raises ValueError, which shows no key, when
    they do not fit.
    """

    __slots__ = ("_current", "_keys")

    def __init__(self, versions: Mapping[int, bytes], current: int | None) -> None:
        if not versions or (current is not None and current not in versions):
            raise ValueError("the current version is not among the versions")
        if any(len(key) != KEY_BYTES for key in versions.values()):
            raise ValueError(f"a ring key has exactly {KEY_BYTES} bytes")
        self._keys = dict(versions)
        self._current = next(iter(versions)) if len(versions) == 1 else current

    @property
    def writing_version(self) -> int:
        """The version to write with where nobody names one. Raises LookupError where that is not decided."""
        if self._current is None:
            raise LookupError("the key ring has several versions, and none to write with")
        return self._current

    @property
    def versions(self) -> tuple[int, ...]:
        """Every version in the ring, ascending."""
        return tuple(sorted(self._keys))

    @property
    def last(self) -> int:
        """The highest version in the ring. The document does not tell of those that somebody took away."""
        return max(self._keys)

    def has(self, version: int) -> bool:
        """Whether the ring has this version."""
        return version in self._keys

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        """HKDF-SHA256 of a ring key: salt empty, info `streamveil/v1/{purpose}/{domain}` in UTF-8, `length` bytes.

        `version` is the writing version by default. Raises LookupError for a version that the ring does not have.
        """
        return self._derived(self.writing_version if version is None else version, f"{purpose}/{domain}", length)

    def fingerprint(self, version: int) -> str:
        """16 hex digits that differ for another key under the same version, and tell nothing of the key.

        HKDF-SHA256 as for subkeys, info `streamveil/v1/fingerprint`, 8 bytes. Raises LookupError as `subkey` does.
        """
        return self._derived(version, "fingerprint", 8).hex()

    def _derived(self, version: int, info: str, length: int) -> bytes:
        if version not in self._keys:
            raise LookupError(f"the key ring has no version {version}")
        return hkdf_sha256(self._keys[version], f"streamveil/v1/{info}".encode(), length)

    def __repr__(self) -> str:
        return f"<key ring of {len(self._keys)} version(s)>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a key ring cannot be copied or pickled")


def hkdf_sha256(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256 and an empty salt (RFC 5869); `length` is at most 8160 bytes."""
    return HKDF(algorithm=SHA256(), length=length, salt=b"", info=info).derive(key)


class KeyRingError(Exception):
    """A ring cannot be loaded. `option` is the option at fault, `expected` what it should have been."""

    def __init__(self, option: str, expected: str) -> None:
        super().__init__(f"{option}: expected {expected}")
        self.option = option
        self.expected = expected


def load_ring(provider: str, options: Mapping[str, str]) -> Ring:
    """Read a ring from a provider of `PROVIDERS`, whose one option must be given.

    Reads a file or the environment. Raises KeyRingError, which shows neither the option's value, where somebody
    may have put the key itself, nor what was read, and has no other error as its context: a parser's exception
    would hold the document.
    """
    loaded = _loaded(provider, options)
    if isinstance(loaded, KeyRingError):
        raise loaded
    return loaded


class _Unreadable(Exception):
    """Says what was expected. Ends in `_loaded`."""


def _loaded(provider: str, options: Mapping[str, str]) -> Ring | KeyRingError:
    if provider not in PROVIDERS:
        return KeyRingError("provider", f"one of {', '.join(PROVIDERS)}")
    option = PROVIDERS[provider]
    if not options.get(option):
        return KeyRingError(option, _OPTIONS[option])
    try:
        return _parsed(_READERS[provider](options[option]))
    except _Unreadable as problem:
        return KeyRingError(option, str(problem))


def _from_variable(name: str) -> str:
    document = os.environ.get(name)
    if not document:
        raise _Unreadable("the name of an environment variable that is set")
    return document


def _from_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            _check_private(os.fstat(file.fileno()))
            content = file.read(_LARGEST_FILE)
    except (OSError, ValueError) as failure:  # a path with a null character is a ValueError
        raise _Unreadable(f"the path of a file that can be read ({type(failure).__name__})") from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _Unreadable(_DOCUMENT) from None


def _check_private(status: os.stat_result) -> None:
    """The rule that PostgreSQL has for private keys.

    Nobody but the owner may have access; of a file that root owns, its group may read it as well, because that is
    how Kubernetes gives a secret to a process that is not root.
    """
    if not stat.S_ISREG(status.st_mode):
        raise _Unreadable("the path of a regular file")
    mode = stat.S_IMODE(status.st_mode)
    allowed = 0o640 if status.st_uid == 0 else 0o600
    if mode & 0o077 & ~allowed:
        raise _Unreadable(f"a file of mode {allowed:04o} or stricter, not {mode:04o}: others could read the keys")


def _parsed(document: str) -> Ring:
    try:
        content = json.loads(document, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise _Unreadable(_DOCUMENT) from None
    if not isinstance(content, dict) or content.keys() != {"current", "versions"}:
        raise _Unreadable(_DOCUMENT)
    versions, current = content["versions"], content["current"]
    if not isinstance(versions, dict):
        raise _Unreadable(_DOCUMENT)
    keys = {_version(version): _key(version, text) for version, text in versions.items()}
    if type(current) is not int or current not in keys:
        raise _Unreadable(f"a document whose current is the number of one of its versions, as in {_DOCUMENT}")
    return Ring(keys, current)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _Unreadable("a document that says nothing twice")
    return content


def _version(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise _Unreadable(f"versions that are numbers from 1 on, as in {_DOCUMENT}")
    return int(text)


def _key(version: str, text: Any) -> bytes:
    """Standard base64, with its padding, in its one canonical form."""
    try:
        key = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or base64.b64encode(key).decode() != text:
        raise _Unreadable(f"version {version} to be the base64 of exactly {KEY_BYTES} bytes")
    return key


PROVIDERS: Mapping[str, str] = MappingProxyType({"file": "path", "env": "variable"})
"""Where a ring can come from, each with the one option that says where exactly."""

_OPTIONS: Final = {"path": "the path of a JSON file", "variable": "the name of an environment variable"}
_READERS: Final[Mapping[str, Callable[[str], str]]] = {"file": _from_file, "env": _from_variable}
