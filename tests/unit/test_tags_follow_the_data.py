"""Structural transforms move data; what is known of its sensitivity, and what protects it, moves along."""

from __future__ import annotations

from typing import Any

import pytest

from connector.binding import Judged, Protection, bind_and_judge
from connector.config import Need, load
from connector.envelope import Envelope
from connector.plan import Plan
from connector.protecting import protection_of
from connector.shapes import avro_root, raw_root, shape_of
from registry.schema.tree import Field, leaves

KAFKA = "org.apache.kafka.connect.transforms."
PII = {"confluent:tags": ["PII"]}
CUSTOMER = {
    "type": "record",
    "name": "Customer",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "email", "type": "string", **PII},
        {
            "name": "home",
            "type": ["null", {"type": "record", "name": "Home", "fields": [{"name": "zip", "type": "string", **PII}]}],
            "default": None,
        },
    ],
}
RECORD = {"id": 7, "email": "ada@example.com", "home": {"zip": "12345"}}

ChainStep = tuple[str, dict[str, str]]
MASK_ALL: ChainStep = ("MaskField", {"tags": "*"})


def protection(*chain: ChainStep, **others: str) -> Protection:
    """The protection of a connector with these transforms in order; `Type.predicate` options refer to `p`."""
    config = {"transforms": ",".join(f"t{index}" for index, _ in enumerate(chain)), **others}
    for index, (type_, options) in enumerate(chain):
        config |= {f"transforms.t{index}.type": type_}
        config |= {f"transforms.t{index}.{name}": text for name, text in options.items()}
    return protection_of(load(config, need=Need.CHAIN))


def judge(*chain: ChainStep, schema: Any = CUSTOMER, **others: str) -> Judged:
    protecting = protection(*chain, **others)
    value = avro_root("value", schema, protecting.rules)
    return bind_and_judge(protecting, shape_of(None, value, protecting.rules), "customers")


def uncovered(judged: Judged) -> dict[str, set[str]]:
    """Where values that nothing protects come out, by where they come from."""
    found = {f.path: {f"{side}:{path}" for side, path, _ in f.outputs} for f in judged.findings}
    return {f.path: found[f.path] for f in judged.findings if str(f.verdict) == "uncovered"}


def end(plan: Plan) -> Plan:
    """The end of records that held a value: those without one part first."""
    return list(plan.ends())[-1]


def places(root: Field) -> dict[str, Field]:
    return dict(leaves(root))


def test_value_to_key_of_a_tagged_field_makes_a_tagged_key() -> None:
    judged = judge(("ValueToKey", {"fields": "email"}), ("ReplaceField", {"exclude": "email,home"}))
    assert uncovered(judged) == {"email": {"key:email"}}


def test_value_to_key_after_a_mask_makes_a_protected_key() -> None:
    judged = judge(MASK_ALL, ("ValueToKey", {"fields": "email"}))
    assert judged.problem is None
    assert places(end(judged.plan).shape.key)["email"].guards  # type: ignore[union-attr]  # `end` has a shape


def test_masking_the_value_after_value_to_key_leaves_the_key_uncovered() -> None:
    assert "key:email" in uncovered(judge(("ValueToKey", {"fields": "email"}), MASK_ALL))["email"]


def test_a_mask_of_the_value_does_not_reach_into_the_key_that_was_made_of_it() -> None:
    """Key and value share no container."""
    chain = protection(
        ("ValueToKey", {"fields": "home"}),
        ("MaskField$Key", {"fields": "home.zip", "replacement": "k"}),
        ("MaskField$Value", {"fields": "home.zip,email", "replacement": "v"}),
    )
    record = apply(chain, RECORD)["record"]
    assert (record["key"]["home"]["zip"], record["value"]["home"]["zip"]) == ("k", "v")


def test_header_from_a_tagged_field_makes_a_tagged_header() -> None:
    chain = ("HeaderFrom", {"fields": "email", "headers": "mail", "operation": "move"})
    judged = judge(chain, ("ReplaceField", {"exclude": "home"}))
    assert uncovered(judged) == {"email": {"header:mail"}}


def test_header_from_a_protected_field_makes_a_protected_header() -> None:
    judged = judge(MASK_ALL, ("HeaderFrom", {"fields": "email", "headers": "mail", "operation": "copy"}))
    assert judged.problem is None


def test_header_from_a_record_answers_for_every_leaf_in_it() -> None:
    chain = ("HeaderFrom", {"fields": "home", "headers": "home", "operation": "move"})
    judged = judge(chain, ("ReplaceField", {"exclude": "email"}))
    assert judged.problem is not None
    assert "PII" in judged.problem.message


def test_a_header_that_is_dropped_again_is_no_leak() -> None:
    write = ("HeaderFrom", {"fields": "email", "headers": "mail", "operation": "move"})
    judged = judge(write, ("DropHeaders", {"headers": "mail"}), ("ReplaceField", {"exclude": "home"}))
    assert judged.problem is None


def test_dropping_a_declared_header_takes_it_out_of_what_must_be_covered() -> None:
    declared = {"tags.fields.SECRET": "header:token"}
    assert judge(MASK_ALL, **declared).problem is not None
    assert judge(MASK_ALL, ("DropHeaders", {"headers": "token"}), **declared).problem is None


def test_an_inserted_header_is_nobodys_data() -> None:
    judged = judge(MASK_ALL, ("InsertHeader", {"header": "origin", "value.literal": "shop"}))
    assert judged.problem is None


@pytest.mark.parametrize(
    ("step", "path"),
    [
        (("Flatten", {"delimiter": "_"}), "home_zip"),
        (("HoistField", {"field": "payload"}), "payload.home.zip"),
        (("ExtractField", {"field": "home"}), "zip"),
        (("ExtractField", {"field": "home.zip", "field.syntax.version": "V2"}), ""),
        (("SetSchemaMetadata", {"schema.name": "shop.Customer"}), "home.zip"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_moved_field_keeps_its_tags_guards_and_origin(step: ChainStep, path: str) -> None:
    bare = judge(step)
    place = places(end(bare.plan).shape.value)[path]  # type: ignore[union-attr]  # `end` has a shape
    assert place.tags == {"PII"}
    assert place.origin == "home.zip"
    assert "home.zip" in uncovered(bare)
    masked = judge(MASK_ALL, step)
    assert masked.problem is None
    assert places(end(masked.plan).shape.value)[path].guards  # type: ignore[union-attr]  # as above
    assert judge(step, MASK_ALL).problem is None, "tags still select it where it is now"


def test_extracting_an_untagged_field_drops_the_tagged_ones() -> None:
    assert judge(("ExtractField", {"field": "id"})).problem is None


def test_a_null_record_that_is_wrapped_shows_nothing() -> None:
    """Records without a value have a plan of their own, in which there is no value to leak."""
    judged = judge(MASK_ALL, ("HoistField", {"field": "payload"}), schema=["null", CUSTOMER])
    assert judged.problem is None


def test_a_filter_lets_nothing_through() -> None:
    assert judge(("Filter", {})).problem is None


def test_a_mask_behind_a_predicate_that_each_record_answers_is_not_counted() -> None:
    judged = judge(("MaskField", {"tags": "*", "predicate": "p"}), **HAS_HEADER)
    assert set(uncovered(judged)) == {"email", "home.zip"}


def test_a_filter_behind_the_same_header_still_leaves_the_others() -> None:
    judged = judge(("Filter", {"predicate": "p"}), **HAS_HEADER)
    assert set(uncovered(judged)) == {"email", "home.zip"}


@pytest.mark.parametrize(("pattern", "covered"), [("cust.*", True), ("orders", False)])
def test_topic_name_matches_is_decided_when_the_chain_is_bound(pattern: str, covered: bool) -> None:
    predicate = {
        "predicates": "p",
        "predicates.p.type": f"{KAFKA}predicates.TopicNameMatches",
        "predicates.p.pattern": pattern,
    }
    judged = judge(("MaskField", {"tags": "*", "predicate": "p"}), **predicate)
    assert judged.plan.fork is None
    assert (judged.problem is None) is covered


@pytest.mark.parametrize("schema", [CUSTOMER, ["null", CUSTOMER]], ids=["required", "nullable"])
def test_a_mask_of_all_but_tombstones_counts_for_the_value(schema: Any) -> None:
    predicate = {"predicates": "p", "predicates.p.type": f"{KAFKA}predicates.RecordIsTombstone"}
    behind = {"tags": "*", "predicate": "p"}
    assert judge(("MaskField", {**behind, "negate": "true"}), schema=schema, **predicate).problem is None
    assert judge(("MaskField", behind), schema=schema, **predicate).problem is not None


def test_declared_places_of_json_move_too() -> None:
    declared = {"tags.fields.PII": "home.zip", "value.converter": "json"}
    for step, path in [
        (("Flatten", {"delimiter": "_"}), "home_zip"),
        (("HoistField", {"field": "p"}), "p.home.zip"),
        (("ExtractField", {"field": "home"}), "zip"),
        (("ValueToKey", {"fields": "home"}), "home.zip"),
    ]:
        protecting = protection(step, **declared)
        source = shape_of(None, raw_root("value", "json", protecting.rules), protecting.rules)
        judged = bind_and_judge(protecting, source, "customers")
        shape = end(judged.plan).shape
        assert shape is not None
        root = shape.key if step[0] == "ValueToKey" else shape.value
        assert places(root)[path].tags == {"PII"}, step[0]
        assert judged.problem is not None, step[0]


def test_flattening_json_under_unknown_names_tags_the_whole() -> None:
    """The values of a map get names that nobody knows beforehand."""
    protecting = protection(("Flatten", {}), **{"tags.fields.PII": "phones{*}", "value.converter": "json"})
    source = shape_of(None, raw_root("value", "json", protecting.rules), protecting.rules)
    judged = bind_and_judge(protecting, source, "customers")
    assert end(judged.plan).shape.value.tags == {"PII"}  # type: ignore[union-attr]  # `end` has a shape
    assert judged.problem is not None


def test_an_uncovered_key_is_refused_by_name_and_never_shown() -> None:
    answer = apply(protection(("ValueToKey", {"fields": "email"}), ("ReplaceField", {"exclude": "email,home"})), RECORD)
    assert answer.keys() == {"error"}
    assert "email" in answer["error"]
    assert "PII" in answer["error"]
    assert "ada@example.com" not in answer["error"]


HAS_HEADER = {
    "predicates": "p",
    "predicates.p.type": f"{KAFKA}predicates.HasHeaderKey",
    "predicates.p.name": "vip",
}


def apply(chain: Protection, value: Any, schema: Any = CUSTOMER) -> dict[str, Any]:
    return Envelope(chain).apply(
        {
            "topic": "customers",
            "partition": 0,
            "offset": 1,
            "timestamp": 1,
            "headers": [],
            "key_schema": None,
            "key": None,
            "value_schema": schema,
            "value": value,
        }
    )


WITH_DEFAULT = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "email", "type": ["string", "null"], "default": "owner@example.com", **PII}],
}
KEEPING_NULLS: ChainStep = ("MaskField", {"tags": "*", "replace.null.with.default": "false"})


@pytest.mark.parametrize(
    "step",
    [
        ("ReplaceField", {"exclude": "nothing"}),
        ("SetSchemaMetadata", {"schema.name": "S"}),
        ("Flatten", {}),
        ("ExtractField", {"field": "email"}),
        ("ValueToKey", {"fields": "email"}),
        ("HeaderFrom", {"fields": "email", "headers": "h", "operation": "move"}),
    ],
    ids=lambda step: str(step[0]),
)
def test_a_null_that_is_protected_does_not_become_a_default_that_is_not(step: ChainStep) -> None:
    """The default of a sensitive field is what the schema's author wrote; after the mask nothing would mask it."""
    answer = apply(protection(KEEPING_NULLS, step), {"email": None}, schema=WITH_DEFAULT)
    assert "record" in answer
    assert "owner@example.com" not in str(answer)
