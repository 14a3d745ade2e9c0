"""Date patterns mean what `java.text.SimpleDateFormat` makes of them, in UTC and en-US (checked against Java 17)."""

from __future__ import annotations

import pytest

from transforms.java_date_format import BadPattern, JavaDateFormat, Unreadable

AFTERNOON = 1580475662003  # Friday, 31 January 2020, 13:01:02.003
DAY = 86_400_000
NEW_YEAR_2024 = 1704067200000


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2020-01-31T13:01:02.003Z"),
        ("EEEE, d MMMM yyyy G", "Friday, 31 January 2020 AD"),
        ("EEE, d MMM yy", "Fri, 31 Jan 20"),
        ("h:mm a, K, k, H", "1:01 PM, 1, 13, 13"),
        ("D F W w u", "31 5 5 5 5"),
        ("YYYY-'W'ww", "2020-W05"),
        ("S SS SSSSS", "3 03 00003"),
        ("yyyyy.MM", "02020.01"),
        ("L LLL", "1 Jan"),
        ("z Z X XX zzzz", "UTC +0000 Z Z Coordinated Universal Time"),
        ("''yyyy'' 'o''clock'", "'2020' o'clock"),
    ],
)
def test_every_letter_writes_its_part(pattern: str, text: str) -> None:
    assert JavaDateFormat(pattern).format(AFTERNOON) == text


def test_midnight_and_noon_are_twelve_or_twenty_four() -> None:
    assert JavaDateFormat("h k K H a").format(0) == "12 24 0 0 AM"
    assert JavaDateFormat("h k K H a").format(DAY // 2) == "12 12 0 12 PM"


def test_the_week_with_the_first_of_january_belongs_to_the_new_year() -> None:
    assert JavaDateFormat("YYYY-ww").format(NEW_YEAR_2024 - DAY) == "2024-01"


def test_the_julian_calendar_holds_before_15_october_1582() -> None:
    assert JavaDateFormat("yyyy-MM-dd").format(-141_427 * DAY) == "1582-10-15"
    assert JavaDateFormat("yyyy-MM-dd").format(-141_428 * DAY) == "1582-10-04"


def test_the_year_before_1_is_1_before_christ() -> None:
    assert JavaDateFormat("y G").format(-62_150_000_000_000) == "1 BC"
    assert JavaDateFormat("y G").parse("1 BC") < JavaDateFormat("y G").parse("1 AD")


@pytest.mark.parametrize(
    ("pattern", "text", "same_as"),
    [
        ("yyyy-MM-dd", "2020-01-31", "2020-01-31"),
        ("yyyy-MM-dd", "2020-01-31 trailing", "2020-01-31"),
        ("yyyy-MM-dd", "2020-1-5", "2020-01-05"),
        ("yyyy-MM-dd", "2020-02-30", "2020-03-01"),
        ("yyyy-MM-dd", "2020-13-01", "2021-01-01"),
        ("yyyy-MM-dd", " 2020- 1- 5", "2020-01-05"),
        ("yyyyMMdd", "20200131", "2020-01-31"),
        ("d MMM yyyy", "31 jAnUaRy 2020", "2020-01-31"),
        ("EEE d MMM yyyy", "Mon 31 Jan 2020", "2020-01-31"),
        ("yyyy DDD", "2020 031", "2020-01-31"),
        ("YYYY-'W'ww-u", "2020-W05-5", "2020-01-31"),
        ("yyyy-MM W E", "2020-01 5 Fri", "2020-01-31"),
        ("yyyy-MM F E", "2020-01 5 Fri", "2020-01-31"),
        ("yyyy", "2020", "2020-01-01"),
        ("HH", "25", "1970-01-02T01"),
        ("hh a", "12 AM", "1970-01-01T00"),
        ("kk", "24", "1970-01-01T00"),
        ("yyyy-MM-dd HH z", "2020-01-31 00 PST", "2020-01-31T08"),
        ("yyyy-MM-dd HH z", "2020-01-31 08 GMT+8:00", "2020-01-31T00"),
        ("yyyy-MM-dd HH Z", "2020-01-31 02 +0200", "2020-01-31T00"),
        ("yyyy-MM-dd HH X", "2020-01-31 02 +02", "2020-01-31T00"),
        ("yyyy-MM-dd HHXXX", "2020-01-31 00Z", "2020-01-31T00"),
    ],
)
def test_reading_is_lenient(pattern: str, text: str, same_as: str) -> None:
    written = JavaDateFormat("yyyy-MM-dd'T'HH" if "T" in same_as else "yyyy-MM-dd")
    assert written.format(JavaDateFormat(pattern).parse(text)) == same_as


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd", ""),
        ("yyyy-MM-dd", "2020/01/31"),
        ("yyyy-MM-dd", "20200131"),
        ("yyyyMMdd", "2020"),
        ("MMM yyyy", "Foo 2020"),
        ("MM yyyy", "Jan 2020"),
        ("HH", "+5"),
        ("yyyy z", "2020 Nowhere Time"),
        ("yyyy z", "2020 WESTWARD"),
        ("yyyy X", "2020 +2"),
        ("yyyy XXX", "2020 +0200"),
        ("yyyy'T'HH", "2020 05"),
    ],
)
def test_a_text_that_does_not_match_is_refused_and_not_shown(pattern: str, text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        JavaDateFormat(pattern).parse(text)
    assert not text or text not in str(refused.value)


def test_two_digits_of_a_year_lie_between_80_years_ago_and_20_ahead() -> None:
    short = JavaDateFormat("yy-MM-dd", now=NEW_YEAR_2024)
    year = JavaDateFormat("yyyy").format
    assert [year(short.parse(f"{yy}-06-01")) for yy in ("43", "44", "99", "00", "24")] == [
        *("2043", "1944", "1999", "2000", "2024")
    ]


def test_the_century_of_a_two_digit_year_is_decided_to_the_day() -> None:
    short = JavaDateFormat("yy-MM-dd", now=NEW_YEAR_2024 + 100 * DAY)  # 10 April 2024
    year = JavaDateFormat("yyyy").format
    assert [year(short.parse(text)) for text in ("44-04-09", "44-04-11")] == ["2044", "1944"]


def test_other_numbers_of_digits_are_years_as_they_stand() -> None:
    year = JavaDateFormat("yyyy").format
    assert [year(JavaDateFormat("yy").parse(text)) for text in ("7", "007", "2250")] == ["0007", "0007", "2250"]


@pytest.mark.parametrize("pattern", ["b", "yyyy-MM-ddTHH", "XXXX", "yyyy 'at", "'"])
def test_a_pattern_that_java_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        JavaDateFormat(pattern)
