"""Where Streamveil differs from Apache Kafka on purpose; docs/differences-from-kafka.md tells users."""

from __future__ import annotations

from typing import Any

import pytest

from connector.config import ConfigErrors, Need, load
from connector.envelope import Envelope
from connector.protecting import protection_of

KAFKA = "org.apache.kafka.connect.transforms."


def config(type_: str, **options: str) -> dict[str, str]:
    return {
        "transforms": "x",
        "transforms.x.type": type_,
        **{f"transforms.x.{name.replace('_', '.')}": text for name, text in options.items()},
    }


def apply(configured: dict[str, str], value: Any, schema: Any = None, **parts: Any) -> dict[str, Any]:
    record = {
        "topic": "orders",
        "partition": 0,
        "offset": 1,
        "timestamp": 1,
        "headers": [],
        "key_schema": None,
        "key": None,
        "value_schema": schema,
        "value": value,
        **parts,
    }
    return Envelope(protection_of(load(configured, need=Need.CHAIN))).apply(record)


def record_of(**fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": n, "type": t} for n, t in fields.items()]}


def test_paths_reach_nested_fields_of_a_record() -> None:
    """In Kafka `a.b` can only be a name."""
    nested = record_of(a={**record_of(b="string"), "name": "A"})
    answer = apply(config("MaskField", fields="a.b"), {"a": {"b": "secret"}}, nested)
    assert answer["record"]["value"] == {"a": {"b": ""}}


def test_a_path_that_matches_nothing_adds_no_field() -> None:
    """Kafka adds the absent name, with a null."""
    assert apply(config("MaskField", fields="a.b"), {"c": 1})["record"]["value"] == {"c": 1}


def test_a_name_with_a_dot_still_is_a_name() -> None:
    assert apply(config("MaskField", fields="a.b"), {"a.b": "secret"})["record"]["value"] == {"a.b": ""}


def test_a_text_that_is_no_path_is_an_error() -> None:
    with pytest.raises(ConfigErrors, match=r"transforms\.x\.fields"):
        load(config("MaskField", fields="a`b"), need=Need.CHAIN)


def test_a_masked_decimal_keeps_its_scale() -> None:
    schema = record_of(d={"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2})
    assert apply(config("MaskField", fields="d"), {"d": "12.34"}, schema)["record"]["value"] == {"d": "0.00"}


def test_two_fields_are_never_renamed_to_one() -> None:
    """Kafka fails as well, or swaps the values."""
    answer = apply(config("ReplaceField", renames="a:b"), {"a": 1, "b": 2}, record_of(a="int", b="int"))
    assert answer.keys() == {"error"}


def test_sets_within_sets_are_refused_where_engines_disagree() -> None:
    behind = {
        "predicates": "p",
        "predicates.p.type": f"{KAFKA}predicates.TopicNameMatches",
        "predicates.p.pattern": "[a-z&&[^x]]+",
    }
    with pytest.raises(ConfigErrors, match=r"predicates\.p"):
        load({**config("Filter", predicate="p"), **behind}, need=Need.CHAIN)


def test_a_header_made_of_a_map_keeps_the_records_order() -> None:
    value = {"m": {"zeta": 1, "alpha": 2, "beta": 3}}
    answer = apply(config("HeaderFrom", fields="m", headers="h", operation="copy"), value)
    assert answer["record"]["headers"] == [["h", '{"zeta":1,"alpha":2,"beta":3}']]


def test_floats_are_written_with_no_more_digits_than_needed() -> None:
    answer = apply(config("InsertHeader", header="h", value_literal="301001850.98984325"), {})
    assert answer["record"]["headers"] == [["h", "3.0100186E8"]]


def test_a_tagged_field_that_nothing_protects_is_refused() -> None:
    schema = record_of(a="string")
    schema["fields"][0]["confluent:tags"] = ["PII"]
    answer = apply(config("HoistField", field="p"), {"a": "secret"}, schema)
    assert "PII" in answer["error"]
    assert "secret" not in answer["error"]


def test_a_header_that_repeats_a_sensitive_value_is_refused() -> None:
    schema = record_of(a="string")
    schema["fields"][0]["confluent:tags"] = ["PII"]
    answer = apply(config("MaskField", fields="a"), {"a": "secret-1"}, schema, headers=[["copy", "secret-1"]])
    assert answer.keys() == {"error"}
    assert "key-echo" in answer["error"]
    assert "secret-1" not in answer["error"]


def test_defaults_of_sensitive_fields_do_not_leave() -> None:
    schema = record_of(a=["string", "null"])
    schema["fields"][0] |= {"confluent:tags": ["PII"], "default": "ada@example.com"}
    answer = apply(config("MaskField", fields="a", replacement="x"), {"a": "secret"}, schema)
    assert answer["record"]["value"] == {"a": "x"}
    assert "ada@example.com" not in str(answer)
