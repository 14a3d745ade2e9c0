"""Tokenize and Detokenize under a key ring: what users see of tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.chains import KEYS, avro, bound, json_values, read_on, record_of, run, values, verdict
from tests.unit.configuring import RING as RING_DOCUMENT
from tests.unit.configuring import chain_errors
from tests.unit.test_pipeline import CUSTOMER, Message, Registry, customer, pipeline, read
from tests.unit.tokens import detokenize, tokenize
from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.outcome import Code, Unbindable
from transforms.token_options import TokenOptions

ADA = "ada@example.com"
DATE = {"type": "int", "logicalType": "date"}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}


def one(value: Any, type_: Any = "string", **options: Any) -> Any:
    return values(type_, [value], tokenize(**options))[0]


def there_and_back(type_: Any, given: list[Any], **options: Any) -> list[Any]:
    return values(type_, given, tokenize(**options), detokenize(**options))


def handed_on(type_: Any, given: list[Any], writer: TokenOptions, reader: TokenOptions) -> list[Any]:
    """What comes back in another connector, which knows no more than the schema that the first has written."""
    shape = avro(record_of(type_))
    written = run(shape, [{"x": value} for value in given], writer)
    return [record["x"] for record in run(read_on(shape, writer), written, reader)]


# What a token is


def test_a_token_is_text_that_shows_neither_the_value_nor_its_exact_length() -> None:
    found = values("string", ["a", "ab", "x" * 15], tokenize())
    assert all(re.fullmatch(r"tok_[A-Za-z0-9_-]+", token) for token in found)
    assert len({len(token) for token in found}) == 1


def test_the_same_value_has_the_same_token_within_a_domain() -> None:
    first, again = values("string", [ADA, ADA], tokenize())
    assert first == again == one(ADA)


def test_domains_rings_and_versions_give_different_tokens() -> None:
    found = {one(ADA), one(ADA, domain="E"), one(ADA, key="other"), one(ADA, key="two")}
    assert len(found | {one(ADA, key="two", key_version="1")}) == 5


def test_the_domain_is_the_only_tag_of_the_field_unless_it_is_given() -> None:
    assert one(ADA, domain=None) == one(ADA, domain="PII")


def test_a_value_has_the_token_of_its_text_whatever_its_type() -> None:
    """So an id joins, whether a topic has it as a number or as text."""
    assert one(42, "long") == one(42, "int") == one("42")
    assert one("2024-02-29", DATE) == one("2024-02-29")


@pytest.mark.parametrize("format_", ["token", "email"])
def test_null_stays_null_and_an_empty_text_has_a_token(format_: str) -> None:
    found = values(["null", "string"], [None, ""], tokenize(format=format_))
    assert found[0] is None
    assert len(found[1]) > 40
    assert there_and_back("string", [""], format=format_) == [""]


def test_a_value_that_looks_like_a_token_is_a_value_like_any_other() -> None:
    token = one(ADA)
    assert one(token) != token
    assert there_and_back("string", [token, "tok_", "tok_x"]) == [token, "tok_", "tok_x"]


def test_each_branch_of_a_union_becomes_a_token() -> None:
    found = values(["null", "string", "long"], ["42", 42, None], tokenize())
    assert found == [one("42"), one("42"), None]


# The way back


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("string", ["", ADA, "Zoë \U0001f600", "x" * 10_000]),
        ("bytes", ["", "AAH+/w=="]),
        ("boolean", [True, False]),
        ("int", [0, -(2**31), 2**31 - 1]),
        ("long", [-(2**63), 2**63 - 1]),
        ("float", [1.5, 0.1, -3.4028235e38]),
        ("double", [0.1, -1e300, 5e-324]),
        (DATE, ["0001-01-01", "2024-02-29"]),
        ({"type": "int", "logicalType": "time-millis"}, ["13:01:02.003"]),
        ({"type": "long", "logicalType": "timestamp-micros"}, ["2024-02-29T01:02:03.004005Z"]),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, ["1969-12-31T23:59:59.999"]),
        (DECIMAL, ["-12.50", "0.00"]),
        ({"type": "string", "logicalType": "uuid"}, ["6f1c2d3e-0000-4000-8000-00000000abcd"]),
    ],
)
def test_a_value_comes_back_as_the_type_that_it_had(type_: Any, given: list[Any]) -> None:
    assert there_and_back(type_, given) == given
    assert handed_on(type_, given, tokenize(), detokenize()) == given
    plain = avro(record_of(type_)).value.type.fields[0].type
    end = bound(avro(record_of(type_)), tokenize(), detokenize()).shape
    assert end is not None
    found = end.value.type.fields[0].type
    assert (found.kind, found.attrs) == (plain.kind, plain.attrs)


@pytest.mark.parametrize(
    ("type_", "value", "back"),
    [
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "A", "A"),
        ({"type": "fixed", "name": "F", "size": 2}, "AAE=", "AAE="),
        (
            {"type": "fixed", "name": "F", "size": 4, **{k: v for k, v in DECIMAL.items() if k != "type"}},
            "1.20",
            "1.20",
        ),
        ("double", -0.0, 0.0),
    ],
)
def test_what_has_no_primitive_type_comes_back_as_the_nearest(type_: Any, value: Any, back: Any) -> None:
    assert handed_on(type_, [value], tokenize(), detokenize()) == [back]


def test_a_schema_never_shows_the_symbols_or_the_default_of_what_was_tokenized() -> None:
    type_ = {"type": "enum", "name": "E", "symbols": ["HIV", "FLU"]}
    shape = read_on(avro(record_of(type_, default="HIV")), tokenize())
    assert "HIV" not in str(shape.value.type.fields[0])


def test_without_a_schema_that_tells_the_type_a_value_comes_back_as_text() -> None:
    tokens = [{"x": one(42, "long")}, {"x": one("AAH+/w==", "bytes")}]
    assert run(avro(record_of("string")), tokens, detokenize()) == [{"x": "42"}, Code.WRONG_TYPE]


def test_branches_of_a_union_come_back_as_text() -> None:
    assert handed_on(["null", "string", "long"], ["a", 42, None], tokenize(), detokenize()) == ["a", "42", None]


@pytest.mark.parametrize("type_", [{"type": "array", "items": "string"}, {"type": "map", "values": "string"}])
def test_items_of_arrays_and_values_of_maps_come_back_with_their_type(type_: Any) -> None:
    inner = "items" if "items" in type_ else "values"
    path = "x[*]" if inner == "items" else "x{*}"
    number = {**type_, inner: ["null", "long"]}
    given: list[Any] = [[1, None, 3]] if inner == "items" else [{"a": 1, "b": None}]
    assert handed_on(number, given, tokenize(fields=path), detokenize(fields=path)) == given


def test_values_without_a_schema_are_tokenized_as_what_they_are_and_come_back_as_text() -> None:
    given: list[Any] = [ADA, 42, True, 1.5, None, [ADA], {"a": 1}, "\ud800"]
    records = [{"x": value} for value in given]
    found = run(json_values(), records, tokenize())
    assert found[0] == {"x": one(ADA)}
    assert found[4:] == [{"x": None}, Code.WRONG_TYPE, Code.WRONG_TYPE, Code.NOT_ENCODABLE]
    assert run(json_values(), found[:5], detokenize()) == [{"x": x} for x in (ADA, "42", "true", "1.5", None)]


def test_tokens_of_older_versions_are_read_as_long_as_the_ring_has_them() -> None:
    old, new = one(ADA, key="two", key_version="1"), one(ADA, key="two")
    assert old != new
    assert values("string", [old, new], detokenize(key="two")) == [ADA, ADA]


def test_a_token_of_a_version_that_the_ring_has_not_rejects_its_record() -> None:
    token = one(ADA, key="two")
    assert values("string", [token, one(ADA)], detokenize()) == [Code.KEY_VERSION, ADA]


@pytest.mark.parametrize(
    "text",
    ["", "tok_", ADA, "tok_AQAB", "tok_!!!!", "tok_ÄÖ", "TOK_AQAB", f"tok_{'A' * 47}", f"tok_{'A' * 10_000}", "\ud800"],
)
def test_what_is_no_token_rejects_its_record_and_no_other(text: str) -> None:
    assert run(json_values(), [{"x": text}, {"x": one(ADA)}], detokenize()) == [Code.NOT_A_TOKEN, {"x": ADA}]


def test_a_token_of_another_key_domain_or_format_rejects_its_record() -> None:
    tokens = [one(ADA, key="other"), one(ADA, domain="E"), one(ADA, format="email")]
    assert values("string", tokens, detokenize()) == [Code.NOT_A_TOKEN] * 3
    assert values("string", [one(ADA)], detokenize(format="email")) == [Code.NOT_A_TOKEN]


@given(place=st.integers(0, 60), bit=st.integers(0, 5), format_=st.sampled_from(["token", "email"]))
def test_a_token_that_was_changed_anywhere_rejects_its_record(place: int, bit: int, format_: str) -> None:
    token = one(ADA, format=format_)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = place % (len(token) if format_ == "token" else token.index("@"))
    if format_ == "email":
        alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    index = alphabet.find(token[at])
    changed = token[:at] + alphabet[(index ^ 1 << bit) % len(alphabet)] + token[at + 1 :]
    if changed != token:
        found = values("string", [changed], detokenize(format=format_))
        assert found in ([Code.NOT_A_TOKEN], [Code.KEY_VERSION])


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_every_text_comes_back(texts: list[str]) -> None:
    assert there_and_back("string", texts) == texts


# format=digits


def test_digits_become_as_many_digits_and_come_back() -> None:
    given = ["4111111111111111", "000001"]
    found = values("string", given, tokenize(format="digits"))
    assert [len(text) for text in found] == [16, 6]
    assert all(text.isdigit() for text in found)
    assert found != given
    assert handed_on("string", given, tokenize(format="digits"), detokenize(format="digits")) == given


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.TOO_SHORT),
        ("12345", Code.TOO_SHORT),
        ("123-456", Code.NOT_IN_ALPHABET),
        ("٤١١١١١١١", Code.NOT_IN_ALPHABET),
        ("1" * 257, Code.TOO_LONG),
    ],
)
def test_what_is_not_6_to_256_digits_rejects_its_record_and_no_other(text: str, code: Code) -> None:
    given = [text, "123456"]
    assert values("string", given, tokenize(format="digits")) == [code, one("123456", format="digits")]
    assert values("string", given, detokenize(format="digits"))[0] is code


def test_digits_of_a_domain_that_is_known_to_be_small_are_refused() -> None:
    with pytest.raises(ValidationError, match="fewer than a million"):
        tokenize(format="digits", domain="PCI.CVV")
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "string", "confluent:tags": ["PIN"]}]}
    refused = bound(avro(schema), tokenize(format="digits", domain=None)).refused
    assert refused is not None
    assert "fewer than a million" in refused.reason
    assert tokenize(domain="PCI.CVV").domain == "PCI.CVV"


# format=email


def test_an_address_becomes_an_address_at_which_nobody_gets_mail() -> None:
    assert re.fullmatch(r"[a-z2-7]+@example\.invalid", one(ADA, format="email"))


def test_addresses_can_be_under_a_domain_of_ones_own() -> None:
    options = {"format": "email", "email_domain": "tokens.example.org"}
    assert one(ADA, **options).endswith("@tokens.example.org")
    assert there_and_back("string", [ADA], **options) == [ADA]


def test_an_address_comes_back_after_a_mail_system_has_changed_its_case() -> None:
    assert values("string", [one(ADA, format="email").upper()], detokenize(format="email")) == [ADA]


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=111))
def test_every_token_in_the_shape_of_an_address_is_one(text: str) -> None:
    """Lengths as RFC 5321 and RFC 1035 have them."""
    found = one(text, format="email")
    if found is Code.TOO_LONG:
        assert len(text.encode()) > 111
        return
    local, _, host = found.partition("@")
    assert len(found) <= 254
    assert 1 <= len(local) <= 64
    assert all(re.fullmatch("[a-z0-9]{1,63}", label) for label in host.split("."))
    assert values("string", [found], detokenize(format="email")) == [text]


def test_a_value_too_long_for_an_address_rejects_its_record_and_no_other() -> None:
    found = values("string", ["x" * 111, "x" * 112, ADA], tokenize(format="email"))
    assert found[1] is Code.TOO_LONG
    assert found[2] == one(ADA, format="email")


@pytest.mark.parametrize("text", ["", "@", "a@b@example.invalid", "aaaa@example.invalid", "x@evil.example", "ü@x"])
def test_what_is_no_address_of_ours_rejects_its_record(text: str) -> None:
    assert values("string", [text], detokenize(format="email")) == [Code.NOT_A_TOKEN]


@pytest.mark.parametrize(
    "email_domain", ["", "localhost", "Example.org", "-a.org", "a..org", "a_b.org", ".org", "x" * 63 + ".a" * 40]
)
def test_a_domain_that_no_address_can_be_under_is_refused(email_domain: str) -> None:
    with pytest.raises(ValidationError, match="domain name in lower case"):
        tokenize(format="email", email_domain=email_domain)


@pytest.mark.parametrize("format_", ["digits", "email"])
@pytest.mark.parametrize("type_", ["long", "bytes", DATE])
def test_digits_and_addresses_are_for_strings(format_: str, type_: Any) -> None:
    refused = bound(avro(record_of(type_)), tokenize(format=format_)).refused
    assert refused is not None
    assert refused.code is Code.WRONG_TYPE


# Topics


def tokens_of(registry: Registry, **options: Any) -> list[str]:
    """The token of the same address in two topics."""
    transform = tokenize(**{"fields": "email", **options})
    messages = [Message(customer(), topic=topic) for topic in ("crm", "shop")]
    crm, shop = pipeline(registry, transform).process(messages)
    return [read(sink, registry, f"{topic}.protected-value")["email"] for sink, topic in ((crm, "crm"), (shop, "shop"))]


@pytest.mark.parametrize("format_", ["token", "email"])
def test_the_same_value_has_one_token_in_two_topics_under_one_domain_and_two_under_two(format_: str) -> None:
    crm, shop = tokens_of(Registry(id1=CUSTOMER), format=format_, domain="CUSTOMER")
    assert crm == shop
    elsewhere, _ = tokens_of(Registry(id1=CUSTOMER), format=format_, domain="SUPPLIER")
    assert elsewhere != crm


def test_the_sinks_schema_says_how_the_token_was_made_and_not_of_what() -> None:
    registry = Registry(id1=CUSTOMER)
    tokens_of(registry, domain=None)
    [_, email, _] = registry.registered["crm.protected-value"][0]["fields"]
    assert email == {
        "name": "email",
        "type": "string",
        "streamveil:protected": [
            {
                "transform": "Tokenize",
                "step": "t0",
                "key": "ring",
                "version": 1,
                "fingerprint": KEYS["ring"].fingerprint(1),
                "domain": "PII",
                "mode": "local",
                "format": "token",
            }
        ],
        "streamveil:was": ["PII"],
    }


def test_tokens_written_before_a_rotation_are_read_after_it() -> None:
    """Each record by the schema that it was written under, digits as well."""
    shape = avro(record_of("string"))
    for format_ in ("token", "digits", "email"):
        for version in ("1", "2"):
            writer = tokenize(key="two", key_version=version, format=format_)
            written = run(shape, [{"x": "4111111111111111"}], writer)
            found = run(read_on(shape, writer), written, detokenize(key="two", format=format_))
            assert found == [{"x": "4111111111111111"}]


# What is refused


@pytest.mark.parametrize("type_", [{"type": "array", "items": "string"}, {"type": "map", "values": "string"}])
def test_a_container_is_refused_because_the_values_in_it_can_be_selected(type_: Any) -> None:
    refused = bound(avro(record_of(type_)), tokenize()).refused
    assert refused is not None
    assert "select the values in it" in refused.reason


def test_a_value_that_has_no_text_rejects_its_record() -> None:
    assert values("double", ["NaN", 1.0], tokenize())[0] is Code.OUT_OF_RANGE


def test_only_strings_are_detokenized() -> None:
    refused = bound(avro(record_of("long")), detokenize()).refused
    assert refused is not None
    assert refused.code is Code.WRONG_TYPE


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": None}, "mode=local takes key"),
        ({"vault_transit_key": "k"}, "mode=local takes key, and no vault.transit.key"),
        ({"mode": "transit"}, "mode=transit takes vault.transit.key, and no key"),
        ({"mode": "transit", "key": None}, "mode=transit takes vault.transit.key"),
        ({"mode": "vault", "subject_field": "id", "key": None}, "mode=vault takes key"),
        ({"mode": "vault"}, "subject.field is for mode=vault, which needs one"),
        ({"mode": "vault", "subject_field": "a..b"}, "is not a path"),
        ({"subject_field": "id"}, "subject.field is for mode=vault"),
        ({"mode": "vault", "subject_field": "id", "format": "digits"}, "format=digits is for mode=local"),
        ({"email_domain": "example.org"}, "email.domain is for format=email"),
        ({"cache_entries": "5"}, "for mode=transit"),
        ({"mode": "remote"}, "'local', 'transit' or 'vault'"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        tokenize(**options)
    assert said in str(refused.value)


def test_a_key_version_is_for_digits_alone_because_other_tokens_name_theirs() -> None:
    with pytest.raises(ValidationError, match=r"key\.version is for format=digits"):
        detokenize(key_version="1")


# Coverage


@pytest.mark.parametrize("format_", ["token", "digits", "email"])
def test_tokenizing_protects_and_detokenizing_ends_it(format_: str) -> None:
    shape = avro(record_of("string"))
    assert verdict(shape, tokenize(format=format_)) == "protected"
    assert verdict(shape, tokenize(format=format_), detokenize(format=format_)) == "uncovered"
    assert verdict(shape, detokenize(format=format_)) == "uncovered"


def test_what_was_detokenized_can_be_protected_again() -> None:
    shape, hmac = avro(record_of("string")), Hmac.model_validate({"fields": "x", "key": "ring", "domain": "D"})
    assert verdict(shape, detokenize(), hmac) == "protected"
    assert verdict(shape, detokenize(), tokenize(domain="E")) == "protected"


def test_detokenizing_leaves_the_protection_of_others_and_of_what_it_cannot_read() -> None:
    mask, shape = MaskField.model_validate({"fields": "x"}), avro(record_of("string"))
    assert verdict(shape, mask, tokenize(), detokenize()) == "protected"
    assert verdict(shape, tokenize(key="other"), detokenize()) == "protected"
    assert verdict(shape, tokenize(format="email"), detokenize()) == "protected"


def test_detokenizing_with_the_same_key_under_another_name_ends_the_protection() -> None:
    shape = avro(record_of("string"))
    assert verdict(shape, tokenize(key="two", key_version="1"), detokenize(key="two")) == "uncovered"
    assert verdict(shape, tokenize(key="ring"), detokenize(key="namesake")) == "uncovered"


def test_a_union_is_protected_though_its_branches_had_different_types() -> None:
    assert verdict(avro(record_of(["null", "string", "long"])), tokenize()) == "protected"


def test_tokenizing_digits_after_detokenizing_them_would_give_the_plaintext_back_and_is_refused() -> None:
    with pytest.raises(Unbindable):
        bound(avro(record_of("string")), detokenize(format="digits"), tokenize(format="digits"))
    with pytest.raises(Unbindable):
        bound(avro(record_of("string")), detokenize(format="digits"), tokenize(format="digits", domain=None))
    other = tokenize(format="digits", key="other")
    assert verdict(avro(record_of("string")), detokenize(format="digits"), other) == "protected"


def test_that_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_RING", RING_DOCUMENT)
    common = {"fields": "x", "key": "k", "domain": "D", "format": "digits"}
    keys = {"keys": "k", "keys.k.provider": "env", "keys.k.variable": "TEST_RING", "transforms": "a,b"}
    keys |= {f"transforms.a.{k}": v for k, v in {"type": "Detokenize", **common}.items()}
    keys |= {f"transforms.b.{k}": v for k, v in {"type": "Tokenize", **common}.items()}
    [error] = chain_errors(**keys)
    assert error.startswith("transforms.b: expected a key ring, domain or key.version other than transforms.a has")


def test_a_mode_needs_its_key_in_a_configuration_as_well() -> None:
    keys = {"transforms": "a", "transforms.a.type": "Tokenize", "transforms.a.fields": "x"}
    assert chain_errors(**keys) == [
        "transforms.a: expected options that fit together: mode=local takes key, and no vault.transit.key"
    ]
