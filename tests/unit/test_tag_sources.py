"""Each leaf knows where each of its tags came from."""

from __future__ import annotations

from typing import Any

from connector.shapes import avro_root, raw_root, shape_of
from registry.schema.tags import Referenced, TagRules
from registry.schema.tree import TagSource, leaves
from tests.unit.test_tags import PII, field, record
from transforms.flatten import Flatten
from transforms.transform import Context


def sources(schema: Any, rules: TagRules | None = None, **more: Any) -> dict[str, list[tuple[str, str, str]]]:
    """Path to the sources of its tags, of the leaves that carry any."""
    root = avro_root("value", schema, rules or TagRules(), **more)
    return {path: [tuple(each) for each in leaf.tag_sources] for path, leaf in leaves(root) if leaf.tags}


def test_an_inline_tag_names_its_place() -> None:
    phones = {"type": "array", "items": {"type": "string", **PII}}
    assert sources(record(field("phones", phones))) == {"phones[*]": [("PII", "inline", "confluent:tags at phones[*]")]}


def test_a_leaf_knows_the_tags_of_every_place_around_it() -> None:
    inner = record(field("street", **{"confluent:tags": ["ADDRESS"]}), name="Address")
    assert sources(record(field("home", inner, **PII))) == {
        "home.street": [
            ("PII", "inline", "confluent:tags at home"),
            ("ADDRESS", "inline", "confluent:tags at home.street"),
        ]
    }


def test_a_tag_that_is_said_twice_has_two_sources() -> None:
    rules = TagRules(declared={"PII": ["ssn"]})
    found = sources(record(field("ssn", **PII)), rules, metadata={"tags": {"demo.Customer.*": ["PII"]}})
    assert found == {
        "ssn": [
            ("PII", "inline", "confluent:tags at ssn"),
            ("PII", "declared", "tags.fields.PII: ssn"),
            ("PII", "metadata", "demo.Customer.*"),
        ]
    }


def test_a_referenced_schema_is_named() -> None:
    address = record(field("street", **PII), field("zip"), name="demo.Address")
    reference = Referenced(address, "address version 2", {"tags": {"zip": ["ZIP"]}})
    assert sources(record(field("home", "demo.Address")), references=[reference]) == {
        "home.street": [("PII", "reference", "confluent:tags at street, address version 2")],
        "home.zip": [("ZIP", "reference", "zip, address version 2")],
    }


def test_headers_and_values_without_a_schema_know_that_they_are_declared() -> None:
    rules = TagRules(declared={"PII": ["header:user", "user.mail"]})
    shape = shape_of(None, raw_root("value", "json", rules), rules)
    assert shape.headers[0].tag_sources == (TagSource("PII", "declared", "tags.fields.PII: header:user"),)
    ((_, leaf),) = leaves(shape.value)
    assert leaf.tag_sources == (TagSource("PII", "declared", "tags.fields.PII: user.mail"),)


def test_sources_move_with_the_data() -> None:
    address = record(field("street", **PII), name="Address")
    root = avro_root("value", record(field("home", address)), TagRules())
    bound = Flatten.model_validate({}).bind(shape_of(None, root, TagRules()), Context())
    assert bound.shape is not None
    ((_, leaf),) = leaves(bound.shape.value)
    assert leaf.tag_sources == (TagSource("PII", "inline", "confluent:tags at home.street"),)


def test_every_tag_of_a_tree_has_a_source() -> None:
    node = record(field("ssn"), field("next", ["null", "Node"], **PII), name="Node")
    rules = TagRules(declared={"DEEP": ["**.ssn"], "ALL": ["value"]})
    root = avro_root("value", node, rules, metadata={"tags": {"Node.*": ["NAMED"], "next": ["PATH"]}})
    for _, leaf in leaves(root):
        assert {source.tag for source in leaf.tag_sources} == leaf.tags
