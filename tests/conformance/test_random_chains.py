"""No chain, however it is put together, lets a sensitive value through to the sink."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.pipeline import Pipeline
from connector.protecting import protection_of
from connector.record import Sink, Stop
from tests.conformance.random_chains import Planting, connector, forms
from tests.unit.test_pipeline import Log, Message, Registry

RING = json.dumps({"current": 1, "versions": {"1": base64.b64encode(b"\x07" * 32).decode()}})
REACHED: dict[str, int] = {"sink": 0, "other": 0}


@pytest.fixture(autouse=True, scope="module")
def ring() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RANDOM_CHAINS_RING", RING)
        yield


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_a_canary_in_a_sensitive_leaf_never_reaches_the_sink(seed: int) -> None:
    random = Random(seed)
    planting = Planting(random)
    loaded = connector(random, planting.names)
    if loaded is None:
        return
    registry, log = Registry(id1=planting.schema), Log()
    pipeline = Pipeline(
        protection_of(loaded), converters=("avro", "avro"), registry=registry, sink_format="${topic}.protected", log=log
    )
    headers = [("h", b"1")] if random.random() < 0.5 else None
    outcome: Any
    try:
        outcome, _ = pipeline.process([Message(planting.payload(1), None, headers), Message(None, None)])
    except Stop as reason:
        outcome = str(reason)
    REACHED["sink" if isinstance(outcome, Sink) else "other"] += 1
    if isinstance(outcome, Sink):
        raw = [outcome.topic.encode(), outcome.key or b"", outcome.value or b""]
        raw += [part for name, value in outcome.headers or [] for part in (name.encode(), value or b"")]
        raw += [part for record in outcome.along for part in (record.key, record.value)]
        assert not planting.found_in(b"\xff".join(raw))
    else:
        assert not planting.found_in(repr(outcome).encode())
    assert not planting.found_in(json.dumps(registry.registered).encode())
    assert not planting.found_in("\n".join(log.lines).encode())


def test_many_of_the_chains_do_reach_the_sink() -> None:
    """Else the test above would have shown nothing."""
    assert REACHED["sink"] > 200, REACHED


@pytest.mark.parametrize("canary", ["c0123456789abcdef", 2**61 + 12345, b"0123456789ab", 123456.789])
def test_the_search_finds_a_canary_in_each_of_its_forms(canary: Any) -> None:
    planting = Planting(Random(1))
    planting.canaries = [canary]
    for form in forms(canary):
        assert planting.found_in(b"before" + form + b"after")
    assert not planting.found_in(b"nothing of the kind")
