"""What the benchmark compares does the same work: the chain written by hand gives the bytes that Streamveil gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from benchmarks.baseline import chain_by_hand
from benchmarks.workload import CUSTOMER, TOPIC, connector, customer, without_logical_types
from connector.config import Connector, Need, load
from connector.record import Sink
from connector.service import protecting_pipeline
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.wire import PREFIX_LENGTH, prefix, split

RECORDS = 1000


@pytest.fixture
def workload(tmp_path: Path) -> Iterator[Connector]:
    """The benchmark's connector, with a registry of its own."""
    key_file = tmp_path / "key-ring.json"
    key_file.touch(mode=0o600)
    key_file.write_text(json.dumps({"current": 1, "versions": {"1": base64.b64encode(b"\x01" * 32).decode()}}))
    with DevRegistry() as registry:
        yield load(connector("test", "localhost:9092", registry.url, key_file), need=Need.SERVICE)


@pytest.fixture
def messages(workload: Connector) -> list[Message]:
    """The first of the benchmark's records."""
    assert workload.registry is not None
    with RegistryClient(workload.registry) as registry:
        framed = prefix(registry.register(f"{TOPIC}-value", json.dumps(CUSTOMER)))
    schema = fastavro.parse_schema(without_logical_types(CUSTOMER))

    def payload(number: int) -> bytes:
        out = BytesIO()
        fastavro.schemaless_writer(out, schema, customer(number))
        return framed + out.getvalue()

    return [
        Message(TOPIC, 0, number, b"%d" % number, payload(number), timestamp=(TIMESTAMP_CREATE_TIME, 1_700_000_000_000))
        for number in range(RECORDS)
    ]


def test_the_chain_by_hand_gives_the_same_bytes(workload: Connector, messages: list[Message]) -> None:
    with ExitStack() as closing:
        outcomes = protecting_pipeline(workload, closing).process(messages)
    by_hand = chain_by_hand(workload)(messages)
    ours = [outcome.value[PREFIX_LENGTH:] for outcome in outcomes if isinstance(outcome, Sink) and outcome.value]
    assert ours == [bytes(payload)[PREFIX_LENGTH:] for payload in by_hand]
    assert len(ours) == RECORDS


def test_the_workload_is_protected(workload: Connector, messages: list[Message]) -> None:
    """Note and street are masked, the e-mail address is a pseudonym, the city is gone, all else is as it was."""
    with ExitStack() as closing:
        (outcome,) = protecting_pipeline(workload, closing).process(messages[1:2])
    assert isinstance(outcome, Sink)
    assert outcome.value is not None
    assert workload.registry is not None
    with RegistryClient(workload.registry) as registry:
        schema = json.loads(registry.schema(split(outcome.value)).text)
    framed = BytesIO(outcome.value[PREFIX_LENGTH:])
    record: Any = fastavro.schemaless_reader(framed, without_logical_types(schema), None)
    before = customer(1)
    assert before.pop("city")
    assert len(record["email"]) == 64
    assert record == {
        **before,
        "email": record["email"],
        "note": "",
        "address": {**before["address"], "street": ""},
    }


def test_records_have_the_size_that_the_design_names(messages: list[Message]) -> None:
    mean = sum(len(message.value() or b"") for message in messages) / len(messages)
    assert mean == pytest.approx(180, abs=10)
