"""Zones in the texts that `SimpleDateFormat` reads: offsets, and the names that are common in en-US."""

from __future__ import annotations

import re

MINUTE_MILLIS = 60_000

# Hours from UTC. Java knows some hundred more names; a text with one of those is rejected.
_NAMES = {
    -10: ("HST", "Hawaii-Aleutian Standard Time"),
    -9: ("AKST", "Alaska Standard Time"),
    -8: ("PST", "Pacific Standard Time", "AKDT"),
    -7: ("MST", "Mountain Standard Time", "PDT", "Pacific Daylight Time"),
    -6: ("CST", "Central Standard Time", "MDT", "Mountain Daylight Time"),
    -5: ("EST", "Eastern Standard Time", "CDT", "Central Daylight Time"),
    -4: ("AST", "Atlantic Standard Time", "EDT", "Eastern Daylight Time"),
    -3: ("ADT", "BRT"),
    0: ("UTC", "Coordinated Universal Time", "GMT", "Greenwich Mean Time", "WET", "Western European Standard Time"),
    1: ("CET", "Central European Standard Time", "BST", "British Summer Time", "WEST", "WAT"),
    2: ("EET", "Eastern European Standard Time", "CEST", "Central European Summer Time", "CAT", "SAST"),
    3: ("MSK", "Moscow Standard Time", "EEST", "EAT"),
    5: ("PKT",),
    5.5: ("India Standard Time",),
    8: ("China Standard Time", "SGT", "HKT"),
    9: ("JST", "Japan Standard Time", "KST", "Korean Standard Time"),
    10: ("AEST", "Australian Eastern Standard Time"),
    11: ("AEDT",),
    12: ("NZST",),
    13: ("NZDT",),
}
_MINUTES = {name.casefold(): int(hours * 60) for hours, names in _NAMES.items() for name in names}
_NAME = re.compile(r"[a-z]+(?:[ -][a-z]+)*")
_FORMS = {
    0: re.compile(r"([+-])([01]\d|2[0-3])([0-5]\d)", re.ASCII),
    1: re.compile(r"([+-])([01]\d|2[0-3])()", re.ASCII),
    2: re.compile(r"([+-])([01]\d|2[0-3])([0-5]\d)", re.ASCII),
    3: re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII),
}
_AFTER_GMT = re.compile(r"([+-])([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)

Found = tuple[int, int]
"""An offset in milliseconds, and where the text goes on after it."""


def numeric_offset(text: str, position: int, count: int) -> Found | None:
    """`+hhmm` (count 0), or what so many X stand for: `+hh`, `+hhmm`, `+hh:mm`, and `Z` for all of them."""
    if count and text.startswith("Z", position):
        return 0, position + 1
    return _offset(_FORMS[count].match(text, position))


def named_offset(text: str, start: int, after_blanks: int) -> Found | None:
    """A name, or `GMT` with an offset (`GMT-8:00`); case ignored."""
    if text[start : start + 3].upper() == "GMT" and start == after_blanks:
        if text[start + 3 : start + 4] in ("+", "-"):
            return _offset(_AFTER_GMT.match(text, start + 3))
        return 0, start + 3
    found = _NAME.match(text[after_blanks:].casefold())
    words = found[0] if found else ""
    while words not in _MINUTES:
        words, separator, _ = words.rpartition(" ")
        if not separator:
            return None
    return _MINUTES[words] * MINUTE_MILLIS, after_blanks + len(words)


def _offset(found: re.Match[str] | None) -> Found | None:
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return (-minutes if found[1] == "-" else minutes) * MINUTE_MILLIS, found.end()
