"""What is wrong with a configuration: every error at once, in the user's words, without a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One error: the key, what was found there, what was expected.

    `found` is None where the value may be a secret: at unknown keys, at every key of a connection or a key ring,
    and wherever a config provider resolved it.
    """

    key: str
    expected: str
    found: str | None = None

    def __str__(self) -> str:
        found = "" if self.found is None else f"found {self.found}; "
        return f"{self.key}: {found}expected {self.expected}"


class ConfigErrors(Exception):
    """Everything that is wrong with a configuration, sorted by key; its text has a line for each error."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(sorted(errors, key=str))
        super().__init__("\n".join(map(str, self.errors)))


def shown(text: str) -> str:
    """A plain value as errors show it: in quotes, its control characters escaped, a long one cut."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
    return json.dumps(cut, ensure_ascii=False)
