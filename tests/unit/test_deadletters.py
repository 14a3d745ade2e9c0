"""A dead letter says where a record is and why it was rejected, and holds nothing of it."""

from __future__ import annotations

import pytest

from connector.deadletters import DeadLetters
from connector.record import Failure
from transforms.outcome import Code

FAILURE = Failure(Code.TRUNCATED, "value.converter", "address.street", "EOFError")


def test_its_key_is_where_the_record_is_and_its_value_is_empty() -> None:
    letter = DeadLetters("dead", connector="c", task=0).letter(FAILURE, "orders", 3, 42)

    assert (letter.topic, letter.key, letter.value) == ("dead", b"orders-3-42", None)


def test_its_headers_are_those_of_kafka_connect_with_the_code_as_the_message() -> None:
    letter = DeadLetters("dead", connector="masking", task=2).letter(FAILURE, "orders", 3, 42)

    assert dict(letter.headers or []) == {
        "__connect.errors.topic": b"orders",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"42",
        "__connect.errors.connector.name": b"masking",
        "__connect.errors.task.id": b"2",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.class.name": b"value.converter",
        "__connect.errors.exception.class.name": b"EOFError",
        "__connect.errors.exception.message": b"truncated",
        "__streamveil.errors.path": b"address.street",
    }


@pytest.mark.parametrize(
    ("stage", "connect"),
    [
        ("key.converter", b"KEY_CONVERTER"),
        ("transforms.mask", b"TRANSFORMATION"),
        ("coverage", b"TRANSFORMATION"),
        ("sink", b"KAFKA_PRODUCE"),
    ],
)
def test_its_stage_is_one_that_kafka_connect_knows(stage: str, connect: bytes) -> None:
    letter = DeadLetters("dead", connector="c", task=0).letter(Failure(Code.FAILED, stage), "t", 0, 0)

    assert dict(letter.headers or [])["__connect.errors.stage"] == connect


def test_without_context_headers_it_has_none() -> None:
    assert DeadLetters("dead", connector="c", task=0, headers=False).letter(FAILURE, "t", 0, 0).headers is None
