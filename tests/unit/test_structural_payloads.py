"""Structural transforms on the way from bytes to bytes: what a key or value of another form is written as."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest

from connector.record import Failure, Sink
from tests.unit.test_pipeline import CUSTOMER, Message, Registry, customer, hashing, one, pipeline, read
from transforms.extract_field import ExtractField
from transforms.flatten import Flatten
from transforms.header_from import HeaderFrom
from transforms.hoist_field import HoistField
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.replace_field import ReplaceField
from transforms.transform import Transform
from transforms.value_to_key import ValueToKey


def key_of(*fields: str) -> Transform:
    return ValueToKey.model_validate({"fields": ",".join(fields)})


def extracted(field: str, side: str = "value") -> Transform:
    return ExtractField.model_validate({"field": field, "$side": side})


@pytest.mark.parametrize(("field", "text"), [("id", b"1"), ("city", b"Paris")])
def test_a_key_that_is_extracted_from_the_value_is_written_as_text(field: str, text: bytes) -> None:
    chain = [hashing(), key_of(field), extracted(field, "key")]
    sink = one(pipeline(Registry(id1=CUSTOMER), *chain).process([Message(customer(city="Paris"))]))
    assert sink.key == text
    assert sink.partition is None, "another key may belong to another partition"


def test_a_key_without_a_value_is_no_key() -> None:
    chain = [hashing(), key_of("city"), extracted("city", "key")]
    assert one(pipeline(Registry(id1=CUSTOMER), *chain).process([Message(customer())])).key is None


def test_a_key_record_is_written_as_json_without_its_schema() -> None:
    chain = [hashing(), key_of("id", "city")]
    sink = one(pipeline(Registry(id1=CUSTOMER), *chain, key="json").process([Message(customer(), key=b"1")]))
    assert json.loads(sink.key) == {"id": 1, "city": None}


def test_a_key_record_has_no_text() -> None:
    """Add ExtractField$Key, or another key.converter."""
    failure = one(pipeline(Registry(id1=CUSTOMER), hashing(), key_of("id")).process([Message(customer())]))
    assert isinstance(failure, Failure)
    assert (failure.code, failure.stage) == (Code.NOT_ENCODABLE, "key.converter")


def test_a_key_record_is_avro_where_keys_are() -> None:
    registry = Registry(id1=CUSTOMER, id2="string")
    chain = [hashing(), key_of("id")]
    message = Message(customer(), key=b"\x00\x00\x00\x00\x02\x04ab")
    sink = one(pipeline(registry, *chain, key="avro").process([message]))
    schema = registry.registered["in.protected-key"][-1]
    assert fastavro.schemaless_reader(BytesIO(sink.key[5:]), schema, None) == {"id": 1}


def test_a_header_is_written_as_kafka_connect_writes_it() -> None:
    header = HeaderFrom.model_validate({"fields": "id,city", "headers": "n,c", "operation": "move"})
    registry = Registry(id1=CUSTOMER)
    sink = one(pipeline(registry, hashing(), header).process([Message(customer())]))
    assert sink.headers == [("n", b"1"), ("c", None)]
    assert set(read(sink, registry)) == {"email"}


def test_a_wrapped_and_flattened_record_can_be_read_under_its_new_schema() -> None:
    registry = Registry(id1=CUSTOMER)
    chain = [
        hashing(),
        HoistField.model_validate({"field": "c"}),
        Flatten.model_validate({"delimiter": "_"}),
        ReplaceField.model_validate({"exclude": "c_email"}),
    ]
    assert read(one(pipeline(registry, *chain).process([Message(customer())])), registry) == {"c_id": 1, "c_city": None}


NULLABLE = ["null", CUSTOMER]


def nullable(record: Any) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(NULLABLE), record)
    return b"\x00\x00\x00\x00\x01" + out.getvalue()


def test_a_null_under_a_schema_meets_a_transform_as_a_tombstone_does() -> None:
    """ReplaceField passes it on; Kafka Connect, too, then writes a record without a value."""
    drop = ReplaceField.model_validate({"exclude": "email"})
    registry = Registry(id1=NULLABLE)
    null, record = pipeline(registry, drop).process(
        [Message(nullable(None)), Message(nullable({"id": 1, "email": "x", "city": None}))]
    )
    assert isinstance(null, Sink)
    assert null.value is None
    assert read(record, registry) == {"id": 1, "city": None}


def test_a_null_under_a_schema_cannot_be_masked_by_field() -> None:
    mask = MaskField.model_validate({"fields": "email"})
    failure = one(pipeline(Registry(id1=NULLABLE), mask).process([Message(nullable(None))]))
    assert isinstance(failure, Failure)
    assert failure.code == Code.NULL_VALUE


def test_a_json_null_meets_a_transform_as_a_tombstone_does() -> None:
    drop = ReplaceField.model_validate({"exclude": "email"})
    sink, null = pipeline(Registry(), drop, value="json").process([Message(b'{"a":1,"email":"x"}'), Message(b"null")])
    assert (sink.value, null.value) == (b'{"a":1}', None)
