"""MaskField's options for texts: what stays readable, and what never does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.chains import avro, json_values, record_of, run, values, verdict
from transforms.mask_field import MaskField
from transforms.outcome import Code


def mask(fields: str = "x", **options: Any) -> MaskField:
    """MaskField; `_` in an option's name stands for a dot."""
    return MaskField.model_validate({"fields": fields} | {k.replace("_", "."): v for k, v in options.items()})


def masked(text: str, **options: Any) -> Any:
    return values("string", [text], mask(**options))[0]


def problem(**options: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        mask(**options)
    return str(refused.value)


def test_the_last_characters_can_stay() -> None:
    assert masked("4111111111111111", keep_last="4") == "************1111"


def test_the_first_characters_can_stay() -> None:
    assert masked("DE89370400440532013000", keep_first="4") == "DE89******************"


def test_the_mask_character_can_be_chosen() -> None:
    assert masked("secret", mask_char="#") == "######"


def test_separators_can_stay_and_are_not_counted_among_the_characters_kept() -> None:
    assert masked("123-45-6789", keep_last="4", keep_chars="-") == "***-**-6789"
    assert masked("123-45-6789", keep_first="2", keep_last="2", keep_chars="-") == "12*-**-**89"


def test_characters_of_classes_and_ranges_are_taken_literally_in_keep_chars() -> None:
    assert masked("ab]cd^ef-gh\\ij", keep_chars="]^-\\") == "**]**^**-**\\**"


@pytest.mark.parametrize("text", ["1234", "12345", "1234567"])
def test_a_text_of_which_fewer_than_four_characters_would_be_hidden_is_masked_whole(text: str) -> None:
    assert masked(text, keep_last="4") == "*" * len(text)


def test_a_text_with_four_hidden_characters_keeps_the_rest() -> None:
    assert masked("12345678", keep_last="4") == "****5678"


def test_keeping_more_than_there_is_masks_the_text_whole() -> None:
    assert masked("secret", keep_first="5", keep_last="5") == "******"
    assert masked("se-cret", keep_first="5", keep_last="5", keep_chars="-") == "*******"


def test_separators_alone_are_masked_as_well() -> None:
    assert masked("-- --", keep_chars="- ") == "*****"


def test_characters_that_are_the_mask_character_already_hide_nothing() -> None:
    """`Li****` with the first two kept would show all that it says."""
    assert masked("Li****", keep_first="2") == "******"
    assert masked("Li******56", keep_first="2", keep_last="2") == "**********"


def test_a_text_of_mask_characters_does_not_stay_as_it_came() -> None:
    assert masked("****", mask_char="*") == "*****"
    assert masked("55555555", mask_char="5") == "555555555"
    assert masked("********", mask_length="8") == "*********"


def test_an_empty_text_stays_empty() -> None:
    assert masked("", keep_last="4") == ""


def test_a_mask_of_fixed_length_hides_the_length() -> None:
    assert [masked(text, mask_length="5") for text in ("", "ab", "a" * 100)] == ["*****"] * 3


def test_a_mask_of_fixed_length_can_leave_the_ends() -> None:
    assert masked("4111111111111111", mask_length="3", keep_last="4") == "***1111"


def test_of_an_email_address_stay_the_first_character_and_the_domain() -> None:
    assert masked("jane.doe@example.com", email="domain") == "j***@example.com"
    assert masked("johnny@mail.example.co.uk", email="domain") == "j***@mail.example.co.uk"
    assert masked("jürgen.müller@bücher.example", email="domain") == "j***@bücher.example"


def test_an_email_mask_takes_another_character_and_length() -> None:
    assert masked("jane.doe@example.com", email="domain", mask_char="#", mask_length="6") == "j######@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com",
        "a@example.com",
        "@example.com",
        "jane.doe",
        "jane.doe@",
        "jane.doe@localhost",
        "jane.doe@123-45-6789",
        "jane.doe@10.0.0.1",
        "call me @ 555.1234 now",
        "jane.doe@example.com, born 1970",
        "j***@example.com",
        "jane.doe@exam\nple.com",
        "jane.doe@" + "a." * 130 + "com",
    ],
)
def test_what_is_no_address_or_would_show_nearly_all_of_it_is_masked_whole(text: str) -> None:
    assert masked(text, email="domain") == "*" * len(text)


def test_only_what_a_pattern_matches_is_masked() -> None:
    line = '{"user": "u-17", "ssn": "123-45-6789", "ok": true}'
    assert masked(line, pattern=r"\d{3}-\d{2}-\d{4}") == '{"user": "u-17", "ssn": "***********", "ok": true}'


def test_every_match_is_masked_by_itself() -> None:
    text = "from 4111111111111111 to 5500000000000004"
    assert masked(text, pattern=r"\d{16}", keep_last="4") == "from ************1111 to ************0004"
    assert masked(text, pattern=r"\d{16}", mask_length="3") == "from *** to ***"


def test_a_match_can_become_a_replacement() -> None:
    assert masked("call 555-0100, now", pattern=r"\d{3}-\d{4}", replacement="[PHONE]") == "call [PHONE], now"


def test_a_match_of_which_too_little_would_be_hidden_is_masked_whole() -> None:
    assert masked("pin 123456, ref 99", pattern=r"\d+", keep_last="4") == "pin ******, ref **"


def test_a_pattern_that_hides_fewer_than_four_characters_masks_the_text_whole() -> None:
    assert masked("jane.doe@example.com", pattern="@") == "*" * 20


def test_a_text_that_the_pattern_does_not_match_is_masked_whole() -> None:
    assert masked("nothing here", pattern=r"\d{4}") == "************"


def test_a_text_that_the_pattern_does_not_match_can_reject_its_record() -> None:
    assert masked("nothing here", pattern=r"\d{4}", pattern_unmatched="reject") is Code.UNMATCHED_PATTERN


def test_a_text_that_the_pattern_does_not_match_can_stay() -> None:
    assert masked("nothing here", pattern=r"\d{4}", pattern_unmatched="keep") == "nothing here"


def test_matches_of_nothing_are_none() -> None:
    assert masked("secret", pattern=r"\b|zzzz") == "******"


def test_a_replacement_that_puts_the_text_together_again_is_found_out() -> None:
    assert masked("xxxxxxxx", pattern="^x{3}|x{5}", replacement="xxxx") != "xxxxxxxx"


def test_half_of_a_surrogate_pair_rejects_its_record() -> None:
    shape = json_values()
    assert run(shape, [{"x": "secret \ud800"}], mask(pattern=r"\d+")) == [Code.NOT_ENCODABLE]


def test_a_pattern_takes_time_in_proportion_to_the_text() -> None:
    """With backtracking this would outlast the universe."""
    assert masked("a" * 5000 + "!", pattern="(a+)+$") == "*" * 5001


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({"keep_last": "4"}, "protected"),
        ({"email": "domain"}, "protected"),
        ({"mask_length": "8"}, "protected"),
        ({"pattern": "[0-9]+"}, "protected"),
        ({"pattern": "[0-9]+", "pattern_unmatched": "reject"}, "protected"),
        ({"pattern": "[0-9]+", "pattern_unmatched": "keep"}, "uncovered"),
    ],
)
def test_only_a_mask_that_surely_changes_a_text_counts_as_protection(options: dict[str, str], counts: str) -> None:
    assert verdict(avro(record_of("string")), mask(**options)) == counts
    assert verdict(avro(record_of(["null", "string", "long"])), mask(**options)) == counts


def test_a_number_is_protected_even_where_texts_may_stay() -> None:
    assert verdict(avro(record_of("long")), mask(pattern="[0-9]+", pattern_unmatched="keep")) == "protected"


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}


@pytest.mark.parametrize(
    ("type_", "value", "empty"),
    [
        ("int", 123456, 0),
        ("long", 123456, 0),
        ("double", 1.5, 0.0),
        ("boolean", True, False),
        ("bytes", "c2VjcmV0", ""),
        (DECIMAL, "12.34", "0.00"),
        ({"type": "int", "logicalType": "date"}, "1999-12-31", "1970-01-01"),
        ({"type": "int", "logicalType": "time-millis"}, "13:01:02.003", "00:00:00.000"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "1999-12-31T13:01:02.003Z", "1970-01-01T00:00:00.000Z"),
        ({"type": "fixed", "name": "F", "size": 3}, "AQID", "AAAA"),
        ({"type": "enum", "name": "E", "symbols": ["MALE", "FEMALE"]}, "FEMALE", ""),
        ({"type": "array", "items": "string"}, ["secret"], []),
        ({"type": "map", "values": "string"}, {"k": "secret"}, {}),
    ],
)
def test_what_is_no_text_becomes_its_empty_value(type_: Any, value: Any, empty: Any) -> None:
    for options in ({"keep_last": "4"}, {"email": "domain"}, {"pattern": "[0-9]", "pattern_unmatched": "keep"}):
        assert values(type_, [value], mask(**options)) == [empty]


def test_a_uuid_in_a_string_is_masked_as_a_text() -> None:
    type_ = {"type": "string", "logicalType": "uuid"}
    [found] = values(type_, ["6f1c2d3e-0000-4000-8000-00000000abcd"], mask(keep_last="4", keep_chars="-"))
    assert found == "********-****-****-****-********abcd"


def test_each_branch_of_a_union_is_masked_as_what_it_is() -> None:
    assert values(["null", "string", "long"], [None, "12345678", 77], mask(keep_last="4")) == [None, "****5678", 0]


def test_a_value_without_a_schema_is_masked_as_what_it_is() -> None:
    given: list[Any] = ["12345678", 77, 1.5, True, ["a"], {"a": 1}, None]
    found = run(json_values(), [{"x": value} for value in given], mask(keep_last="4"))
    assert found == [{"x": value} for value in ["****5678", 0, 0.0, False, [], {}, None]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep_chars": "-a"}, "no letters or digits"),
        ({"keep_chars": "٣"}, "no letters or digits"),
        ({"keep_chars": "Ⓐ"}, "no letters or digits"),
        ({"keep_chars": "\u0301"}, "no letters or digits"),
        ({"mask_char": "**"}, "one printable character"),
        ({"mask_char": ""}, "one printable character"),
        ({"mask_char": "\ud800"}, "one printable character"),
        ({"keep_first": "-1"}, "greater than or equal to 0"),
        ({"mask_length": "0"}, "greater than or equal to 1"),
        ({"pattern": "["}, "RE2's syntax"),
        ({"pattern": "(?=a)"}, "RE2's syntax"),
        ({"pattern": r"\d*"}, "does not match the empty text"),
        ({"pattern": ""}, "does not match the empty text"),
        ({"pattern": r"a\C"}, "single bytes"),
        ({"pattern_unmatched": "keep"}, "pattern.unmatched goes with pattern"),
        ({"email": "domain", "keep_last": "4"}, "email goes with neither"),
        ({"email": "domain", "pattern": "a"}, "email goes with neither"),
        ({"mask_length": "4", "keep_chars": "-"}, "would show"),
        ({"replacement": "x", "keep_last": "4"}, "replacement takes the place"),
        ({"replacement": "x", "pattern": "a", "mask_char": "#"}, "replacement takes the place"),
    ],
)
def test_options_that_would_not_do_what_they_say_are_refused(options: dict[str, str], said: str) -> None:
    assert said in problem(**options)


TEXTS = st.text(st.one_of(st.sampled_from("*#5ab1-@. "), st.characters(exclude_categories=["Cs"])), max_size=40)
PARTIAL = st.fixed_dictionaries(
    {},
    optional={
        "keep_first": st.integers(0, 12),
        "keep_last": st.integers(0, 12),
        "mask_char": st.sampled_from("*#5a-"),
        "keep_chars": st.text("*#-@. ", max_size=4),
    },
).filter(bool)
PATTERNS = st.sampled_from([r"\d+", r"\w", "a|ab", r"\b|a+", ".", "[*]+", r"(?s).{3}", "^.", ".$"])
OPTIONS = st.one_of(
    PARTIAL,
    st.fixed_dictionaries({"mask_length": st.integers(1, 10)}, optional={"keep_first": st.integers(0, 6)}),
    st.just({"email": "domain"}),
    st.builds(lambda options, pattern: {**options, "pattern": pattern}, st.one_of(PARTIAL, st.just({})), PATTERNS),
    st.fixed_dictionaries({"pattern": PATTERNS, "replacement": st.sampled_from(["x", "*", "ab", "1234"])}),
    st.fixed_dictionaries({"pattern": PATTERNS, "pattern_unmatched": st.just("keep")}),
)


@given(text=TEXTS, options=OPTIONS)
def test_no_text_comes_out_as_it_went_in_unless_it_was_said_that_it_may(text: str, options: dict[str, Any]) -> None:
    found = masked(text, **options)
    assert found != text or not text or options.get("pattern_unmatched") == "keep"


@given(prefix=st.text("ab1", max_size=8), suffix=st.text("ab1", max_size=8), options=PARTIAL, data=st.data())
def test_what_is_hidden_does_not_show_in_the_result(
    prefix: str, suffix: str, options: dict[str, Any], data: st.DataObject
) -> None:
    """Two texts that differ only in hidden characters, none of which is a mask character, become the same."""
    size = data.draw(st.integers(4, 10))
    one, other = (data.draw(st.text("xyz789", min_size=size, max_size=size)) for _ in range(2))
    options = {**options, "mask_char": "*", "keep_first": len(prefix), "keep_last": len(suffix)}
    assert masked(prefix + one + suffix, **options) == masked(prefix + other + suffix, **options)
