"""Which version to reverse with: the chain knows it, the record's schema, or who configures; it is never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.chains import KEYS, PII, avro, bound, json_values, read_on, record_of, run, verdict
from tests.unit.tokens import detokenize, tokenize
from transforms.fpe import Fpe, FpeDecrypt
from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.transform import Transform

CARD = "4111111111111111"
PROTECTED = "streamveil:protected"


def fpe(model: type[Fpe] = Fpe, **options: Any) -> Fpe:
    given = {"fields": "x", "key": "two", "domain": "D"} | {k.replace("_", "."): v for k, v in options.items()}
    return model.model_validate(given)


def undo(**options: Any) -> Fpe:
    return fpe(FpeDecrypt, **options)


def digits(**options: Any) -> Transform:
    return tokenize(**{"format": "digits", "key": "two", **options})


def undo_digits(**options: Any) -> Transform:
    return detokenize(**{"format": "digits", "key": "two", **options})


BOTH = pytest.mark.parametrize(("write", "reverse"), [(fpe, undo), (digits, undo_digits)], ids=["Fpe", "digits"])


def claimed(**changes: Any) -> Any:
    """The schema of a record whose field says how it was encrypted."""
    claim = {"transform": "Fpe", "step": "t0", "key": "two", "version": 1, "domain": "D"}
    claim |= {"fingerprint": KEYS["two"].fingerprint(1)}
    return avro(record_of("string", **{PROTECTED: [{**claim, **changes}]}))


def refusal(shape: Any, *transforms: Transform) -> str:
    refused = bound(shape, *transforms).refused
    assert refused is not None
    assert refused.code is Code.NOT_BINDABLE
    return refused.reason


@BOTH
@pytest.mark.parametrize("version", ["1", "2"])
def test_the_version_is_the_one_that_the_chain_wrote_with(write: Any, reverse: Any, version: str) -> None:
    shape = avro(record_of("string"))
    assert run(shape, [{"x": CARD}], write(key_version=version), reverse()) == [{"x": CARD}]


@BOTH
@pytest.mark.parametrize("version", ["1", "2"])
def test_the_version_is_the_one_that_the_records_schema_names(write: Any, reverse: Any, version: str) -> None:
    shape, writer = avro(record_of("string")), write(key_version=version)
    written = run(shape, [{"x": CARD}], writer)
    assert run(read_on(shape, writer), written, reverse()) == [{"x": CARD}]


@pytest.mark.parametrize(
    ("type_", "path", "value"),
    [
        ({"type": "array", "items": "string"}, "x[*]", [CARD]),
        ({"type": "array", "items": ["null", "string"]}, "x[*]", [CARD, None]),
        ({"type": "map", "values": "string"}, "x{*}", {"a": CARD}),
        (["null", "string", "long"], "x", CARD),
        (["null", "string"], "x", CARD),
        ({"type": "record", "name": "In", "fields": [{"name": "y", "type": "string"}]}, "x.y", {"y": CARD}),
    ],
)
def test_the_schema_names_it_wherever_a_value_can_lie(type_: Any, path: str, value: Any) -> None:
    shape, writer = avro(record_of(type_)), fpe(fields=path, key_version="1")
    written = run(shape, [{"x": value}], writer)
    assert written != [{"x": value}]
    assert run(read_on(shape, writer), written, undo(fields=path)) == [{"x": value}]


def test_a_root_names_it_as_well() -> None:
    shape, writer = avro({"type": "string", **PII}), fpe(fields="**", tags="PII", key_version="1")
    shape_after = read_on(shape, writer)
    assert bound(shape_after, undo(fields="**", tags="*")).refused is None


@BOTH
def test_where_nobody_says_the_version_the_schema_is_refused(write: Any, reverse: Any) -> None:
    assert "nothing says with which version of the ring two" in refusal(avro(record_of("string")), reverse())
    [rejected] = run(json_values(), [{"x": CARD}], reverse())
    assert rejected is Code.NOT_BINDABLE


@BOTH
def test_a_version_that_is_configured_is_no_guess(write: Any, reverse: Any) -> None:
    shape = avro(record_of("string"))
    written = run(shape, [{"x": CARD}], write(key_version="1"))
    assert run(shape, written, reverse(key_version="1")) == [{"x": CARD}]


@BOTH
def test_neither_is_the_only_version_that_a_ring_has_ever_had(write: Any, reverse: Any) -> None:
    shape = avro(record_of("string"))
    written = run(shape, [{"x": CARD}], write(key="ring"))
    assert run(shape, written, reverse(key="ring")) == [{"x": CARD}]


def test_a_ring_whose_first_version_is_retired_has_had_another() -> None:
    assert "nothing says with which version" in refusal(avro(record_of("string")), undo(key="second"))


@BOTH
def test_so_has_one_whose_second_version_is_retired(write: Any, reverse: Any) -> None:
    assert "nothing says with which version" in refusal(avro(record_of("string")), reverse(key="rotated"))


def test_a_chain_can_be_judged_without_the_keys_of_its_ring() -> None:
    """`explain` needs no Vault, where the ring is."""
    shape = avro(record_of("string"))
    for chain in ((fpe, undo), (digits, undo_digits), (tokenize, detokenize)):
        write, reverse = (make(key="unopened") for make in chain)
        assert verdict(shape, write) == "protected"
        assert verdict(shape, write, reverse) == "uncovered"
        assert bound(read_on(shape, write), reverse).refused is None


def test_a_configured_version_that_the_schema_contradicts_is_refused() -> None:
    assert "key.version is 2, and it was written with 1" in refusal(claimed(), undo(key_version="2"))
    assert bound(claimed(), undo(key_version="1")).refused is None


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"version": 3}, "the ring two lacks version 3"),
        ({"fingerprint": "0" * 16}, "version 1 of the ring two is another key"),
        ({"key": "elsewhere"}, "with another ring than two: elsewhere"),
        ({"domain": "E"}, "under another domain than D: E"),
        ({"transform": "Hmac"}, "what was done to it last is Hmac"),
        ({"version": None}, "nothing says with which version"),
    ],
)
def test_a_schema_that_does_not_agree_with_the_ring_is_refused(claim: dict[str, Any], said: str) -> None:
    assert said in refusal(claimed(**claim), undo())


@pytest.mark.parametrize(
    "entries",
    [{}, [], ["Fpe"], "Fpe", [{"version": "1"}], [{"transform": 1}], [{"type": "int"}], [{"type": {"type": []}}]],
)
def test_a_schema_that_says_it_badly_is_refused(entries: Any) -> None:
    shape = avro(record_of("string", **{PROTECTED: entries}))
    assert "streamveil:protected is malformed" in refusal(shape, undo(key="ring"))
    assert "streamveil:protected is malformed" in refusal(shape, detokenize())


def test_a_type_that_is_none_is_refused() -> None:
    claim = {"transform": "Tokenize", "key": "ring", "version": 1, "domain": "D"}
    types = [{"type": "record"}, {"type": "int", "size": 3}, {"logicalType": "date"}]
    for type_ in (*types, {"type": "int", "logicalType": "uuid"}):
        shape = avro(record_of("string", **{PROTECTED: [{**claim, "type": type_}]}))
        assert "the type that was before is not known" in refusal(shape, detokenize())


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"version": 3}, "the ring two lacks version 3"),
        ({"version": 1, "fingerprint": "0" * 16}, "version 1 of the ring two is another key"),
    ],
)
def test_tokens_are_refused_where_the_schema_names_a_key_that_is_not_there(claim: dict[str, Any], said: str) -> None:
    entry = {"transform": "Tokenize", "key": "two", "domain": "D", **claim}
    assert said in refusal(avro(record_of("string", **{PROTECTED: [entry]})), detokenize(key="two"))


def test_what_was_done_last_is_reversed_first() -> None:
    shape, writers = avro(record_of("string")), (fpe(key_version="1"), fpe(key_version="2", domain="E"))
    written = run(shape, [{"x": CARD}], *writers)
    after = read_on(shape, *writers)
    assert run(after, written, undo(domain="E"), undo()) == [{"x": CARD}]
    assert "under another domain" in refusal(after, undo(), undo(domain="E"))


def test_what_was_masked_afterwards_cannot_be_reversed() -> None:
    shape = read_on(avro(record_of("string")), fpe(), MaskField.model_validate({"fields": "x", "keep.first": "2"}))
    assert "what was done to it last is MaskField" in refusal(shape, undo())


def test_another_protection_of_the_same_chain_says_nothing_of_the_version() -> None:
    hmac = Hmac.model_validate({"fields": "x", "key": "ring", "domain": "D"})
    assert "nothing says with which version" in refusal(claimed(), hmac, undo())


def test_what_has_been_decrypted_does_not_say_any_more_that_it_was_encrypted() -> None:
    for type_, path in (("string", "x"), ({"type": "array", "items": "string"}, "x[*]")):
        shape = avro({"type": "record", "name": "R", "fields": [{"name": "x", "type": type_}]})
        after = read_on(read_on(shape, fpe(fields=path)), undo(fields=path))
        assert PROTECTED not in str(after.value)


def test_decrypting_what_this_chain_encrypted_leaves_what_the_schema_says() -> None:
    assert bound(claimed(), fpe(domain="E"), undo(domain="E"), undo()).refused is None
