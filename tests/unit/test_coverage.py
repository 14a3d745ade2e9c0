"""The proof: what is said of every sensitive leaf before any record is read."""

from __future__ import annotations

from typing import Any

import pytest

from connector.binding import Judged, Protection, bind_and_judge
from connector.coverage import Verdict
from connector.plan import Link
from connector.policy import OnUnclassified, OnUncovered, OnUntagged, Policy
from connector.shapes import avro_root, raw_root, shape_of
from registry.schema.tags import TagRules
from registry.schema.tree import Field
from tests.unit.rings import RING
from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.replace_field import ReplaceField
from transforms.transform import Transform

PII = {"confluent:tags": ["PII"]}


def record(*fields: dict[str, Any], name: str = "Customer") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, type_: Any = "string", **attrs: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **attrs}


def mask(**options: Any) -> Transform:
    return MaskField.model_validate(options)


def hmac(**options: Any) -> Transform:
    return Hmac.model_validate({"key": "ring", **options})


def drop(**options: Any) -> Transform:
    return ReplaceField.model_validate(options)


def judge(
    schema: Any,
    *transforms: Transform,
    rules: TagRules | None = None,
    policy: Policy | None = None,
    key: Field | None = None,
    others: bool = False,
) -> Judged:
    rules = rules or TagRules()
    links = tuple(Link(f"t{index}", transform) for index, transform in enumerate(transforms))
    protection = Protection(links, rules, policy or Policy(), {"ring": RING})
    value = avro_root("value", schema, rules) if schema is not None else None
    return bind_and_judge(protection, shape_of(key, value, rules, others=others), "customers")


def verdicts(judged: Judged) -> dict[str, str]:
    return {finding.path: str(finding.verdict) for finding in judged.findings}


def test_a_tagged_field_that_nothing_handles_stops_the_connector_and_is_named() -> None:
    judged = judge(record(field("id"), field("ssn", **PII)))
    assert judged.problem is not None
    assert judged.problem.stops
    assert "ssn (PII)" in judged.problem.message
    assert verdicts(judged) == {"id": "clear", "ssn": "uncovered"}


@pytest.mark.parametrize(
    ("type_", "path"),
    [
        ({"type": "array", "items": ["null", record(field("ssn", **PII), name="Person")]}, "x[*].ssn"),
        ({"type": "map", "values": record(field("ssn", **PII), name="Person")}, "x{*}.ssn"),
        (["null", record(field("ssn", **PII), name="A"), record(field("id"), name="B")], "x.ssn"),
        (
            record(field("ssn", **PII), field("next", ["null", "Person"]), name="Person"),
            "x.ssn",
        ),
    ],
)
def test_an_uncovered_field_is_named_wherever_it_lies(type_: Any, path: str) -> None:
    judged = judge(record(field("x", type_)))
    assert judged.problem is not None
    assert f"{path} (PII)" in judged.problem.message


def test_a_field_below_the_first_level_of_a_recursive_type_must_be_protected_too() -> None:
    node = record(field("ssn", **PII), field("next", ["null", "Node"]), name="Node")
    only_first = judge(node, mask(fields="ssn"))
    assert only_first.problem is not None
    assert "next.ssn (PII; from ssn)" in only_first.problem.message
    assert judge(node, mask(fields="**.ssn")).problem is None
    assert judge(node, mask(tags="PII")).problem is None


def test_the_keys_of_a_tagged_map_are_leaves_of_their_own() -> None:
    schema = record(field("m", {"type": "map", "values": "string"}, **PII))
    judged = judge(schema, mask(fields="m{*}"))
    assert verdicts(judged) == {"m{#}": "uncovered", "m{*}": "protected"}
    assert judge(schema, hmac(tags="PII")).problem is None


def test_masking_a_container_whole_protects_all_that_was_in_it() -> None:
    schema = record(field("phones", {"type": "array", "items": "string"}, **PII))
    assert verdicts(judge(schema, mask(fields="phones"))) == {"phones[*]": "protected"}


def test_a_container_that_becomes_a_pseudonym_answers_for_the_tags_inside_it() -> None:
    schema = record(field("home", record(field("street", **PII), name="Address")))
    assert judge(schema, hmac(fields="home", domain="home")).problem is None


def test_a_dropped_field_is_covered() -> None:
    assert verdicts(judge(record(field("id"), field("ssn", **PII)), drop(exclude="ssn")))["ssn"] == "dropped"


def test_dropping_by_tag_covers() -> None:
    judged = judge(record(field("id"), field("ssn", **PII)), drop(**{"exclude.tags": "PII"}))
    assert judged.problem is None


def test_a_renamed_field_keeps_its_tag() -> None:
    judged = judge(record(field("ssn", **PII)), drop(renames="ssn:number"))
    assert judged.problem is not None
    assert judged.findings[0].outputs == (("value", "number", "string"),)


def test_protection_survives_a_rename() -> None:
    judged = judge(record(field("ssn", **PII)), mask(fields="ssn"), drop(renames="ssn:number"))
    assert verdicts(judged) == {"ssn": "protected"}


def test_one_branch_of_a_union_left_alone_is_uncovered() -> None:
    schema = record(field("contact", ["null", "string", record(field("mail"), name="Mail")], **PII))
    assert verdicts(judge(schema, mask(fields="contact.mail")))["contact"] == "uncovered"


def test_the_other_branches_of_a_union_need_not_be_protected_for_a_tag_on_one() -> None:
    schema = record(field("contact", ["null", "long", {"type": "string", **PII}]))
    assert judge(schema, mask(tags="PII")).problem is None
    assert verdicts(judge(schema, mask(tags="PII"))) == {"contact": "protected"}
    assert verdicts(judge(schema, mask(tags="OTHER"))) == {"contact": "uncovered"}
    (finding,) = judge(schema, mask(tags="PII")).findings
    assert (finding.type, finding.tags) == ("string", {"PII"})


def test_records_of_a_union_that_have_a_field_of_one_name_are_told_apart() -> None:
    person, firm = record(field("name", **PII), name="Person"), record(field("name"), field("x", **PII), name="Firm")
    schema = record(field("who", [person, firm]))
    assert judge(schema, mask(tags="PII")).problem is None
    assert verdicts(judge(schema, mask(fields="who.x")))["who.name"] == "uncovered"


def test_branches_that_become_one_are_covered_only_if_both_are_protected() -> None:
    known = {"type": "enum", "name": "Known", "symbols": ["A"], **PII}
    schema = record(field("who", ["string", known]))
    assert verdicts(judge(schema, mask(tags="PII"))) == {"who": "uncovered"}
    assert verdicts(judge(schema, mask(fields="who"))) == {"who": "protected"}


def test_streamveil_attributes_in_a_source_schema_are_no_protection() -> None:
    claimed = {"streamveil:protected": [{"transform": "Hmac"}], **PII}
    assert judge(record(field("ssn", **claimed))).problem is not None


def test_only_tags_that_are_named_sensitive_must_be_protected() -> None:
    schema = record(field("city", **{"confluent:tags": ["PUBLIC"]}))
    assert judge(schema, rules=TagRules(sensitive=("PII*",))).problem is None


def test_selecting_a_tag_selects_those_below_it() -> None:
    schema = record(field("mail", **{"confluent:tags": ["PII.EMAIL"]}))
    assert judge(schema, mask(tags="PII")).problem is None


def test_a_raw_key_is_unproven_and_may_be_made_an_error() -> None:
    rules = TagRules()
    key = raw_root("key", "string", rules)
    assert verdicts(judge(record(field("id")), key=key))["key"] == "unproven"
    strict = judge(record(field("id")), key=key, policy=Policy(unclassified=OnUnclassified.FAIL))
    assert strict.problem is not None
    assert strict.problem.stops


def test_a_raw_key_that_is_declared_sensitive_must_be_protected() -> None:
    rules = TagRules(declared={"PII": ["key"]})
    key = raw_root("key", "string", rules)
    schema = record(field("id"))
    assert judge(schema, rules=rules, key=key).problem is not None
    protected = judge(schema, hmac(**{"tags": "PII", "$side": "key"}), rules=rules, key=key)
    assert verdicts(protected)["key"] == "protected"


def test_a_raw_key_that_is_declared_harmless_is_proven() -> None:
    rules = TagRules(sensitive=("PII",), declared={"PUBLIC": ["key"]})
    judged = judge(record(field("id")), rules=rules, key=raw_root("key", "string", rules))
    assert verdicts(judged)["key"] == "clear"


def test_a_declared_header_that_stays_is_uncovered() -> None:
    judged = judge(record(field("id")), rules=TagRules(declared={"PII": ["header:mail"]}))
    assert judged.problem is not None
    assert "header:mail (PII)" in judged.problem.message


def test_headers_of_which_nothing_is_declared_are_unproven() -> None:
    assert verdicts(judge(record(field("id")), others=True))["header:*"] == "unproven"


def test_json_with_a_declared_path_is_judged_by_that_path() -> None:
    rules = TagRules(declared={"PII": ["user.mail"]})
    value = raw_root("value", "json", rules)
    uncovered = bind_and_judge(Protection(rules=rules), shape_of(None, value, rules), "t")
    assert uncovered.problem is not None
    links = (Link("m", mask(tags="PII")),)
    assert bind_and_judge(Protection(links, rules), shape_of(None, value, rules), "t").problem is None
    links = (Link("m", mask(fields="user.mail")),)
    assert bind_and_judge(Protection(links, rules), shape_of(None, value, rules), "t").problem is None


def test_a_chain_that_selects_by_tags_refuses_a_schema_without_any() -> None:
    schema = record(field("ssn"))
    judged = judge(schema, mask(tags="PII"))
    assert judged.problem is not None
    assert judged.problem.kind == "untagged"
    relaxed = judge(schema, mask(tags="PII"), policy=Policy(untagged=OnUntagged.WARN))
    assert relaxed.problem is None
    assert relaxed.warnings


def test_a_tombstone_needs_no_tags() -> None:
    assert judge(None, mask(tags="PII")).problem is None


def test_a_selection_that_matches_nothing_is_a_warning_and_strict_makes_it_an_error() -> None:
    schema = record(field("id"))
    assert "t0 selects nothing" in " ".join(judge(schema, mask(fields="nope")).warnings)
    refused = judge(schema, mask(fields="nope", strict="true")).plan.refused
    assert refused is not None


def test_policy_deadletter_refuses_the_records_and_lets_the_connector_run() -> None:
    judged = judge(record(field("ssn", **PII)), policy=Policy(uncovered=OnUncovered.DEADLETTER))
    assert judged.problem is not None
    assert not judged.problem.stops


def test_policy_drop_field_drops_what_is_uncovered_and_its_container_where_it_must() -> None:
    node = record(
        field("id"),
        field("ssn", **PII),
        field("phones", {"type": "array", "items": "string"}, **PII),
        field("next", ["null", "Node"]),
        name="Node",
    )
    judged = judge(node, policy=Policy(uncovered=OnUncovered.DROP_FIELD))
    assert judged.problem is None
    assert verdicts(judged) == {"id": "clear", "ssn": "dropped", "phones[*]": "dropped"}


def test_policy_drop_field_cannot_drop_a_root() -> None:
    rules = TagRules(declared={"PII": ["key"]})
    key = raw_root("key", "string", rules)
    judged = judge(record(field("id")), rules=rules, key=key, policy=Policy(uncovered=OnUncovered.DROP_FIELD))
    assert judged.problem is not None
    assert judged.problem.stops


def test_the_domain_of_a_pseudonym_is_the_only_sensitive_tag_of_the_leaf() -> None:
    judged = judge(record(field("mail", **PII)), hmac(tags="PII"))
    assert judged.findings[0].guards[0].domain == "PII"
    both = judge(record(field("mail", **{"confluent:tags": ["A", "B"]})), hmac(tags="A"))
    assert both.plan.refused is not None
    assert "domain" in both.plan.refused.reason


def test_verdicts_are_ordered_from_best_to_worst() -> None:
    assert max(Verdict.PROTECTED, Verdict.UNCOVERED) is Verdict.UNCOVERED
