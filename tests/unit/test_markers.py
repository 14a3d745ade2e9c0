"""Markers of forgotten subjects: what a task knows after it has read them in the order in which they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.markers import BadMarker, Forgotten, Marker, from_text, to_text

ANN, ANN_NEXT, BOB = b"a" * 32, b"A" * 32, b"b" * 32


def _value(**digests: bytes) -> bytes:
    return Marker("requested", "2026-01-01T00:00:00Z", digests).to_value()


def test_a_marked_subject_is_known_under_every_key_that_it_was_marked_under() -> None:
    forgotten = Forgotten()
    forgotten.take(b"k", _value(one=ANN, two=ANN_NEXT))

    assert forgotten.holds(ANN)
    assert forgotten.holds(ANN_NEXT)
    assert not forgotten.holds(BOB)


def test_a_tombstone_takes_a_marker_back_and_not_the_one_that_replaced_it() -> None:
    forgotten = Forgotten()
    forgotten.take(b"old", _value(one=ANN))
    forgotten.take(b"new", _value(one=ANN, two=ANN_NEXT))
    forgotten.take(b"old", None)
    assert forgotten.holds(ANN)
    assert forgotten.owner(ANN) == b"new"

    forgotten.take(b"new", None)
    assert not forgotten.holds(ANN)
    assert not forgotten.holds(ANN_NEXT)


def test_a_marker_is_beyond_those_who_have_none_of_its_keys() -> None:
    forgotten = Forgotten()
    forgotten.take(b"k", _value(one=ANN, two=ANN_NEXT))

    assert forgotten.beyond({"one"}) == 0
    assert forgotten.beyond({"two", "three"}) == 0
    assert forgotten.beyond({"three"}) == 1


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"state": "requested", "at": "x"}',
        b'{"state": "requested", "at": "x", "subject": {}}',
        b'{"state": "requested", "at": "x", "subject": {"one": "short"}}',
        b'{"state": "requested", "at": "x", "subject": {"one": 5}}',
        b'{"state": "requested", "at": 5, "subject": []}',
        b'{"state": "other", "at": "x", "subject": {"one": "' + to_text(ANN).encode() + b'"}}',
    ],
)
def test_what_forget_did_not_write_is_refused_and_not_shown(value: bytes) -> None:
    with pytest.raises(BadMarker) as refused:
        Forgotten().take(b"k", value)
    assert not str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["requested", "erased"]))
def test_a_marker_comes_back_as_it_was_written(digest: bytes, state: str) -> None:
    marker = Marker(state, "2026-01-01T00:00:00Z", {"one": digest})  # type: ignore[arg-type]  # one of the two

    assert Marker.from_value(marker.to_value()) == marker
    assert from_text(to_text(digest)) == digest
