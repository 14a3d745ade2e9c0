"""The tag catalogue: tags by subject, record and path, for teams whose registry keeps no metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connector.shapes import tagged_avro
from connector.tagging import Facts, Tagging
from registry.history import Past
from registry.registered import RegisteredSchema
from registry.schema.catalogue import BadCatalogue, read_catalogue
from registry.schema.tags import Tagged, TagRules
from registry.schema.tree import leaves
from tests.unit.commands import CUSTOMER, MASK, Folder, streamveil
from tests.unit.configuring import chain_errors, chain_of
from tests.unit.test_tags import field, record

ADDRESS = record(field("street"), field("zip"), name="demo.Address")
SCHEMA = record(field("mail"), field("home", ADDRESS), field("work", "demo.Address"))


def tagged(*entries: dict[str, Any], subjects: Sequence[str] | None = ("customers-value",)) -> Tagged:
    rules = TagRules(catalogue=read_catalogue(json.dumps({"version": 1, "tags": entries})))
    return tagged_avro("value", SCHEMA, rules, subjects=subjects)


def tags(*entries: dict[str, Any], **more: Any) -> dict[str, list[str]]:
    return {path: sorted(leaf.tags) for path, leaf in leaves(tagged(*entries, **more).root) if leaf.tags}


def test_an_entry_of_a_subject_gives_tags_by_path() -> None:
    entry = {"subject": "customers-value", "fields": {"mail": ["PII.EMAIL", "GDPR"], "home.*": "PII.ADDRESS"}}
    assert tags(entry) == {
        "mail": ["GDPR", "PII.EMAIL"],
        "home.street": ["PII.ADDRESS"],
        "home.zip": ["PII.ADDRESS"],
    }


def test_an_entry_of_another_subject_gives_none() -> None:
    assert tags({"subject": "orders-value", "fields": {"mail": "PII"}}) == {}


@pytest.mark.parametrize("glob", ["customers-*", "*-value", "customers?value", "*"])
def test_a_subject_may_be_a_glob(glob: str) -> None:
    assert tags({"subject": glob, "fields": {"mail": "PII"}}) == {"mail": ["PII"]}


def test_an_entry_of_the_topics_own_subject_holds_where_the_producer_registers_under_another() -> None:
    entries = read_catalogue(json.dumps({"version": 1, "tags": [{"subject": "a-value", "fields": {"mail": "PII"}}]}))
    schema = RegisteredSchema(1, "AVRO", json.dumps(SCHEMA), (), None, None, ())
    facts = Facts(schema, (Past("demo.Customer", (), ()),), "a-value")
    root = Tagging(TagRules(catalogue=entries)).root("value", facts).root
    assert {path for path, leaf in leaves(root) if leaf.tags} == {"mail"}


def test_where_the_subject_is_not_known_the_entries_of_every_subject_hold() -> None:
    assert tags({"subject": "orders-value", "fields": {"mail": "PII"}}, subjects=None) == {"mail": ["PII"]}


def test_the_paths_of_a_record_start_wherever_it_is_used() -> None:
    entry = {"record": "demo.Address", "fields": {"street": "PII"}}
    assert tags(entry) == {"home.street": ["PII"], "work.street": ["PII"]}


def test_a_record_may_be_the_root() -> None:
    assert tags({"record": "demo.Customer", "fields": {"work.zip": "PII"}}) == {"work.zip": ["PII"]}


def test_a_record_of_one_subject_alone_can_be_meant() -> None:
    assert tags({"subject": "orders-value", "record": "demo.Address", "fields": {"street": "PII"}}) == {}


def test_a_tag_knows_its_entry() -> None:
    root = tagged({"subject": "*", "fields": {"mail": "PII"}}).root
    (source,) = root.type.fields[0].tag_sources
    assert source == ("PII", "catalogue", "tags[0]: mail")


def test_a_pattern_that_finds_nothing_is_reported_where_its_entry_applies() -> None:
    found = tagged(
        {"subject": "*", "fields": {"mial": "PII", "mail": "PII"}},
        {"subject": "orders-value", "fields": {"nothing": "PII"}},
        {"record": "demo.Person", "fields": {"nothing": "PII"}},
        {"record": "demo.Address", "fields": {"door": "PII"}},
    )
    assert found.missed == ("tags.file tags[0]: mial", "tags.file tags[3]: door")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("[]", "it is not a JSON object"),
        ("{", "it is not a JSON object"),
        ({"tags": []}, "version must be 1"),
        ({"version": 2, "tags": []}, "version must be 1"),
        ({"version": True, "tags": []}, "version must be 1"),
        ({"version": 1}, "tags must be a list of entries"),
        ({"version": 1, "tags": [], "more": 1}, "more is not known"),
        ({"version": 1, "tags": ["mail"]}, "tags[0] must be an object with a subject or a record, and fields"),
        ({"version": 1, "tags": [{"fields": {"a": "PII"}}]}, "tags[0] names neither a subject nor a record"),
        ({"version": 1, "tags": [{"subject": 7, "fields": {"a": "PII"}}]}, "tags[0].subject must be a name"),
        ({"version": 1, "tags": [{"record": " ", "fields": {"a": "PII"}}]}, "tags[0].record must be a name"),
        ({"version": 1, "tags": [{"record": "R"}]}, "tags[0].fields must be an object of path patterns to tags"),
        ({"version": 1, "tags": [{"record": "R", "field": {}}]}, "tags[0].field is not known"),
        ({"version": 1, "tags": [{"record": "R", "fields": {"a..b": "PII"}}]}, "tags[0].fields: 'a..b' is not a path"),
        ({"version": 1, "tags": [{"record": "R", "fields": {"a": []}}]}, "tags[0].fields['a'] must be a list of tags"),
        (
            {"version": 1, "tags": [{"record": "R", "fields": {"a": "P,Q"}}]},
            "tags[0].fields['a'] must be a list of tags",
        ),
        ({"version": 1, "tags": [{"record": "R", "fields": {"a": [1]}}]}, "tags[0].fields['a'] must be a list of tags"),
        (
            '{"version": 1, "tags": [{"record": "R", "fields": {"a": "PII", "a": "PCI"}}]}',
            "tags[0].fields has 'a' twice",
        ),
    ],
)
def test_an_error_names_its_entry(document: Any, problem: str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(BadCatalogue) as refused:
        read_catalogue(text)
    assert any(found.startswith(problem) for found in refused.value.problems)


def test_every_error_is_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "tags.json"
    file.write_text(json.dumps({"version": 1, "tags": [{"record": "R", "fields": {"a..b": "PII"}}, {"fields": 1}]}))
    errors = chain_errors(tags__file=str(file))
    assert [error.split("without errors: ")[1][:7] for error in errors] == ["tags[0]", "tags[1]", "tags[1]"]
    assert all(error.startswith("tags.file: ") for error in errors)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (error,) = chain_errors(tags__file=str(tmp_path / "nowhere.json"))
    assert error.startswith("tags.file: found")
    assert "FileNotFoundError" in error


def test_the_configuration_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "tags.json"
    file.write_text(json.dumps({"version": 1, "tags": [{"subject": "a-*", "fields": {"b": ["PII"]}}]}))
    (entry,) = chain_of(tags__file=str(file)).tags.catalogue
    assert (entry.subject, entry.record, dict(entry.fields)) == ("a-*", None, {"b": frozenset({"PII"})})


def test_explain_and_apply_know_the_catalogue(folder: Folder) -> None:
    entry = {"record": "demo.Customer", "fields": {"segment": ["PII"]}}
    catalogue = folder.write("tags.json", {"version": 1, "tags": [entry]})
    connector = folder.connector({"mask": {**MASK, "tags": "PII,EMAIL"}}, tags__file=catalogue)
    explained = streamveil("explain", connector, "--schema", folder.schema())
    assert next(line for line in explained.stdout.splitlines() if line.startswith("segment")).endswith("protected")
    line = {"id": 1, "email": "a@b.c", "phones": [], "birth_date": "2020-01-31", "balance": "1.00", "segment": "gold"}
    applied = streamveil("apply", connector, "--schema", folder.write("customer.avsc", CUSTOMER), lines=[line])
    assert json.loads(applied.stdout)["segment"] == ""
