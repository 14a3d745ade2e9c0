"""Dates as `java.text.SimpleDateFormat` writes and reads them, in UTC and the locale en-US.

Reading is lenient and stops where the pattern ends: what follows in the text is ignored. A year of two digits lies
between 80 years ago and 20 years ahead, as seen from when the format was made.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from transforms.java_calendar import Moment, Part, instant, moment, years_before
from transforms.java_numbers import wrapped
from transforms.java_zones import named_offset, numeric_offset

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ERAS = {"BC": 0, "AD": 1, "Before Christ": 0, "Anno Domini": 1}
HALVES = {"AM": 0, "PM": 1}

_LETTERS = frozenset("GyMdkHmsSEDFwWahKzZYuXL")
_PIECE = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letter>[A-Za-z])(?P=letter)*|(?P<literal>[^A-Za-z'])")
_BLANKS = re.compile(r"[ \t]*")
_NUMBER = re.compile(r"-?\d{1,400}")
_LONG = 1 << 63

Field = tuple[str, int]
"""A pattern letter and how often it stands; the letter is empty where the text is literal."""


class BadPattern(ValueError):
    """A pattern that Java refuses."""


class Unreadable(ValueError):
    """A text that does not match the pattern. Does not show the text."""


class JavaDateFormat:
    """One pattern, compiled. Raises `BadPattern`. May be used by many threads.

    `now` (milliseconds) decides the century of years with two digits.
    """

    def __init__(self, pattern: str, now: int | None = None) -> None:
        self._pieces = _compiled(pattern)
        self._century_start = years_before(time.time_ns() // 1_000_000 if now is None else now, 80)

    def format(self, millis: int) -> str:
        """The text of an instant."""
        at = moment(millis)
        return "".join(piece if isinstance(piece, str) else _written(*piece, at) for piece in self._pieces)

    def parse(self, text: str) -> int:
        """The instant that a text means, in milliseconds. Raises `Unreadable`."""
        reader = _Reader(text, self._century_start)
        for index, piece in enumerate(self._pieces):
            if isinstance(piece, str):
                reader.skip(piece)
            else:
                reader.read(*piece, exact=_abuts(self._pieces[index + 1 : index + 2]))
        return reader.instant()


def _compiled(pattern: str) -> tuple[str | Field, ...]:
    pieces: list[str | Field] = []
    position = 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        if found is None:
            raise BadPattern("a quote is not closed")
        position = found.end()
        if letter := found["letter"]:
            pieces.append(_field(letter, len(found[0])))
        elif found["quoted"] is None:
            pieces.append(found["literal"])
        else:
            pieces.append(found["quoted"].replace("''", "'") or "'")
    return tuple(pieces)


def _field(letter: str, count: int) -> Field:
    if letter not in _LETTERS:
        raise BadPattern(f"{letter} is no pattern letter")
    if letter == "X" and count > 3:
        raise BadPattern("X stands at most three times")
    return letter, count


def _abuts(following: tuple[str | Field, ...]) -> bool:
    """Whether a number comes right after, so that this one has as many digits as its letters."""
    if not following or isinstance(following[0], str):
        return False
    letter, count = following[0]
    return letter not in "GEazZX" and (letter not in "ML" or count <= 2)


_NUMBERS: Mapping[str, Callable[[Moment], int]] = {
    "d": lambda at: at.day,
    "k": lambda at: _hour(at) or 24,
    "H": lambda at: _hour(at),
    "m": lambda at: at.millis_of_day // 60_000 % 60,
    "s": lambda at: at.millis_of_day // 1000 % 60,
    "S": lambda at: at.millis_of_day % 1000,
    "D": lambda at: at.day_of_year,
    "F": lambda at: at.nth_weekday,
    "w": lambda at: at.week_of_year,
    "W": lambda at: at.week_of_month,
    "h": lambda at: _hour(at) % 12 or 12,
    "K": lambda at: _hour(at) % 12,
    "u": lambda at: (at.day_of_week - 2) % 7 + 1,
}


def _hour(at: Moment) -> int:
    return at.millis_of_day // 3_600_000


def _written(letter: str, count: int, at: Moment) -> str:
    match letter:
        case "G":
            return "AD" if at.year > 0 else "BC"
        case "y" | "Y":
            year = at.week_year if letter == "Y" else at.year if at.year > 0 else 1 - at.year
            return _padded(abs(year) % 100 * (1 if year > 0 else -1), 2) if count == 2 else _padded(year, count)
        case "M" | "L" if count < 3:
            return _padded(at.month + 1, count)
        case "M" | "L":
            return MONTHS[at.month] if count > 3 else MONTHS[at.month][:3]
        case "E":
            return WEEKDAYS[at.day_of_week - 1] if count > 3 else WEEKDAYS[at.day_of_week - 1][:3]
        case "a":
            return "PM" if _hour(at) >= 12 else "AM"
        case "z":
            return "Coordinated Universal Time" if count > 3 else "UTC"
        case "Z":
            return "+0000"
        case "X":
            return "Z"
        case _:
            return _padded(_NUMBERS[letter](at), count)


def _padded(number: int, digits: int) -> str:
    return f"-{-number:0{digits}d}" if number < 0 else f"{number:0{digits}d}"


_PARTS = {
    "y": Part.YEAR,
    "Y": Part.WEEK_YEAR,
    "M": Part.MONTH,
    "L": Part.MONTH,
    "d": Part.DAY,
    "k": Part.HOUR_OF_DAY,
    "H": Part.HOUR_OF_DAY,
    "m": Part.MINUTE,
    "s": Part.SECOND,
    "S": Part.MILLISECOND,
    "D": Part.DAY_OF_YEAR,
    "F": Part.NTH_WEEKDAY,
    "w": Part.WEEK_OF_YEAR,
    "W": Part.WEEK_OF_MONTH,
    "h": Part.HOUR,
    "K": Part.HOUR,
    "u": Part.DAY_OF_WEEK,
}


def _named(names: tuple[str, ...], first: int) -> dict[str, int]:
    """Long and short names."""
    return {text: first + index for index, name in enumerate(names) for text in (name, name[:3])}


_NAMES = {
    "G": (Part.ERA, ERAS),
    "a": (Part.HALF_DAY, HALVES),
    "E": (Part.DAY_OF_WEEK, _named(WEEKDAYS, 1)),
    "M": (Part.MONTH, _named(MONTHS, 0)),
    "L": (Part.MONTH, _named(MONTHS, 0)),
}


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, century_start: int) -> None:
        self._text = text
        self._position = 0
        self._century_start = century_start
        self._ambiguous = False
        self._parts: list[tuple[Part, int]] = []

    def skip(self, literal: str) -> None:
        if not self._text.startswith(literal, self._position):
            raise Unreadable("the text does not match the pattern")
        self._position += len(literal)

    def read(self, letter: str, count: int, *, exact: bool) -> None:
        """Blanks before numbers and zones are left out; `exact`: no more characters than letters."""
        start = self._position
        after_blanks = _BLANKS.match(self._text, start).end()  # type: ignore[union-attr]  # matches everywhere
        if after_blanks == len(self._text):
            raise Unreadable("the text ends before the pattern")
        if letter in "GEa" or (letter in "ML" and count > 2):
            self._read_name(letter)
        elif letter in "zZX":
            offset, self._position = self._zone(letter, count, start, after_blanks)
            self._parts.append((Part.OFFSET, offset))
        else:
            self._read_number(letter, count, after_blanks, start + count if exact else len(self._text))

    def _read_name(self, letter: str) -> None:
        part, names = _NAMES[letter]
        here = self._text[self._position :].casefold()
        fitting = [name for name in names if here.startswith(name.casefold())]
        if not fitting:
            raise Unreadable("no name is where one should be")
        name = max(fitting, key=len)
        self._parts.append((part, names[name]))
        self._position += len(name)

    def _zone(self, letter: str, count: int, start: int, after_blanks: int) -> tuple[int, int]:
        found = numeric_offset(self._text, after_blanks, count if letter == "X" else 0)
        if found is None and letter != "X":
            found = named_offset(self._text, start, after_blanks)
        if found is None:
            raise Unreadable("no zone is where one should be")
        return found

    def _read_number(self, letter: str, count: int, start: int, end: int) -> None:
        found = _NUMBER.match(self._text, start, end)
        if found is None or end > len(self._text):
            raise Unreadable("no number is where one should be")
        self._position = found.end()
        number = int(found[0])
        number = wrapped(number, 32) if -_LONG <= number < _LONG else (2**31 - 1 if number > 0 else -(2**31))
        self._parts.append((_PARTS[letter], self._meant(letter, count, number, found[0])))

    def _meant(self, letter: str, count: int, number: int, digits: str) -> int:
        match letter:
            case "y" | "Y" if count <= 2 and len(digits) == 2 and digits.isdigit():
                first = moment(self._century_start).year
                self._ambiguous = number == first % 100
                return number + first // 100 * 100 + (100 if number < first % 100 else 0)
            case "M" | "L":
                return number - 1
            case "k":
                return 0 if number == 24 else number
            case "h":
                return 0 if number == 12 else number
            case "u":
                return number % 7 + 1 if 1 <= number <= 7 else number
            case _:
                return number

    def instant(self) -> int:
        millis = instant(self._parts)
        if self._ambiguous and millis < self._century_start:
            later = [
                (part, value + 100 if part in (Part.YEAR, Part.WEEK_YEAR) else value) for part, value in self._parts
            ]
            millis = instant(later)
        if not -_LONG <= millis < _LONG:
            raise Unreadable("the instant is out of range")
        return millis
