"""Tokens that a server made, remembered for a while, so that a value that comes again costs no request.

The plaintext is not kept: what is looked up is a digest of domain, version and value, under a key that is drawn for
each cache and never leaves it.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import NoReturn

_DIGEST_BYTES = 16


class TokenCache:
    """The tokens used last, at most `entries` of them, none for longer than `seconds`.

    `hits` and `misses` count what was asked for. Not for concurrent use.
    """

    def __init__(self, entries: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._seconds = seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._tokens: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def digests(self, domain: str, version: int, values: list[bytes]) -> list[bytes]:
        """Under what each value is remembered."""
        name = domain.encode()
        state = blake2b(key=self._key, digest_size=_DIGEST_BYTES)
        state.update(version.to_bytes(8, "big") + len(name).to_bytes(8, "big") + name)
        found = []
        for value in values:
            own = state.copy()
            own.update(value)
            found.append(own.digest())
        return found

    def get(self, digest: bytes) -> str | None:
        """The token that was put there, if it is still remembered."""
        found = self._tokens.get(digest)
        if found is None or found[0] <= self._clock():
            self.misses += 1
            return None
        self.hits += 1
        self._tokens.move_to_end(digest)
        return found[1]

    def put(self, digest: bytes, token: str) -> None:
        self._tokens[digest] = self._clock() + self._seconds, token
        self._tokens.move_to_end(digest)
        while len(self._tokens) > self._entries:
            self._tokens.popitem(last=False)

    def __len__(self) -> int:
        return len(self._tokens)

    def __repr__(self) -> str:
        return f"<cache of {len(self)} token(s), {self.hits} hit(s), {self.misses} miss(es)>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a cache of tokens cannot be pickled or copied")
