"""Fpe and FpeDecrypt: what users see of format-preserving encryption."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.plan import Link
from tests.unit.chains import KEYS, avro, bound, json_values, record_of, run, values, verdict
from tests.unit.configuring import RING as RING_DOCUMENT
from tests.unit.configuring import chain_errors
from transforms.ff1 import FF1
from transforms.fpe import ALPHABETS, Fpe, FpeDecrypt
from transforms.mask_field import MaskField
from transforms.outcome import Code, Unbindable

CARD = "4111111111111111"
GREEK = "".join(map(chr, range(0x3B1, 0x3CA)))


def fpe(**options: Any) -> Fpe:
    """Fpe of the field x; `_` in an option's name stands for a dot."""
    return Fpe.model_validate(_options(options))


def undo(**options: Any) -> FpeDecrypt:
    return FpeDecrypt.model_validate(_options(options))


def _options(options: dict[str, Any]) -> dict[str, Any]:
    return {"fields": "x", "key": "ring", "domain": "D"} | {k.replace("_", "."): v for k, v in options.items()}


def one(value: Any, type_: Any = "string", **options: Any) -> Any:
    return values(type_, [value], fpe(**options))[0]


def there_and_back(type_: Any, given: list[Any], **options: Any) -> list[Any]:
    return values(type_, given, fpe(**options), undo(**options))


def problem(**options: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        fpe(**options)
    return str(refused.value)


def is_luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(sum(map(int, str(number))) for number in doubled) % 10 == 0


def luhn(payload: str) -> str:
    return next(payload + digit for digit in "0123456789" if is_luhn(payload + digit))


# What stays


def test_a_value_keeps_its_length_and_alphabet() -> None:
    found = one(CARD)
    assert found != CARD
    assert len(found) == 16
    assert found.isdigit()


def test_separators_stay_where_they_are() -> None:
    found = one("123-45-6789")
    assert [found[3], found[6]] == ["-", "-"]
    assert found.replace("-", "").isdigit()


def test_the_same_digits_with_other_separators_become_the_same_digits() -> None:
    forms = ["123456789", "123-45-6789", "123 45 6789", "(123) 45/67.89", "--123456789--"]
    found = values("string", forms, fpe())
    assert {"".join(filter(str.isdigit, text)) for text in found} == {found[0]}
    assert [[c for c in text if not c.isdigit()] for text in found] == [
        [c for c in f if not c.isdigit()] for f in forms
    ]


def test_a_percent_sign_can_be_a_separator() -> None:
    assert there_and_back("string", ["%1234%56789%"], separators="%") == ["%1234%56789%"]
    assert one("12%%345678", separators="%")[2:4] == "%%"


def test_the_first_and_last_characters_can_stay_separators_not_counted() -> None:
    found = one("4111-1111-1111-1234", keep_first="6", keep_last="4")
    assert found.startswith("4111-11")
    assert found.endswith("-1234")
    assert found != "4111-1111-1111-1234"


def test_kept_characters_need_not_be_in_the_alphabet() -> None:
    found = one("DE89370400440532013000", keep_first="2")
    assert found.startswith("DE")
    assert found[2:].isdigit()


def test_kept_characters_are_the_tweak_so_equal_middles_become_different() -> None:
    first, second = values("string", ["DE12345678", "FR12345678"], fpe(keep_first="2"))
    assert first[2:] != second[2:]


def test_null_stays_null() -> None:
    assert values(["null", "string"], [None, CARD, None], fpe())[::2] == [None, None]


def test_an_alphabet_of_ones_own_can_be_any_characters() -> None:
    found = one(GREEK[:12], alphabet=GREEK)
    assert set(found) <= set(GREEK)
    assert there_and_back("string", [GREEK[:12], "\U0001f600" * 30], alphabet=GREEK + "\U0001f600") == [
        GREEK[:12],
        "\U0001f600" * 30,
    ]


def test_a_uuid_stays_a_uuid_under_the_hexadecimal_alphabet() -> None:
    type_ = {"type": "string", "logicalType": "uuid"}
    found = values(type_, ["6f1c2d3e-0000-4000-8000-00000000abcd"], fpe(alphabet="0123456789abcdef"))[0]
    assert [len(part) for part in found.split("-")] == [8, 4, 4, 4, 12]


# What is computed


def test_the_ciphertext_is_ff1_under_the_derived_key() -> None:
    """Anyone with the ring key can compute it: subkey, tweak and alphabet are pinned."""
    ff1 = FF1(KEYS["ring"].subkey("fpe", "PII.IBAN", 32), ALPHABETS["digits"])
    [expected] = ff1.encrypt(["893704004405320130"], b"DE00")
    assert one("DE89 3704 0044 0532 0130 00", domain="PII.IBAN", keep_first="2", keep_last="2") == (
        f"DE{expected[:2]} {expected[2:6]} {expected[6:10]} {expected[10:14]} {expected[14:18]} 00"
    )


def test_domains_and_rings_give_different_ciphertexts() -> None:
    found = {one(CARD), one(CARD, domain="E"), one(CARD, key="other")}
    assert len(found) == 3


def test_the_domain_is_the_only_tag_of_the_field_unless_it_is_given() -> None:
    options = {"fields": "x", "key": "ring"}
    assert values("string", [CARD], Fpe.model_validate(options)) == [one(CARD, domain="PII")]


# What is rejected


@pytest.mark.parametrize("text", ["", "12345", "12-34-5", "-" * 20])
def test_a_value_with_fewer_than_a_million_others_of_its_form_is_rejected(text: str) -> None:
    assert one(text) is Code.TOO_SHORT


def test_kept_characters_do_not_count_towards_the_million() -> None:
    assert one("1234567890", keep_last="4") not in (Code.TOO_SHORT, "1234567890")
    assert one("1234567890", keep_last="5") is Code.TOO_SHORT
    assert one("abcdef", alphabet="lower") is not Code.TOO_SHORT
    assert one("abcd", alphabet="lower") is Code.TOO_SHORT


def test_a_value_of_more_than_256_characters_is_rejected() -> None:
    assert one("1" * 256) != Code.TOO_LONG
    assert one("1" * 257) is Code.TOO_LONG


@pytest.mark.parametrize(
    "text", ["4111x11111111111", "٤١١١١١١١١١١١١١١١", "4111\x001111\x0011111111", "411111\ud8001111"]
)
def test_a_character_outside_alphabet_separators_and_kept_places_rejects_the_record(text: str) -> None:
    assert run(json_values(), [{"x": text}], fpe()) == [Code.NOT_IN_ALPHABET]


def test_only_the_records_at_fault_are_rejected() -> None:
    given = [CARD, "123", "4111x11111111111", "1" * 300, "123-45-6789"]
    expected = [one(CARD), Code.TOO_SHORT, Code.NOT_IN_ALPHABET, Code.TOO_LONG, one("123-45-6789")]
    assert values("string", given, fpe()) == expected


@pytest.mark.parametrize("text", ["", "short", "a" * 300, "\x00", "x\x00y\x00"])
def test_values_with_odd_characters_do_not_disturb_their_neighbours(text: str) -> None:
    assert values("string", ["1-2-3456789", text, CARD], fpe())[::2] == [one("1-2-3456789"), one(CARD)]


@pytest.mark.parametrize(
    "type_",
    [
        "double",
        "boolean",
        "bytes",
        {"type": "int", "logicalType": "date"},
        {"type": "int", "connect.type": "int16"},
        {"type": "enum", "name": "E", "symbols": ["A"]},
        {"type": "array", "items": "string"},
    ],
)
def test_a_type_that_has_no_such_format_refuses_the_schema(type_: Any) -> None:
    plan = bound(avro(record_of(type_)), fpe())
    assert plan.refused is not None
    assert "Hmac or MaskField" in plan.refused.reason


def test_a_tag_that_is_known_to_be_too_small_a_domain_refuses_the_schema() -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "string", "confluent:tags": ["PCI.CVV"]}]}
    plan = bound(avro(schema), Fpe.model_validate({"fields": "x", "key": "ring"}))
    assert plan.refused is not None
    assert "Hmac or MaskField" in plan.refused.reason


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"domain": "CVV"}, "Hmac or MaskField"),
        ({"domain": "PII.ZIP5"}, "Hmac or MaskField"),
        ({"fields": "card.pin"}, "Hmac or MaskField"),
        ({"fields": "cards[*].cardCvv"}, "Hmac or MaskField"),
        ({"tags": "PCI.CVV2"}, "Hmac or MaskField"),
        ({"alphabet": "aa"}, "none of them twice"),
        ({"alphabet": "a"}, "2 to 65536 characters"),
        ({"separators": "-a"}, "no letters or digits"),
        ({"alphabet": "abc-"}, "separators must have no character of the alphabet"),
        ({"luhn": "true", "keep_last": "4"}, "keep.last"),
        ({"luhn": "true", "alphabet": "lower"}, "alphabet=digits"),
        ({"luhn": "maybe"}, "'true', 'invalid' or 'false'"),
        ({"fields": ""}, "fields or tags must say what to transform"),
    ],
)
def test_options_that_cannot_protect_are_refused(options: dict[str, str], said: str) -> None:
    assert said in problem(**options)


@pytest.mark.parametrize("name", ["pincode", "shipping", "PIN.customer", "opinion", "zip", "customerId", "spin"])
def test_names_that_only_look_like_small_domains_are_fine(name: str) -> None:
    assert fpe(domain=name, fields=name).domain == name


# Check digits


def test_a_card_number_stays_one() -> None:
    found = one("4111 1111 1111 1111", luhn="true")
    assert found != "4111 1111 1111 1111"
    assert is_luhn(found.replace(" ", ""))


def test_a_card_number_can_be_made_unusable() -> None:
    cards = [luhn(f"4111{number:011d}") for number in range(500)]
    assert not any(map(is_luhn, values("string", cards, fpe(luhn="invalid"))))


def test_the_issuer_of_a_card_can_stay() -> None:
    found = one(CARD, luhn="true", keep_first="6")
    assert found.startswith("411111")
    assert is_luhn(found)


@pytest.mark.parametrize("text", ["4111111111111112", "0000000000000001"])
def test_a_card_number_with_a_wrong_check_digit_is_rejected(text: str) -> None:
    assert one(text, luhn="true") is Code.CHECK_DIGIT
    assert one(text, luhn="invalid") is Code.CHECK_DIGIT


def test_a_check_digit_needs_digits_everywhere() -> None:
    assert one("AB11111111111111", luhn="true", keep_first="2") is Code.NOT_IN_ALPHABET
    assert one("٤111111111111111", luhn="true", keep_first="1") is Code.NOT_IN_ALPHABET


# Integers

INT, LONG = 2**31 - 1, 2**63 - 1


@pytest.mark.parametrize(("type_", "number"), [("int", 123456789), ("int", INT), ("long", int(CARD)), ("long", LONG)])
def test_an_integer_keeps_its_type_and_number_of_digits(type_: str, number: int) -> None:
    found = one(number, type_)
    assert type(found) is int
    assert len(str(found)) == len(str(number))
    assert found <= {"int": INT, "long": LONG}[type_]


@pytest.mark.parametrize("number", [-1, -(2**63)])
def test_a_negative_integer_is_rejected(number: int) -> None:
    assert one(number, "long") is Code.OUT_OF_RANGE


def test_an_integer_of_fewer_than_a_million_others_is_rejected() -> None:
    assert [one(number, "long") for number in (0, 7, 999_999)] == [Code.TOO_SHORT] * 3
    assert one(1_000_000, "long") not in (Code.TOO_SHORT, 1_000_000)


def test_the_permutation_of_integers_is_one() -> None:
    """Every result is in the domain, and no two are equal."""
    numbers = [2_147_483_647 - offset for offset in range(2000)]
    found = values("int", numbers, fpe())
    assert len(set(found)) == 2000
    assert all(10**9 <= number <= INT for number in found)


def test_a_card_number_can_be_an_integer() -> None:
    found = one(int(CARD), "long", luhn="true", keep_first="6")
    assert str(found).startswith("411111")
    assert is_luhn(str(found))
    assert one(int(CARD) + 1, "long", luhn="true") is Code.CHECK_DIGIT


def test_the_largest_integers_with_a_check_digit_are_rejected_where_not_every_check_digit_fits() -> None:
    number = next(n for n in range(INT - 7, INT + 1) if is_luhn(str(n)))
    assert one(number, "int", luhn="true") is Code.OUT_OF_RANGE


# Without a schema, unions


def test_a_value_without_a_schema_is_encrypted_as_what_it_is() -> None:
    given: list[Any] = [CARD, int(CARD), 2**70, True, 1.5, [CARD], {"a": CARD}, None]
    found = [r if isinstance(r, Code) else r["x"] for r in run(json_values(), [{"x": v} for v in given], fpe())]
    assert found[:2] == [one(CARD), one(int(CARD), "long")]
    assert found[2] is Code.OUT_OF_RANGE
    assert found[3:7] == [Code.WRONG_TYPE] * 4
    assert found[7] is None


def test_without_a_schema_numbers_have_digits_only() -> None:
    assert run(json_values(), [{"x": 12345678}], fpe(alphabet="lower")) == [Code.WRONG_TYPE]


def test_each_branch_of_a_union_is_encrypted_as_what_it_is() -> None:
    given = [CARD, int(CARD), None]
    assert values(["null", "string", "long"], given, fpe()) == [one(CARD), one(int(CARD), "long"), None]
    assert there_and_back(["null", "string", "long"], given) == given


# Coverage


def test_encrypting_protects_and_decrypting_ends_it() -> None:
    shape = avro(record_of("string"))
    assert verdict(shape, fpe()) == "protected"
    assert verdict(shape, fpe(), undo()) == "uncovered"
    assert verdict(shape, undo()) == "uncovered"


def test_decrypting_ends_the_protection_of_any_ring_because_two_rings_may_hold_one_key() -> None:
    assert verdict(avro(record_of("string")), fpe(), undo(key="other")) == "uncovered"


def test_decrypting_leaves_the_protection_of_others() -> None:
    mask = MaskField.model_validate({"fields": "x"})
    assert verdict(avro(record_of("string")), mask, fpe(), undo()) == "protected"


@pytest.mark.parametrize("options", [{}, {"luhn": "true"}, {"alphabet": "9876543210"}])
def test_encrypting_after_decrypting_would_give_the_plaintext_back_and_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(Unbindable):
        bound(avro(record_of("string")), undo(), fpe(**options))
    tagged = Fpe.model_validate({"tags": "PII", "key": "ring"})
    with pytest.raises(Unbindable):
        bound(avro(record_of("string")), undo(), MaskField.model_validate({"fields": "y"}), tagged)


def test_changing_the_key_or_domain_of_encrypted_values_is_fine() -> None:
    shape = avro(record_of("string"))
    assert verdict(shape, undo(), fpe(key="other")) == "protected"
    assert verdict(shape, undo(), fpe(domain="E")) == "protected"
    assert verdict(shape, undo(key="two", key_version="1"), fpe(key="two", key_version="2")) == "protected"
    with pytest.raises(Unbindable):
        bound(shape, undo(key="two"), fpe(key="two", key_version="2"))


def test_encrypting_after_decrypting_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_RING", RING_DOCUMENT)
    common = {"fields": "x", "key": "k", "domain": "D"}
    keys = {"keys": "k", "keys.k.provider": "env", "keys.k.variable": "TEST_RING", "transforms": "a,b"}
    keys |= {f"transforms.a.{k}": v for k, v in {"type": "FpeDecrypt", **common}.items()}
    keys |= {f"transforms.b.{k}": v for k, v in {"type": "Fpe", **common}.items()}
    [error] = chain_errors(**keys)
    assert error.startswith("transforms.b: expected a key ring, domain or key.version other than transforms.a has")


# Round trips

FORMATS = st.fixed_dictionaries(
    {},
    optional={
        "keep_first": st.integers(0, 4),
        "keep_last": st.integers(0, 4),
        "separators": st.sampled_from(["", "-", " -./()+"]),
    },
)


@st.composite
def separated(draw: st.DrawFn, alphabet: str, separators: str, least: int) -> str:
    text = draw(st.text(alphabet, min_size=least, max_size=least + 20))
    gaps = draw(
        st.lists(st.text(separators, max_size=2) if separators else st.just(""), min_size=len(text), max_size=len(text))
    )
    return "".join(character + gap for character, gap in zip(text, gaps, strict=True))


@given(
    data=st.data(),
    options=FORMATS,
    alphabet=st.sampled_from(["digits", "alphanumeric", "01", GREEK, "\x00\x01\U0001f600ab"]),
)
def test_decrypting_gives_back_what_was_encrypted(data: st.DataObject, options: dict[str, Any], alphabet: str) -> None:
    characters = ALPHABETS.get(alphabet, alphabet)
    least = FF1(bytes(32), characters).min_length + options.get("keep_first", 0) + options.get("keep_last", 0)
    texts = data.draw(
        st.lists(separated(characters, options.get("separators", " -./()+"), least), min_size=1, max_size=5)
    )
    given = [{"x": text} for text in texts]
    options = {**options, "alphabet": alphabet}
    found = run(json_values(), given, fpe(**options))
    assert [len(record["x"]) for record in found] == [len(text) for text in texts]
    assert run(json_values(), found, undo(**options)) == given


@given(
    payloads=st.lists(st.text("0123456789", min_size=10, max_size=20), min_size=1, max_size=5),
    kind=st.sampled_from(["true", "invalid"]),
    first=st.integers(0, 4),
)
def test_card_numbers_come_back_with_their_check_digit(payloads: list[str], kind: str, first: int) -> None:
    cards = list(map(luhn, payloads))
    assert there_and_back("string", cards, luhn=kind, keep_first=first) == cards


@settings(max_examples=50)
@given(
    numbers=st.lists(
        st.one_of(st.integers(10**6, INT), st.integers(INT - 50, INT), st.just(10**9)), min_size=1, max_size=8
    )
)
def test_integers_come_back(numbers: list[int]) -> None:
    assert there_and_back("int", numbers) == numbers


@settings(max_examples=50)
@given(
    numbers=st.lists(
        st.one_of(st.integers(10**11, LONG), st.integers(LONG - 50, LONG), st.just(10**18)), min_size=1, max_size=8
    ),
    first=st.integers(0, 3),
    last=st.integers(0, 2),
)
def test_long_integers_with_kept_digits_come_back(numbers: list[int], first: int, last: int) -> None:
    encrypted = values("long", numbers, fpe(keep_first=first, keep_last=last))
    for number, found in zip(numbers, encrypted, strict=True):
        assert len(str(found)) == len(str(number))
        assert str(found)[:first] == str(number)[:first]
        assert found <= LONG
    assert values("long", encrypted, undo(keep_first=first, keep_last=last)) == numbers


def test_a_link_of_a_chain_is_named_after_the_transform() -> None:
    assert Link("a", undo()).name == "FpeDecrypt"
