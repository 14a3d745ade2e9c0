"""Java's `Matcher.replaceFirst`: in the replacement `$1` and `${name}` stand for groups, a backslash takes the meaning
from what follows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PIECE = re.compile(
    r"\\(?P<escaped>.)|\$(?P<number>[0-9]+)|\$\{(?P<name>[a-zA-Z][a-zA-Z0-9]*)\}|(?P<text>[^\\$])", re.DOTALL
)


class BadReplacement(ValueError):
    """A replacement that Java refuses when it comes to use it."""


class Replacement:
    """A replacement for the matches of one pattern. Raises `BadReplacement`."""

    def __init__(self, text: str, pattern: Any) -> None:
        self._pattern = pattern
        self._pieces = tuple(_pieces(text, pattern.groups, pattern.groupindex))

    def first(self, text: str) -> str:
        """The text with its first match replaced; as it is where nothing matches."""
        found = self._pattern.search(text)
        if found is None:
            return text
        middle = "".join(piece if isinstance(piece, str) else found.group(piece) or "" for piece in self._pieces)
        return text[: found.start()] + middle + text[found.end() :]


def _pieces(text: str, groups: int, names: Mapping[str, int]) -> list[str | int]:
    pieces: list[str | int] = []
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None:
            raise BadReplacement("the replacement has a backslash or a dollar sign that stands alone")
        position = found.end()
        if digits := found["number"]:
            group, rest = _group(digits, groups)
            pieces += [group, rest]
        elif name := found["name"]:
            if name not in names:
                raise BadReplacement(f"the pattern has no group {name}")
            pieces.append(names[name])
        else:
            pieces.append(found["escaped"] or found["text"])
    return pieces


def _group(digits: str, groups: int) -> tuple[int, str]:
    """As many digits as make the number of a group; the others are text."""
    length = next((n for n in range(len(digits), 1, -1) if int(digits[:n]) <= groups), 1)
    if int(digits[:length]) > groups:
        raise BadReplacement(f"the pattern has no group {digits[:length]}")
    return int(digits[:length]), digits[length:]
