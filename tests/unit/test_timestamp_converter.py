"""TimestampConverter changes how instants are represented, in UTC."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.chains import avro, bound, json_values, record_of, run, values, verdict
from tests.unit.configuring import chain_errors
from transforms.cast import Cast
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.timestamp_converter import TimestampConverter

DATE = {"type": "int", "logicalType": "date"}
TIME = {"type": "int", "logicalType": "time-millis"}
TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}
TIMESTAMP_MICROS = {"type": "long", "logicalType": "timestamp-micros"}
AFTERNOON = "2020-01-31T13:01:02.003Z"


def to(target: str, **options: str) -> TimestampConverter:
    """A converter of the field `x`."""
    return TimestampConverter(**{"field": "x", "target.type": target, **options})


def unix(target: str, precision: str) -> TimestampConverter:
    return to(target, **{"unix.precision": precision})


@pytest.mark.parametrize(
    ("target", "becomes"),
    [
        ("Timestamp", AFTERNOON),
        ("Date", "2020-01-31"),
        ("Time", "13:01:02.003"),
        ("unix", 1580475662003),
        ("string", "31/01/2020 13.01"),
    ],
)
@pytest.mark.parametrize(
    ("type_", "given"),
    [(TIMESTAMP, AFTERNOON), ("long", 1580475662003), (TIMESTAMP_MICROS, "2020-01-31T13:01:02.003999Z")],
)
def test_an_instant_becomes_what_the_target_asks_for(type_: Any, given: Any, target: str, becomes: Any) -> None:
    assert values(type_, [given], to(target, format="dd/MM/yyyy HH.mm")) == [becomes]


def test_a_date_is_its_midnight_and_a_time_is_on_the_first_day() -> None:
    assert values(DATE, ["2020-01-31"], to("unix")) == [1580428800000]
    assert values(TIME, ["13:01:02.003"], to("Timestamp")) == ["1970-01-01T13:01:02.003Z"]


def test_before_1970_dates_and_times_go_down_to_the_day() -> None:
    assert values("long", [-1], to("Date")) == ["1969-12-31"]
    assert values("long", [-1], to("Time")) == ["23:59:59.999"]


@pytest.mark.parametrize(
    ("precision", "given", "millis"),
    [("seconds", 5, 5000), ("milliseconds", 5, 5), ("microseconds", -1500, -1), ("nanoseconds", -1_999_999, -1)],
)
def test_unix_times_have_the_unit_that_is_configured_and_are_cut_off_toward_zero(
    precision: str, given: int, millis: int
) -> None:
    assert values("long", [given], unix("Timestamp", precision), to("unix")) == [millis]


@pytest.mark.parametrize(
    ("precision", "becomes"),
    [("seconds", -1), ("milliseconds", -1500), ("microseconds", -1_500_000), ("nanoseconds", -1_500_000_000)],
)
def test_unix_times_are_written_in_the_unit_that_is_configured(precision: str, becomes: int) -> None:
    assert values(TIMESTAMP, ["1969-12-31T23:59:58.500Z"], unix("unix", precision)) == [becomes]


def test_what_exceeds_64_bits_is_the_largest_number_there_is() -> None:
    assert values("long", [2**63 - 1], unix("Timestamp", "seconds"), to("unix")) == [2**63 - 1]


def test_a_date_beyond_32_bits_of_days_is_rejected() -> None:
    assert values("long", [2**63 - 1], to("Date")) == [Code.OUT_OF_RANGE]


def test_text_is_read_by_the_pattern() -> None:
    assert values("string", ["31/01/2020", "soon"], to("Timestamp", format="dd/MM/yyyy")) == [
        "2020-01-31T00:00:00.000Z",
        Code.BAD_TIMESTAMP,
    ]


def test_text_without_a_pattern_is_rejected() -> None:
    assert values("string", ["2020-01-31"], to("Timestamp")) == [Code.BAD_TIMESTAMP]


def test_two_converters_change_the_pattern_of_a_text_with_and_without_a_schema() -> None:
    chain = to("Timestamp", format="dd/MM/yyyy"), to("string", format="yyyyMMdd")
    assert values("string", ["31/01/2020"], *chain) == ["20200131"]
    assert run(json_values(), [{"x": "31/01/2020"}], *chain) == [{"x": "20200131"}]


def test_without_a_schema_a_date_is_a_timestamp_for_json_and_no_number_for_a_cast() -> None:
    assert run(json_values(), [{"x": 86_400_001}], to("Date")) == [{"x": "1970-01-02T00:00:00.000Z"}]
    assert run(json_values(), [{"x": 86_400_001}], to("Date"), Cast(spec="x:string")) == [Code.WRONG_TYPE]


def test_without_a_schema_whole_numbers_are_unix_times_and_absent_fields_appear() -> None:
    given = [{"x": 5}, {"x": 5.0}, {"x": True}, {"x": None}, {}, [5]]
    assert run(json_values(), given, unix("unix", "seconds")) == [
        {"x": 5},
        Code.WRONG_TYPE,
        Code.WRONG_TYPE,
        {"x": None},
        {"x": None},
        Code.WRONG_TYPE,
    ]


@pytest.mark.parametrize("type_", ["int", "double", "bytes", {"type": "array", "items": "long"}])
def test_a_type_that_holds_no_instants_rejects_the_records_of_the_schema(type_: Any) -> None:
    given = {"int": 1, "double": 1.0, "bytes": ""}.get(str(type_), [])
    assert values(type_, [given], to("unix")) == [Code.WRONG_TYPE]


def test_a_converted_field_loses_its_default_and_doc() -> None:
    shape = avro(record_of([TIMESTAMP, "null"], default=1000, doc="when"))
    end = next(bound(shape, to("unix")).ends()).shape
    assert end is not None
    assert end.value.type.fields[0].attrs == {"default": None}
    assert run(shape, [{"x": None}], to("unix")) == [{"x": 1000}]


def test_the_tag_stays_and_converting_does_not_protect() -> None:
    assert verdict(avro(record_of(TIMESTAMP)), to("string", format="yyyy")) == "uncovered"
    assert verdict(avro(record_of(TIMESTAMP)), MaskField(fields="x"), to("string", format="yyyy")) == "protected"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target.type": "string"}, "format must be given"),
        ({"target.type": "string", "format": "yyyy-bb"}, "b is no pattern letter"),
        ({"target.type": "timestamp"}, "target.type"),
        ({"target.type": "unix", "unix.precision": "days"}, "unix.precision"),
        ({}, "target.type"),
    ],
)
def test_options_that_cannot_work_are_configuration_errors(options: dict[str, str], says: str) -> None:
    given = {f"transforms__c__{name.replace('.', '__')}": text for name, text in options.items()}
    errors = chain_errors(transforms="c", transforms__c__type="TimestampConverter", **given)
    assert len(errors) == 1
    assert says in errors[0]
