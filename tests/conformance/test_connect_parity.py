"""Kafka Connect's transforms and predicates work here as they do there: what the real ones answered is the proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.config import ConfigErrors, Need, load
from connector.envelope import Envelope
from connector.protecting import protection_of
from tests.conformance.comparing import differences

CASES = {
    case["id"]: case
    for case in map(json.loads, (Path(__file__).parent / "smt_cases.jsonl").read_text(encoding="utf-8").splitlines())
}

ON_PURPOSE = {
    "chainconfig/simple-name": ("record", "the last segment of a type's name is enough"),
    "chainconfig/unknown-property": ("config_error", "unknown options are errors: a misspelt one protects nothing"),
    "filter/ignores-unknown-property": ("config_error", "unknown options are errors"),
}
"""Where Streamveil differs, what it answers instead, and why; docs/differences-from-kafka.md tells users."""


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What `streamveil apply --envelope` says, or that the configuration does not load."""
    try:
        connector = load(case["config"], need=Need.CHAIN)
    except ConfigErrors as errors:
        return {"config_error": str(errors)}
    return Envelope(protection_of(connector)).apply(case["record"])


@pytest.mark.parametrize("case_id", [id_ for id_ in CASES if id_ not in ON_PURPOSE])
def test_a_record_becomes_what_kafka_makes_of_it(case_id: str) -> None:
    expected, ours = CASES[case_id]["expect"], answer(CASES[case_id])
    if "config_error" in expected:
        assert ours.keys() == {"config_error"}
    elif "record_error" in expected:
        assert ours.keys() == {"error"}, ours
    elif "dropped" in expected:
        assert ours == {"dropped": True}
    else:
        assert ours.keys() == {"record"}, ours
        assert not differences(ours["record"], expected["record"], expected.get("headers_wire")), ours["record"]


@pytest.mark.parametrize("case_id", ON_PURPOSE)
def test_it_differs_from_kafka_only_where_that_is_meant(case_id: str) -> None:
    outcome, _reason = ON_PURPOSE[case_id]
    theirs = next(iter(CASES[case_id]["expect"]))
    assert theirs != outcome, "Kafka answers the same: no difference to explain"
    assert answer(CASES[case_id]).keys() == {outcome}
