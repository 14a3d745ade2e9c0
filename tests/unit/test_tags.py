"""Where tags may be declared, and which leaves they reach."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.shapes import avro_root, raw_root
from registry.schema.avro import BadSchema
from registry.schema.tags import Referenced, TagRules
from registry.schema.tree import leaves


def record(*fields: dict[str, Any], name: str = "demo.Customer", **attrs: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **attrs}


def field(name: str, type_: Any = "string", **attrs: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **attrs}


def tagged(schema: Any, rules: TagRules | None = None, **sources: Any) -> dict[str, list[str]]:
    """Path to tags, of the leaves that carry any."""
    root = avro_root("value", json.dumps(schema), rules or TagRules(), **sources)
    return {path: sorted(leaf.tags) for path, leaf in leaves(root) if leaf.tags}


PII = {"confluent:tags": ["PII"]}


def test_a_tag_on_a_field_reaches_its_leaf() -> None:
    assert tagged(record(field("ssn", **PII), field("city"))) == {"ssn": ["PII"]}


def test_a_tag_on_a_nested_type_object_reaches_its_leaf() -> None:
    assert tagged(record(field("ssn", {"type": "string", **PII}))) == {"ssn": ["PII"]}


def test_a_tag_on_a_record_typed_field_reaches_every_leaf_inside() -> None:
    address = record(field("street"), field("zip"), name="Address")
    assert tagged(record(field("home", address, **PII), field("id"))) == {"home.street": ["PII"], "home.zip": ["PII"]}


def test_a_tag_on_a_named_type_reaches_every_place_that_uses_it() -> None:
    address = record(field("street"), name="Address", **PII)
    schema = record(field("home", address), field("work", ["null", "Address"]))
    assert tagged(schema) == {"home.street": ["PII"], "work.street": ["PII"]}


def test_a_type_used_with_and_without_a_tag_is_sensitive_only_where_it_is_tagged() -> None:
    address = record(field("street"), name="Address")
    schema = record(field("home", address, **PII), field("office", "Address"))
    assert tagged(schema) == {"home.street": ["PII"]}


def test_tags_reach_arrays_of_nullable_records_maps_and_unions() -> None:
    phone = record(field("number", **PII), name="Phone")
    schema = record(
        field("phones", {"type": "array", "items": ["null", phone]}),
        field("notes", {"type": "map", "values": "string"}, **PII),
        field("contact", ["null", "string", "long"], **PII),
    )
    assert tagged(schema) == {
        "phones[*].number": ["PII"],
        "notes{#}": ["PII"],
        "notes{*}": ["PII"],
        "contact": ["PII"],
    }


def test_tags_reach_a_recursive_type() -> None:
    node = record(field("ssn", **PII), field("children", {"type": "array", "items": "Node"}), name="Node")
    root = avro_root("value", node, TagRules())
    inner = root.type.fields[1].type.fields[0]
    assert [sorted(leaf.tags) for _, leaf in leaves(inner)] == [["PII"]]


def test_a_tag_halfway_down_a_recursive_type_holds_for_all_below_it() -> None:
    node = record(field("name"), field("spouse", ["null", "Node"], **PII), name="Node")
    root = avro_root("value", node, TagRules())
    assert {path: sorted(leaf.tags) for path, leaf in leaves(root)} == {"name": [], "spouse.name": ["PII"]}


def test_tags_of_a_referenced_schema_are_found() -> None:
    address = json.dumps(record(field("street", **PII), name="demo.Address"))
    assert tagged(record(field("home", "demo.Address")), references=[Referenced(address)]) == {"home.street": ["PII"]}


@pytest.mark.parametrize(
    "pattern",
    ["address.ssn", "**.ssn", "demo.Address.ssn", "demo.*.ssn", "demo.Addres?.ssn", "demo.**"],
)
def test_metadata_tags_are_found_in_both_dialects(pattern: str) -> None:
    schema = record(field("address", record(field("ssn"), name="Address")))
    assert tagged(schema, metadata={"tags": {pattern: ["PII"]}})["address.ssn"] == ["PII"]


def test_a_qualified_pattern_means_the_nearest_enclosing_record() -> None:
    schema = record(field("ssn"), field("address", record(field("ssn"), name="Address")))
    assert tagged(schema, metadata={"tags": {"demo.Customer.ssn": ["PII"]}}) == {"ssn": ["PII"]}


def test_declared_tags_are_added_by_path() -> None:
    schema = record(field("phones", {"type": "array", "items": "string"}), field("mail"))
    rules = TagRules(declared={"PII": ["phones[*]", "value.mail"], "PCI": ["mail"]})
    assert tagged(schema, rules) == {"phones[*]": ["PII"], "mail": ["PCI", "PII"]}


def test_a_declared_tag_for_the_key_does_not_touch_the_value() -> None:
    rules = TagRules(declared={"PII": ["key.mail", "key"]})
    assert tagged(record(field("mail")), rules) == {}
    assert raw_root("key", "string", rules).tags == {"PII"}


def test_declared_places_of_a_value_without_a_schema_are_leaves_of_their_own() -> None:
    root = raw_root("value", "json", TagRules(declared={"PII": ["a.b", "list[*].x"]}))
    assert {path: sorted(leaf.tags) for path, leaf in leaves(root)} == {"a.b": ["PII"], "list[*].x": ["PII"]}


def test_the_tag_attribute_can_have_another_name() -> None:
    assert tagged(record(field("ssn", sensitivity=["SECRET"])), TagRules(property="sensitivity")) == {"ssn": ["SECRET"]}


@pytest.mark.parametrize("malformed", [7, [7], {"PII": True}, [""], None, "PII,EMAIL"])
def test_a_malformed_tag_attribute_is_an_error_that_names_the_place(malformed: Any) -> None:
    with pytest.raises(BadSchema, match="ssn"):
        tagged(record(field("ssn", **{"confluent:tags": malformed})))


@pytest.mark.parametrize("malformed", [[], "", False, ["ssn"], {"ssn": {}}, {"ssn": "PII,EMAIL"}])
def test_malformed_tags_in_metadata_are_an_error(malformed: Any) -> None:
    with pytest.raises(BadSchema, match=r"metadata\.tags"):
        tagged(record(field("ssn")), metadata={"tags": malformed})


@pytest.mark.parametrize("none", [{}, {"tags": None}, {"tags": {}}])
def test_metadata_may_have_no_tags(none: dict[str, Any]) -> None:
    assert tagged(record(field("ssn")), metadata=none) == {}


def test_a_record_that_contains_itself_without_a_way_out_is_refused() -> None:
    with pytest.raises(BadSchema, match="contains itself"):
        avro_root("value", record(field("next", "Node"), name="Node"), TagRules())
