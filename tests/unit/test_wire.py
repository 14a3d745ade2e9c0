"""Confluent's wire format: a zero byte, the schema id in four big-endian bytes, the body."""

import pickle
import secrets
import traceback
from uuid import UUID

import pytest

from registry.errors import PoisonReason, PoisonRecord
from registry.wire import PREFIX_LENGTH, framing_of, in_header_framing, prefix, schema_named, split, starts


def test_the_schema_id_is_the_big_endian_number_after_the_magic_byte():
    assert split(b"\x00\x00\x01\x02\x03body") == 0x010203


def test_the_prefix_of_a_schema_id_is_five_bytes_long():
    assert prefix(0x010203) == b"\x00\x00\x01\x02\x03"
    assert len(prefix(0x010203)) == PREFIX_LENGTH


@pytest.mark.parametrize("schema_id", [0, 1, 255, 256, 2**31 - 1, 2**32 - 1])
def test_what_was_framed_with_an_id_is_split_to_that_id(schema_id):
    assert split(prefix(schema_id) + b"body") == schema_id


def test_a_body_without_bytes_is_valid():
    assert split(b"\x00\x00\x00\x00\x07") == 7


@pytest.mark.parametrize("first", [1, 0x7B, 0xFF])
@pytest.mark.parametrize("rest", [b"", b"\x00\x00\x00\x07body"])
def test_another_first_byte_is_poison_for_its_magic_byte_however_short(first, rest):
    with pytest.raises(PoisonRecord) as caught:
        split(bytes([first]) + rest)
    assert caught.value.reason is PoisonReason.MAGIC_BYTE


@pytest.mark.parametrize("length", range(5))
def test_fewer_than_five_bytes_are_poison_for_being_truncated(length):
    with pytest.raises(PoisonRecord) as caught:
        split(bytes(length))
    assert caught.value.reason is PoisonReason.TRUNCATED


def test_the_reason_codes_are_those_that_dead_letters_carry():
    assert [str(reason) for reason in PoisonReason] == ["magic-byte", "truncated"]


def test_a_poison_record_error_holds_none_of_the_payload():
    planted = secrets.token_hex(16)
    with pytest.raises(PoisonRecord) as caught:
        split(planted.encode())
    error = caught.value
    shown = f"{error!r} {error} {error.args} {vars(error)} {''.join(traceback.format_exception(error))}"
    assert planted not in shown
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_poison_record_error_survives_another_process():
    assert pickle.loads(pickle.dumps(PoisonRecord(PoisonReason.TRUNCATED))).reason is PoisonReason.TRUNCATED


GUID = UUID("12345678-1234-5678-1234-567812345678")


def test_a_payload_may_be_framed_with_the_guid_of_its_schema_instead():
    framed = b"\x01" + GUID.bytes + b"body"
    assert schema_named(framed) == GUID
    assert framing_of(framed).body(framed) == b"body"


def test_a_payload_that_is_framed_with_an_id_has_that_name():
    assert schema_named(prefix(7) + b"body") == 7
    assert framing_of(prefix(7)).body(prefix(7) + b"body") == b"body"


@pytest.mark.parametrize("length", range(1, 17))
def test_fewer_bytes_than_a_guid_has_are_poison_for_being_truncated(length):
    with pytest.raises(PoisonRecord) as caught:
        schema_named(b"\x01" + bytes(length - 1))
    assert caught.value.reason is PoisonReason.TRUNCATED


def test_the_starts_of_payloads_are_enough_to_name_their_schemas_and_say_nothing_of_the_bodies():
    by_id, by_guid = prefix(7), b"\x01" + GUID.bytes
    assert starts([by_id + b"a", None, by_guid + b"b", by_id + b"c", b""]) == [by_id, None, by_guid, by_id, b""]
    assert starts([by_id + b"a", None]) == [by_id, None]
    assert (schema_named(by_id), schema_named(by_guid)) == (7, GUID)


@pytest.mark.parametrize("before", [b"", prefix(7), b"\x01" + GUID.bytes], ids=["alone", "id", "guid"])
def test_a_payload_whose_schema_a_header_names_is_the_body_alone_or_says_the_same_once_more(before):
    assert in_header_framing(b"\x01" + GUID.bytes, 7).body(before + b"body") == b"body"
