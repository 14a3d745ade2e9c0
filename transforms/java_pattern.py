"""Regular expressions as Java writes them.

They run on RE2, in linear time; only what RE2 has no notion of (lookaround, back references, possessive repetition)
runs on Python's own engine. Java's `\\d`, `\\w` and `\\s` mean ASCII, as they do in both here.
"""

from __future__ import annotations

import re
from typing import Any

import re2

_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0b\f\r",
    "ASCII": r"\x00-\x7f",
}
_TOKEN = re.compile(r"\\(?P<not>[pP])\{(?P<name>\w+)\}|\\Q.*?(?:\\E|$)|\\.|\[\^?\]?|\]|&&|.", re.DOTALL)


class BadPattern(ValueError):
    """A pattern that cannot be read, or that has a construct of Java's alone."""


def java_pattern(text: str) -> Any:
    """The compiled pattern, with the methods of `re.Pattern`; raises `BadPattern`."""
    translated = _translated(text)
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(translated, options)
    except re2.error:
        pass
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", translated), re.ASCII)
    except (re.error, RecursionError, OverflowError):
        raise BadPattern("expected a regular expression, in Java's syntax") from None


def _translated(text: str) -> str:
    """Java's POSIX classes spelt out. Sets within sets and intersections are refused: others read them otherwise."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(text):
        part = token[0]
        if inside and (part[0] == "[" or part == "&&"):
            raise BadPattern("expected a regular expression without sets within sets and intersections of sets")
        if token["name"] in _POSIX:
            part = _set(token["name"], negated=token["not"] == "P", inside=inside)
        inside = token[0][0] == "[" or (inside and part != "]")
        parts.append(part)
    return "".join(parts)


def _set(name: str, *, negated: bool, inside: bool) -> str:
    if inside and negated:
        raise BadPattern("expected a regular expression without negated classes within sets")
    return _POSIX[name] if inside else f"[{'^' if negated else ''}{_POSIX[name]}]"
