"""Java's properties format, as `java.util.Properties.load` reads it, in UTF-8."""

from __future__ import annotations

import re

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|(?P<other>.))", re.DOTALL)
_SPLIT = re.compile(r"(?P<key>(?:[^\\=:\s]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(?P<value>.*)", re.DOTALL)


class BadProperties(ValueError):
    """A line that the format does not allow. Holds its number only."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} cannot be read")


def parse_properties(text: str) -> dict[str, str]:
    """Keys and values; a later line wins over an earlier one with its key. Raises BadProperties."""
    properties: dict[str, str] = {}
    for number, line in _logical_lines(text):
        parts = _SPLIT.fullmatch(line)
        if parts is None or re.search(r"\\u(?![0-9a-fA-F]{4})", line.replace("\\\\", "")):
            raise BadProperties(number)
        properties[_unescaped(parts["key"])] = _unescaped(parts["value"])
    return properties


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their first number: without blanks ahead, comments and empty ones; continued ones joined."""
    lines: list[tuple[int, str]] = []
    open_line: tuple[int, str] | None = None
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = raw.lstrip(" \t\f")
        if open_line is None and (not line or line[0] in "#!"):
            continue
        start, before = open_line or (number, "")
        if _is_continued(line):
            open_line = start, before + line[:-1]
        else:
            open_line = None
            lines.append((start, before + line))
    return [*lines, open_line] if open_line else lines


def _is_continued(line: str) -> bool:
    """Whether the line ends in an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescaped(text: str) -> str:
    def character(escape: re.Match[str]) -> str:
        if escape["code"]:
            return chr(int(escape["code"], 16))
        return _ESCAPES.get(escape["other"], escape["other"])

    return _ESCAPE.sub(character, text)
