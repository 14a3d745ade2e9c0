"""InsertField adds what Kafka knows of a record, and fixed texts."""

from __future__ import annotations

from typing import Any

import pytest

from connector.running import Runner
from registry.avro_codec import AvroReader, AvroWriter
from registry.schema.plain import to_plain
from registry.schema.plain_input import from_plain
from registry.schema.tree import Shape
from tests.unit.chains import avro, bound, json_values, record_of, verdict
from tests.unit.configuring import chain_errors
from transforms.insert_field import InsertField
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.replace_field import ReplaceField
from transforms.transform import Rows, Transform

ALL = {
    "topic.field": "t!",
    "partition.field": "p?",
    "offset.field": "o",
    "timestamp.field": "at",
    "static.field": "s!",
    "static.value": "fixed",
}


def inserted(shape: Shape, value: Any, *transforms: Transform, timestamp: int | None = 5) -> Any:
    """The value of a record of topic orders, partition 3, offset 99, after the chain and the Avro codec."""
    rows = Rows([None], [from_plain(shape.value)(value)], [[]], ["orders"], [3], [timestamp], [99])
    finished, others = Runner(bound(shape, *transforms)).run(rows)
    if others:
        return others[0].code if hasattr(others[0], "code") else others[0]
    end = finished[0].end.shape
    assert end is not None
    made = finished[0].rows.values
    if end.value.type.kind != "any":
        encoded = AvroWriter(end.value).encode(made, b"\0\0\0\0\1").payloads
        if encoded[0] is None:
            return Code.NOT_ENCODABLE
        made = AvroReader(end.value).decode([encoded[0]]).records
    return to_plain(end.value)(made[0])


def test_every_field_that_is_named_is_added_in_order() -> None:
    assert inserted(avro(record_of("int")), {"x": 1}, InsertField(**ALL)) == {
        "x": 1,
        "t": "orders",
        "p": 3,
        "o": 99,
        "at": "1970-01-01T00:00:00.005Z",
        "s": "fixed",
    }


def test_without_a_schema_the_timestamp_is_a_number() -> None:
    assert inserted(json_values(), {"x": 1}, InsertField(**{"timestamp.field": "at"})) == {"x": 1, "at": 5}


def test_a_missing_timestamp_is_null_and_without_a_schema_left_out() -> None:
    added = InsertField(**{"timestamp.field": "at"})
    assert inserted(avro(record_of("int")), {"x": 1}, added, timestamp=None) == {"x": 1, "at": None}
    assert inserted(json_values(), {"x": 1}, added, timestamp=None) == {"x": 1}


def test_a_missing_timestamp_cannot_be_written_to_a_required_field() -> None:
    required = InsertField(**{"timestamp.field": "at!"})
    assert inserted(avro(record_of("int")), {"x": 1}, required, timestamp=None) == Code.NOT_ENCODABLE


@pytest.mark.parametrize("name", ["x", "", "!"])
def test_a_name_that_is_taken_or_empty_rejects_the_records_of_the_schema(name: str) -> None:
    code = Code.DUPLICATE_FIELD if name == "x" else Code.MISSING_FIELD
    assert inserted(avro(record_of("int")), {"x": 1}, InsertField(**{"topic.field": name})) == code


def test_the_name_of_a_field_that_was_renamed_or_dropped_is_free() -> None:
    added = InsertField(**{"topic.field": "x"})
    renamed, dropped = ReplaceField(renames="x:y"), ReplaceField(exclude="x")
    assert inserted(avro(record_of("int")), {"x": 1}, renamed, added) == {"y": 1, "x": "orders"}
    assert inserted(avro(record_of("int")), {"x": 1}, dropped, added) == {"x": "orders"}


def test_what_is_no_record_is_rejected() -> None:
    assert inserted(avro("int"), 1, InsertField(**{"topic.field": "t"})) == Code.WRONG_TYPE
    assert inserted(json_values(), [1], InsertField(**{"topic.field": "t"})) == Code.WRONG_TYPE


def test_what_is_added_carries_no_tag_and_protects_nothing() -> None:
    added = InsertField(**ALL)
    assert verdict(avro(record_of("int")), added) == "uncovered"
    assert verdict(avro(record_of("int")), MaskField(fields="x"), added) == "protected"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "one of the options that end in .field must be given"),
        ({"static__value": "v"}, "one of the options that end in .field must be given"),
        ({"static__field": "f"}, "static.value must be given"),
    ],
)
def test_a_configuration_that_adds_nothing_is_an_error(options: dict[str, str], says: str) -> None:
    given = {f"transforms__i__{name}": text for name, text in options.items()}
    errors = chain_errors(transforms="i", transforms__i__type="InsertField", **given)
    assert len(errors) == 1
    assert says in errors[0]
