"""Kafka's own syntax for one field, possibly nested (KIP-821).

V1: the whole text is a name. V2: dots part the steps; a step in backticks may hold dots, and a backtick in it that
is followed by a dot is escaped by a backslash. Anywhere else a backtick or backslash stands for itself.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

TICK, DOT, ESCAPE = "`", ".", "\\"


def _version(value: Any) -> Any:
    if isinstance(value, str) and value.strip().upper() in ("V1", "V2"):
        return value.strip().upper()
    raise ValueError("expected V1 or V2")


SyntaxVersion = Annotated[str, BeforeValidator(_version)]


def steps(path: str, version: str) -> tuple[str, ...]:
    """The names on the way to a field; none for an empty V2 path. Raises ValueError for a backtick without its pair."""
    if version == "V1":
        return (path,)
    found: list[str] = []
    position = 0
    while position < len(path):
        read = _wrapped if path[position] == TICK else _bare
        step, position = read(path, position)
        found.append(step)
    if path.endswith(DOT):
        found.append("")
    return tuple(found)


def _bare(path: str, start: int) -> tuple[str, int]:
    end = path.find(DOT, start)
    return (path[start:], len(path)) if end < 0 else (path[start:end], end + 1)


def _wrapped(path: str, start: int) -> tuple[str, int]:
    """A step in backticks, and where the next begins."""
    name = ""
    kept = position = start + 1
    while (tick := path.find(TICK, position)) >= 0:
        escaped = path[tick - 1] == ESCAPE
        if tick == len(path) - 1 and not escaped:
            return name + path[kept:tick], len(path)
        if path[tick + 1 : tick + 2] == DOT:
            if not escaped:
                return name + path[kept:tick], tick + 2
            name += path[kept : tick - 1] + TICK
            kept = tick + 1
        position = tick + 1
    raise ValueError(
        f"has a backtick at character {start + 1} without its pair; a backslash before a backtick escapes it"
    )
