"""Cast changes types as Java does, and takes tags and guards along."""

from __future__ import annotations

import math
from typing import Any

import pytest

from connector.coverage import judge
from connector.envelope import Envelope
from connector.protecting import protection_of
from connector.shapes import raw_root, shape_of
from registry.schema.tags import TagRules
from registry.schema.tree import Shape
from tests.unit.chains import avro, bound, json_values, record_of, run, values, verdict
from tests.unit.configuring import chain_errors, chain_of
from transforms.cast import Cast
from transforms.java_numbers import double_text, float_text
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.transform import Context

DATE = {"type": "int", "logicalType": "date"}
TIME = {"type": "int", "logicalType": "time-millis"}
TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}


def cast(type_: Any, given: list[Any], target: str) -> list[Any]:
    return values(type_, given, Cast(spec=f"x:{target}"))


def decimal(scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": scale}


def test_integers_lose_their_high_bits() -> None:
    assert cast("long", [127, 128, -129, 2**32 + 5], "int8") == [127, -128, 127, 5]
    assert cast("long", [2**31, -(2**31) - 1], "int32") == [-(2**31), 2**31 - 1]


def test_doubles_are_cut_off_and_saturate_before_they_lose_bits() -> None:
    assert cast("double", [3.9, -3.9, 1e30, -1e30, "NaN"], "int64") == [3, -3, 2**63 - 1, -(2**63), 0]
    assert cast("double", [1e30, 300.7], "int8") == [-1, 44]


def test_numbers_beyond_32_bits_become_infinite_floats() -> None:
    assert cast("double", [1e300, -1e300], "float32") == ["Infinity", "-Infinity"]


def test_a_number_is_true_when_something_is_left_without_its_fraction() -> None:
    assert cast("double", [0.5, -1.5, 0.0], "boolean") == [False, True, False]
    assert cast(decimal(2), ["0.99", "-1.00"], "boolean") == [False, True]


def test_only_the_word_true_is_true_in_any_case() -> None:
    assert cast("string", ["true", "TRUE", "1", "yes", " true"], "boolean") == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("12", 12),
        ("+12", 12),
        ("-0", 0),
        ("١٢", 12),
        ("2147483648", Code.OUT_OF_RANGE),
        ("", Code.NOT_A_NUMBER),
        (" 12", Code.NOT_A_NUMBER),
        ("1_000", Code.NOT_A_NUMBER),
        ("1.0", Code.NOT_A_NUMBER),
        ("0x1F", Code.NOT_A_NUMBER),
        ("9" * 5000, Code.NOT_A_NUMBER),
    ],
)
def test_whole_numbers_are_read_as_java_reads_them(text: str, becomes: Any) -> None:
    assert cast("string", [text], "int32") == [becomes]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (" 1.5\n", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.5f", 1.5),
        ("2D", 2.0),
        ("0x1.8p1", 3.0),
        ("1e400", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("NaN", "NaN"),
        ("inf", Code.NOT_A_NUMBER),
        ("1_0", Code.NOT_A_NUMBER),
        ("0x1F", Code.NOT_A_NUMBER),
        ("1.5.2", Code.NOT_A_NUMBER),
        ("", Code.NOT_A_NUMBER),
    ],
)
def test_decimal_numbers_are_read_as_java_reads_them(text: str, becomes: Any) -> None:
    assert cast("string", [text], "float64") == [becomes]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (100.0, "100.0"),
        (0.001, "0.001"),
        (9.999e-4, "9.999E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (123456789.125, "1.23456789125E8"),
        (-0.0, "-0.0"),
        (5e-324, "4.9E-324"),
        (2e23, "2.0E23"),
        (math.inf, "Infinity"),
        (math.nan, "NaN"),
    ],
)
def test_doubles_are_written_as_java_writes_them(number: float, text: str) -> None:
    assert double_text(number) == text


def test_floats_have_the_fewest_digits_that_32_bits_need() -> None:
    assert cast("float", [0.1, 16777216.0, 3.4028235e38, 1.4e-45], "string") == [
        "0.1",
        "1.6777216E7",
        "3.4028235E38",
        "1.4E-45",
    ]
    assert float_text(-math.inf) == "-Infinity"


def test_a_float_becomes_the_double_that_it_is_and_not_the_one_it_looks_like() -> None:
    assert cast("float", [0.1], "float64") == [0.10000000149011612]


def test_decimals_are_written_as_big_decimal_writes_them() -> None:
    assert cast(decimal(2), ["12.30", "-0.05"], "string") == ["12.30", "-0.05"]
    assert cast(decimal(9), ["0.000000001"], "string") == ["1E-9"]


def test_decimals_are_cut_off_and_lose_their_high_bits() -> None:
    assert cast(decimal(2), ["12.99", "-12.99"], "int32") == [12, -12]
    assert cast(decimal(0), [str(2**64 + 7)], "int64") == [7]


def test_dates_and_times_are_the_numbers_that_they_are_stored_as() -> None:
    assert cast(DATE, ["1970-01-11"], "int32") == [10]
    assert cast(TIME, ["00:00:01.500"], "int64") == [1500]
    assert cast(TIMESTAMP, ["1970-01-01T00:00:02.000Z"], "int64") == [2000]


def test_a_date_as_text_goes_by_the_instant_alone() -> None:
    assert cast(DATE, ["2020-01-31", "1960-01-31"], "string") == ["2020-01-31", "00:00:00.000Z"]
    assert cast(TIMESTAMP, ["2020-01-31T00:00:00.000Z", "2020-01-31T00:00:00.001Z"], "string") == [
        "2020-01-31",
        "2020-01-31T00:00:00.001Z",
    ]


def test_bytes_become_base64_text_and_nothing_else() -> None:
    assert cast("bytes", ["AP9oaQ=="], "string") == ["AP9oaQ=="]
    assert cast("bytes", ["AP9oaQ=="], "int32") == [Code.WRONG_TYPE]


@pytest.mark.parametrize("type_", [{"type": "array", "items": "int"}, {"type": "map", "values": "int"}])
def test_containers_cannot_be_cast_but_their_nulls_can(type_: dict[str, Any]) -> None:
    full: Any = [1] if type_["type"] == "array" else {"a": 1}
    assert values(["null", type_], [full, None], Cast(spec="x:string")) == [Code.WRONG_TYPE, None]


def test_a_null_stays_null_unless_the_field_has_a_default() -> None:
    assert values(["null", "int"], [None], Cast(spec="x:string")) == [None]
    nullable = avro(record_of(["int", "null"], default=5))
    assert run(nullable, [{"x": None}], Cast(spec="x:string")) == [{"x": "5"}]
    kept = Cast(**{"spec": "x:string", "replace.null.with.default": "false"})
    assert run(nullable, [{"x": None}], kept) == [{"x": None}]


def test_the_default_is_cast_with_the_field() -> None:
    assert after(avro(record_of("double", default=-42.5)), Cast(spec="x:int32")).value.type.fields[0].attrs == {
        "default": -42
    }


def test_a_default_that_cannot_be_cast_rejects_the_records_of_the_schema() -> None:
    assert run(avro(record_of("string", default="n/a")), [{"x": "1"}], Cast(spec="x:int32")) == [Code.NOT_A_NUMBER]


def test_a_field_that_the_schema_lacks_is_left_out() -> None:
    assert run(avro(record_of("int")), [{"x": 1}], Cast(spec="y:string")) == [{"x": 1}]


def test_without_a_schema_values_are_cast_as_what_they_are_and_absent_ones_appear() -> None:
    given = [{"a": 1.9, "b": True, "c": "7"}, {"a": [1]}, "text"]
    assert run(json_values(), given, Cast(spec="a:int32,b:string,d:int8")) == [
        {"a": 1, "b": "true", "c": "7", "d": None},
        Code.WRONG_TYPE,
        Code.WRONG_TYPE,
    ]


def test_a_whole_value_is_cast_by_a_type_alone() -> None:
    assert run(avro("double"), [3.9], Cast(spec="int32")) == [3]
    assert run(json_values(), [True, "1e3", {}], Cast(spec="float64")) == [1.0, 1000.0, Code.WRONG_TYPE]


def test_a_whole_date_becomes_a_plain_number_with_its_default() -> None:
    chain = protection_of(chain_of(transforms="c", transforms__c__type="Cast", transforms__c__spec="int64"))
    record = {"topic": "t", "partition": 0, "offset": 0, "timestamp": 0, "headers": [], "key_schema": None, "key": None}
    schema = {**DATE, "connect.default": 3}
    answer = Envelope(chain).apply({**record, "value_schema": schema, "value": "1970-01-11"})["record"]
    assert (answer["value_schema"], answer["value"]) == ({"type": "long", "connect.default": 3}, 10)


def test_a_cast_keeps_the_tag_and_does_not_protect() -> None:
    assert verdict(avro(record_of("long")), Cast(spec="x:string")) == "uncovered"


def test_a_cast_keeps_the_protection_that_a_mask_gave() -> None:
    assert verdict(avro(record_of("long")), MaskField(fields="x"), Cast(spec="x:string")) == "protected"


def test_a_cast_container_answers_for_the_tags_of_what_was_in_it() -> None:
    inner = {"type": "record", "name": "In", "fields": [{"name": "ssn", "type": "string", "confluent:tags": ["PII"]}]}
    shape = avro({"type": "record", "name": "Out", "fields": [{"name": "x", "type": inner}]})
    assert verdict(shape, Cast(spec="x:string")) == "uncovered"


@pytest.mark.parametrize("target", ["string", "int64"])
def test_a_raw_key_stays_unproven_whatever_it_is_cast_to(target: str) -> None:
    shape = shape_of(raw_root("key", "string", TagRules()), avro("int").value, TagRules())
    plan = bound(shape, Cast(**{"$side": "key", "spec": target}))
    key = next(finding for finding in judge(shape, plan, Context().sensitive) if finding.side == "key")
    assert str(key.verdict) == "unproven"


def test_the_cast_to_the_type_that_it_has_costs_nothing() -> None:
    assert not list(bound(avro(record_of("string")), Cast(spec="x:string")).steps())


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "must name at least one cast"),
        ("x:bytes", "casts to bytes: expected one of int8, int16"),
        ("x:", "casts to x"),
        ("x:y:int8", "has an invalid cast: x:y:int8"),
        ("x:int8,string", "must then have no other entry"),
    ],
)
def test_a_spec_that_cannot_be_read_is_a_configuration_error(spec: str, says: str) -> None:
    errors = chain_errors(transforms="c", transforms__c__type="Cast", transforms__c__spec=spec)
    assert len(errors) == 1
    assert says in errors[0]


def after(shape: Shape, transform: Cast) -> Shape:
    end = next(bound(shape, transform).ends()).shape
    assert end is not None
    return end
