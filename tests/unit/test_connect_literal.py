"""Header literals: the texts that Apache Kafka 4.2.1 wrote of what it read."""

from __future__ import annotations

import pytest

from transforms.connect_literal import canonical


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        ("007", "7"),
        ("+5", "5"),
        ("1.0", "1"),
        ("1e3", "1000"),
        ("1.50", "1.5"),
        ("0.00001", "1.0E-5"),
        ("1.5e40", "1.5E40"),
        ("1e400", "1E+400"),
        ("12345678901234567890", "12345678901234567890"),
        (".5", ".5"),
        ("0x10", "0x10"),
        ("-abc", "-abc"),
        ("TRUE", "TRUE"),
        ("true}", "true}"),
        ("a, b", "a, b"),
        ('"quoted"', '"quoted"'),
        ("", ""),
    ],
)
def test_numbers_are_written_as_what_they_are_and_all_else_as_it_came(literal: str, written: str) -> None:
    assert canonical(literal) == written


def test_null_is_a_header_without_a_value() -> None:
    assert canonical("null") is None


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        ("2020-01-31", "2020-01-31"),
        ("2020-13-45", "2021-02-14"),
        ("13:01:02.003Z", "13:01:02.003Z"),
        ("2020-01-31T13:01:02.003Z", "2020-01-31T13:01:02.003Z"),
        ("1970-01-01", "00:00:00.000Z"),
    ],
)
def test_dates_and_times_are_instants_and_read_leniently(literal: str, written: str) -> None:
    assert canonical(literal) == written


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        ("[1, 2.5]", "[1.0,2.5]"),
        ('["a", 1]', '["a",1]'),
        ('{"a":1, "b":2.5}', '{"a":1.0,"b":2.5}'),
        ('{"a":{"b":[]}}', '{"a":{"b":[]}}'),
        ("[1,]", "[1]"),
        ("[,1]", "[,1]"),
        ("[1 2]", "[1 2]"),
        ("[null, 1]", "[null, 1]"),
        ("{a:1}", "{a:1}"),
    ],
)
def test_numbers_in_arrays_and_maps_get_one_type(literal: str, written: str) -> None:
    assert canonical(literal) == written


@pytest.mark.parametrize(("literal", "written"), [("12:34", "12"), ("5,6", "5"), ("192.168.0.1:80", "192.168.0.1:80")])
def test_a_number_before_a_delimiter_is_all_that_is_kept(literal: str, written: str) -> None:
    assert canonical(literal) == written
