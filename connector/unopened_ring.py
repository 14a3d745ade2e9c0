"""What stands in for a key ring that is kept elsewhere and was not opened, so that a chain can be judged without it."""

from __future__ import annotations

import os
from collections.abc import Sequence


class UnopenedRing:
    """Binds, and knows no key: `explain`, `lint` and `drift` open nothing in Vault. No record may run through
    what it has bound.

    `named` are the versions that the configuration names for the ring; without one it is taken to have version 1.
    """

    def __init__(self, named: Sequence[int]) -> None:
        self.versions = tuple(sorted(set(named))) or (1,)
        self.writing_version = self.versions[0]
        self.last = self.versions[-1]

    def has(self, version: int) -> bool:
        """Nobody knows, so that it does not stand in the way."""
        del version
        return True

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        """Random bytes: whatever is made of them can neither be computed again nor be reversed."""
        del purpose, domain, version
        return os.urandom(length)

    def fingerprint(self, version: int) -> None:
        """None: the key is not at hand."""
