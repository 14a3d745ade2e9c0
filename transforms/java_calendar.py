"""`java.util.GregorianCalendar` in UTC and the locale en-US, as far as date formats need it.

The Julian calendar holds before 15 October 1582, weeks begin on Sunday, and the week with 1 January is the first.
Everything is lenient: the 32nd of January is the 1st of February. Milliseconds count from 1970, days as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum, auto
from functools import lru_cache

DAY_MILLIS = 86_400_000
GREGORIAN_YEAR = 1582
GREGORIAN_DAY = -141_427  # 15 October 1582
SUNDAY = 1


class Part(IntEnum):
    """What a date format can set. Months count from 0, days of the week from 1, Sunday; offsets are milliseconds."""

    ERA = auto()
    YEAR = auto()
    WEEK_YEAR = auto()
    MONTH = auto()
    DAY = auto()
    DAY_OF_YEAR = auto()
    DAY_OF_WEEK = auto()
    WEEK_OF_YEAR = auto()
    WEEK_OF_MONTH = auto()
    NTH_WEEKDAY = auto()
    HALF_DAY = auto()
    HOUR = auto()
    HOUR_OF_DAY = auto()
    MINUTE = auto()
    SECOND = auto()
    MILLISECOND = auto()
    OFFSET = auto()


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant taken apart. `year` goes on below 1: 0 is 1 BC."""

    year: int
    month: int
    day: int
    day_of_year: int
    day_of_week: int
    week_year: int
    week_of_year: int
    week_of_month: int
    nth_weekday: int
    millis_of_day: int


def moment(millis: int) -> Moment:
    """The calendar's view of an instant."""
    day_number, millis_of_day = divmod(millis, DAY_MILLIS)
    year, month, day = _civil(day_number)
    new_year, first = _day_number(year, 0), _day_number(year, month)
    next_week_year = _sunday_before(_day_number(year + 1, 0))
    first_week = _sunday_before(new_year)
    belongs_to_next = day_number >= next_week_year
    return Moment(
        year,
        month,
        day,
        day_number - new_year + 1,
        _day_of_week(day_number),
        year + belongs_to_next,
        1 if belongs_to_next else (day_number - first_week) // 7 + 1,
        (day_number - _sunday_before(first)) // 7 + 1,
        (day_number - first) // 7 + 1,
        millis_of_day,
    )


def instant(parts: Iterable[tuple[Part, int]]) -> int:
    """The milliseconds that parts mean, given in the order in which they were read: where they contradict each
    other the later one counts, as in Java."""
    given: dict[Part, int] = {}
    for part, value in parts:
        given.pop(part, None)
        given[part] = value
    days, millis = divmod(_time_of_day(given), DAY_MILLIS)
    return (_date(given) + days) * DAY_MILLIS + millis - given.get(Part.OFFSET, 0)


def years_before(millis: int, years: int) -> int:
    """The same day and time, that many years earlier."""
    now = moment(millis)
    day = min(now.day, 28) if now.month == 1 else now.day
    return _day_number(now.year - years, now.month, day) * DAY_MILLIS + now.millis_of_day


def _time_of_day(given: dict[Part, int]) -> int:
    return (
        (_hour(given) * 60 + given.get(Part.MINUTE, 0)) * 60_000
        + given.get(Part.SECOND, 0) * 1000
        + given.get(Part.MILLISECOND, 0)
    )


def _hour(given: dict[Part, int]) -> int:
    if Part.HOUR_OF_DAY in given and not _in_halves(tuple(given)):
        return given[Part.HOUR_OF_DAY]
    return given.get(Part.HOUR, 0) + 12 * given.get(Part.HALF_DAY, 0)


def _date(given: dict[Part, int]) -> int:
    order = tuple(given)
    rule = _rule(order)
    if rule == Part.WEEK_YEAR:
        return _week_date(given[rule], given.get(Part.WEEK_OF_YEAR, 1), given.get(Part.DAY_OF_WEEK, SUNDAY))
    year = given.get(Part.YEAR, 1970)
    if given.get(Part.ERA) == 0:
        year = 1 - year
    gregorian = _by_rule(given, rule, year, _gregorian)
    if year > GREGORIAN_YEAR and gregorian >= GREGORIAN_DAY:
        return gregorian
    by_year = rule in (Part.DAY_OF_YEAR, Part.WEEK_OF_YEAR)
    if year == GREGORIAN_YEAR and gregorian >= GREGORIAN_DAY and not by_year:
        return gregorian
    return _by_rule(given, rule, year, _julian)


def _week_date(year: int, week: int, weekday: int) -> int:
    if not 1 <= weekday <= 7:  # what is no day of the week is an ISO one that moves the week
        weeks, monday_based = divmod(weekday - 1, 7)
        week, weekday = week + weeks, (monday_based + 1) % 7 + 1
    return _sunday_before(_day_number(year, 0)) + 7 * (week - 1) + weekday - SUNDAY


Order = tuple[Part, ...]
"""The parts that were given, in the order of their giving."""


def _ages(order: Order) -> Callable[[Part], int]:
    """When a part was given: 1 for the first, 0 for never."""
    return lambda part: order.index(part) + 1 if part in order else 0


@lru_cache(maxsize=1024)
def _in_halves(order: Order) -> bool:
    """Whether hour and half of the day, both, were given after the hour of the day."""
    age = _ages(order)
    both = age(Part.HOUR) and age(Part.HALF_DAY)
    return bool(both) and max(age(Part.HOUR), age(Part.HALF_DAY)) > age(Part.HOUR_OF_DAY)


@lru_cache(maxsize=1024)
def _rule(order: Order) -> Part:
    """Which part says the day within the year: of those that are complete, the one that was given last."""
    age = _ages(order)
    if age(Part.WEEK_YEAR) > age(Part.YEAR):
        return Part.WEEK_YEAR
    weekday = age(Part.DAY_OF_WEEK)
    weeks = (Part.WEEK_OF_MONTH, Part.NTH_WEEKDAY, Part.WEEK_OF_YEAR)
    complete = {part: max(age(part), weekday) if age(part) and weekday else 0 for part in weeks}
    complete |= {part: age(part) for part in (Part.DAY, Part.DAY_OF_YEAR)}
    best = max(complete, key=lambda part: (complete[part], age(part)))
    if complete[best]:
        return best
    alone = {part: age(part) for part in weeks} | {Part.NTH_WEEKDAY: max(age(Part.NTH_WEEKDAY), weekday)}
    best = max(alone, key=lambda part: alone[part])
    return best if alone[best] else Part.DAY


Days = Callable[[int, int], int]
"""Year and month to the day number of the month's first."""


def _by_rule(given: dict[Part, int], rule: Part, year: int, days: Days) -> int:
    carried, month = divmod(given.get(Part.MONTH, 0), 12)
    first = days(year + carried, month)
    new_year = days(year, 0)
    weekday = given.get(Part.DAY_OF_WEEK, SUNDAY)
    match rule:
        case Part.DAY_OF_YEAR:
            return new_year + given[rule] - 1
        case Part.WEEK_OF_YEAR:
            return _sunday_before(new_year) + 7 * (given[rule] - 1) + (weekday - SUNDAY) % 7
        case Part.WEEK_OF_MONTH:
            return _sunday_before(first) + 7 * (given[rule] - 1) + (weekday - SUNDAY) % 7
        case Part.NTH_WEEKDAY:
            nth = given.get(rule, 1)
            if nth >= 0:
                return _weekday_before(first + 7 * nth - 1, weekday)
            length = days(year + carried + (month == 11), (month + 1) % 12) - first
            return _weekday_before(first + length + 7 * (nth + 1) - 1, weekday)
        case _:
            return first + given.get(Part.DAY, 1) - 1


def _day_of_week(day_number: int) -> int:
    return (day_number + 4) % 7 + SUNDAY


def _weekday_before(day_number: int, weekday: int) -> int:
    """The day itself, or the last before it that is this day of the week."""
    return day_number - (_day_of_week(day_number) - weekday) % 7


def _sunday_before(day_number: int) -> int:
    return _weekday_before(day_number, SUNDAY)


def _day_number(year: int, month: int, day: int = 1) -> int:
    gregorian = _gregorian(year, month) + day - 1
    return gregorian if gregorian >= GREGORIAN_DAY else _julian(year, month) + day - 1


def _gregorian(year: int, month: int) -> int:
    leap_days = _march_year(year, month)
    return _days_before_month(year, month) + leap_days // 4 - leap_days // 100 + leap_days // 400 - 719_469


def _julian(year: int, month: int) -> int:
    return _days_before_month(year, month) + _march_year(year, month) // 4 - 719_471


def _march_year(year: int, month: int) -> int:
    """The year, if it began in March: a leap day is then its last day."""
    return year if month >= 2 else year - 1


def _days_before_month(year: int, month: int) -> int:
    return _march_year(year, month) * 365 + (153 * ((month + 10) % 12) + 2) // 5 + 1


def _civil(day_number: int) -> tuple[int, int, int]:
    """Year, month and day of a day number."""
    days = _gregorian if day_number >= GREGORIAN_DAY else _julian
    year = 1970 + day_number * 400 // 146_097
    while day_number < days(year, 0):
        year -= 1
    while day_number >= days(year + 1, 0):
        year += 1
    month = next(month for month in range(11, -1, -1) if day_number >= days(year, month))
    return year, month, day_number - days(year, month) + 1
