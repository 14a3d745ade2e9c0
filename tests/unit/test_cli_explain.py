"""`streamveil explain`: a row for each field, and a verdict, from a schema file alone."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connector.config import Need, load
from connector.explain import explain
from connector.explain_terminal import print_explanation
from connector.protecting import protection_of
from connector.source_schemas import source_from_files
from registry.devserver import DevRegistry
from tests.unit.commands import CUSTOMER, HMAC, MASK, TRIM, Folder, streamveil

CHAIN = {"pseudonym": HMAC, "mask": MASK, "trim": TRIM}


def row_of(output: str, field: str) -> str:
    """The table's row of a field."""
    return next(line for line in output.splitlines() if line.split()[:1] == [field])


def document(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(streamveil("explain", *arguments, "--json").stdout)
    return found


def test_a_row_tells_path_type_tags_step_output_and_verdict(folder: Folder) -> None:
    done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema())
    row = row_of(done.stdout, "email")
    assert row.split() == [
        "email",
        "string",
        "EMAIL",
        "(inline)",
        "pseudonym:",
        "Hmac",
        "email:",
        "string",
        "protected",
    ]
    assert "protected" in row_of(done.stdout, "phones[*]")
    assert "dropped" in row_of(done.stdout, "segment")
    assert done.exit_code == 0


def test_a_tagged_field_that_nothing_protects_gives_status_1_and_is_named_with_its_tags(folder: Folder) -> None:
    forgotten = {"name": "ssn", "type": ["null", "string"], "default": None, "confluent:tags": ["SSN", "GDPR"]}
    done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(forgotten))
    assert done.exit_code == 1
    assert "uncovered" in row_of(done.stdout, "ssn")
    assert "ssn (GDPR, SSN)" in done.stdout


def test_a_sensitive_field_that_would_be_dead_lettered_gives_status_1_too(folder: Folder) -> None:
    connector = folder.connector({"mask": MASK}, policy__on__uncovered="deadletter")
    assert streamveil("explain", connector, "--schema", folder.schema()).exit_code == 1


def test_a_chain_that_selects_by_tags_and_a_schema_without_any_give_status_1(folder: Folder) -> None:
    untagged = folder.write("plain.avsc", {**CUSTOMER, "fields": [{"name": "id", "type": "long"}]})
    done = streamveil("explain", folder.connector({"mask": MASK}), "--schema", untagged)
    assert done.exit_code == 1
    assert "transforms.mask" in done.stdout


def test_what_has_no_schema_fails_where_the_policy_says_so(folder: Folder) -> None:
    connector = folder.connector(CHAIN, policy__on__unclassified="fail")
    done = streamveil("explain", connector, "--schema", folder.schema())
    assert done.exit_code == 1
    assert "unproven" in row_of(done.stdout, "key")


def test_a_chain_that_rejects_every_record_of_a_schema_gives_status_1(folder: Folder) -> None:
    number = folder.write("number.avsc", '"long"')
    mask = {"type": "MaskField", "fields": "email"}
    done = streamveil("explain", folder.connector({"mask": mask}), "--schema", number)
    assert done.exit_code == 1
    assert "transforms.mask" in done.stdout


def test_a_field_that_is_neither_protected_nor_kept_is_dropped_by_policy(folder: Folder) -> None:
    connector = folder.connector({"mask": MASK}, policy__on__uncovered="drop-field")
    done = streamveil("explain", connector, "--schema", folder.schema())
    assert done.exit_code == 0
    assert row_of(done.stdout, "email").split() == ["email", "string", "EMAIL", "(inline)", "dropped", "dropped"]


def test_a_long_path_is_not_cut_where_the_output_is_no_terminal(folder: Folder) -> None:
    path = "a" * 200
    long_name = {"name": path, "type": "string"}
    done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(long_name))
    assert "clear" in row_of(done.stdout, path)


def test_the_document_has_each_leaf_with_tags_steps_and_verdict(folder: Folder) -> None:
    found = document(folder.connector(CHAIN), "--schema", folder.schema())
    email = next(leaf for leaf in found["fields"] if leaf["path"] == "email")
    assert email["tags"] == ["EMAIL"]
    assert email["steps"] == [{"alias": "pseudonym", "transform": "Hmac", "always": True}]
    assert email["outputs"] == [{"path": "email", "type": "string"}]
    assert email["verdict"] == "protected"
    assert found["holds"] is True
    assert found["problem"] is None


def steps_of(path: str, found: dict[str, Any]) -> list[str]:
    return next([step["alias"] for step in leaf["steps"]] for leaf in found["fields"] if leaf["path"] == path)


def test_every_transform_that_moves_changes_or_drops_a_field_is_told_in_order(folder: Folder) -> None:
    chain = {
        "rename": {"type": "ReplaceField", "renames": "email:mail"},
        "pseudonym": {**HMAC, "tags": "EMAIL"},
        "key": {"type": "ValueToKey", "fields": "mail"},
        "move": {"type": "HeaderFrom$Value", "fields": "id", "headers": "id", "operation": "move"},
        "wrap": {"type": "HoistField", "field": "all"},
        "mask": {**MASK, "tags": "PII"},
    }
    found = document(folder.connector(chain), "--schema", folder.schema())
    assert steps_of("email", found) == ["rename", "pseudonym", "key", "wrap"]
    assert steps_of("id", found) == ["move"]
    assert steps_of("phones[*]", found) == ["wrap", "mask"]
    assert steps_of("segment", found) == ["wrap"]


def test_a_step_for_some_records_is_told_as_such(folder: Folder) -> None:
    chain = {"mask": {**MASK, "predicate": "p"}, "trim": TRIM}
    keys = {"predicates": "p", "predicates__p__type": "HasHeaderKey", "predicates__p__name": "h"}
    found = document(folder.connector(chain, **keys), "--schema", folder.schema())
    phones = next(leaf for leaf in found["fields"] if leaf["path"] == "phones[*]")
    assert phones["steps"] == [{"alias": "mask", "transform": "MaskField", "always": False}]


def test_a_tag_says_where_it_came_from(folder: Folder) -> None:
    connector = folder.connector({"mask": {"type": "MaskField", "tags": "*"}}, tags__fields__HOME="value.segment,email")
    schema = folder.schema()
    rows = streamveil("explain", connector, "--schema", schema).stdout
    assert "HOME (declared: tags.fields.HOME: value.segment)" in row_of(rows, "segment")
    leaves = {leaf["path"]: leaf for leaf in document(connector, "--schema", schema)["fields"]}
    assert leaves["email"]["tags"] == ["EMAIL", "HOME"]
    assert leaves["email"]["tag_sources"] == [
        {"tag": "EMAIL", "kind": "inline", "where": "confluent:tags at email"},
        {"tag": "HOME", "kind": "declared", "where": "tags.fields.HOME: email"},
    ]
    assert leaves["id"]["tag_sources"] == []


def test_the_document_has_the_schema_that_would_be_registered(folder: Folder) -> None:
    (output,) = document(folder.connector(CHAIN), "--schema", folder.schema())["outputs"]
    names = [field["name"] for field in json.loads(output["value"])["fields"]]
    assert names == ["id", "email", "phones", "birth_date", "balance"]
    assert output["key"] is None


def test_the_document_names_the_problem(folder: Folder) -> None:
    found = document(folder.connector({"mask": MASK}), "--schema", folder.schema())
    assert found["holds"] is False
    assert found["problem"]["kind"] == "uncovered"
    assert found["problem"]["path"] == "email"


def test_the_key_has_a_schema_of_its_own(folder: Folder) -> None:
    key = {"type": "record", "name": "Id", "fields": [{"name": "ssn", "type": "string", "confluent:tags": ["SSN"]}]}
    connector = folder.connector(CHAIN, key__converter="avro")
    key_schema = folder.write("key.avsc", key)
    done = streamveil("explain", connector, "--schema", folder.schema(), "--key-schema", key_schema)
    assert done.exit_code == 1
    assert "uncovered" in row_of(done.stdout, "key.ssn")


def test_the_schemas_of_a_topic_come_from_the_registry(folder: Folder) -> None:
    with DevRegistry() as registry:
        body = json.dumps({"schema": json.dumps(CUSTOMER)}).encode()
        assert registry.serve("POST", "/subjects/crm.customers-value/versions", body)[0] == 200
        connector = folder.connector(CHAIN, schema__registry__url=registry.url)
        done = streamveil("explain", connector, "--topic", "crm.customers")
    assert done.exit_code == 0
    assert "protected" in row_of(done.stdout, "email")


def test_the_tags_of_earlier_versions_hold_for_the_schema_of_a_topic(folder: Folder) -> None:
    plain = [{k: v for k, v in field.items() if k != "confluent:tags"} for field in CUSTOMER["fields"]]
    with DevRegistry() as registry:
        for schema in (CUSTOMER, {**CUSTOMER, "fields": plain}):
            body = json.dumps({"schema": json.dumps(schema)}).encode()
            assert registry.serve("POST", "/subjects/crm.customers-value/versions", body)[0] == 200
        tags = {"tags__fields__NO": "nowhere", "tags__release__PII": "phones"}
        connector = folder.connector(CHAIN, schema__registry__url=registry.url, **tags)
        found = document(connector, "--topic", "crm.customers")
    verdicts = {leaf["path"]: (leaf["tags"], leaf["verdict"]) for leaf in found["fields"]}
    assert verdicts["email"] == (["EMAIL"], "protected")
    assert verdicts["phones[*]"] == ([], "clear")
    assert found["warnings"][:2] == [
        "tags.fields.NO: nowhere finds nothing in this schema",
        "tags.release.PII: phones lets PII go at phones (confluent:tags at phones, crm.customers-value version 1)",
    ]


def test_a_topic_that_the_registry_does_not_know_gives_status_1(folder: Folder) -> None:
    with DevRegistry() as registry:
        connector = folder.connector(CHAIN, schema__registry__url=registry.url)
        done = streamveil("explain", connector, "--topic", "nobody")
    assert done.exit_code == 1
    assert "nobody-value" in done.stderr


@pytest.mark.parametrize("strategy", ["RecordName", "TopicRecordName"])
def test_a_topic_whose_subjects_are_named_by_record_needs_the_schema_given(folder: Folder, strategy: str) -> None:
    with DevRegistry() as registry:
        keys = {"schema__registry__url": registry.url, "value__subject__name__strategy": strategy}
        done = streamveil("explain", folder.connector(CHAIN, **keys), "--topic", "crm.customers")
        assert done.exit_code == 1
        assert f"value.subject.name.strategy is {strategy}" in done.stderr
        given = streamveil("explain", folder.connector(CHAIN, **keys), "--schema", folder.schema())
    assert given.exit_code == 0


def test_a_name_that_avro_forbids_in_the_output_schema_gives_status_1(folder: Folder) -> None:
    renamed = {**CHAIN, "rename": {"type": "ReplaceField", "renames": "id:the-id"}}
    done = streamveil("explain", folder.connector(renamed), "--schema", folder.schema())
    assert done.exit_code == 1
    assert "the-id cannot be a name" in done.stdout


def test_avro_values_without_a_schema_cannot_be_explained(folder: Folder) -> None:
    done = streamveil("explain", folder.connector(CHAIN))
    assert done.exit_code == 1
    assert "schema" in done.stderr


def test_a_file_that_is_no_avro_schema_gives_status_1(folder: Folder) -> None:
    done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.write("x.avsc", '{"type": "recrod"}'))
    assert done.exit_code == 1
    assert "x.avsc" in done.stderr


def test_a_schema_for_a_converter_without_schemas_is_refused(folder: Folder) -> None:
    connector = folder.connector(CHAIN, value__converter="json")
    done = streamveil("explain", connector, "--schema", folder.schema())
    assert done.exit_code == 1
    assert "value.converter" in done.stderr


def test_a_tag_of_an_earlier_version_says_so(folder: Folder) -> None:
    untagged = {**CUSTOMER, "fields": [{"name": "email", "type": "string"}]}
    with DevRegistry() as registry:
        for schema in (CUSTOMER, untagged):
            body = json.dumps({"schema": json.dumps(schema)}).encode()
            assert registry.serve("POST", "/subjects/crm.customers-value/versions", body)[0] == 200
        connector = folder.connector(CHAIN, schema__registry__url=registry.url)
        found = document(connector, "--topic", "crm.customers")
    email = next(leaf for leaf in found["fields"] if leaf["path"] == "email")
    assert found["schemas"]["value"] == {"subject": "crm.customers-value", "version": 2, "id": 2}
    assert [(source["tag"], source["kind"]) for source in email["tag_sources"]] == [("EMAIL", "earlier version")]
    assert email["verdict"] == "protected"


def test_a_terminal_gets_colours_and_nobody_else(folder: Folder) -> None:
    connector = load(Path(folder.connector(CHAIN)), need=Need.CHAIN)
    source = source_from_files(connector, Path(folder.schema()), None)
    explanation = explain(protection_of(connector), source)
    shown = {}
    for terminal in (True, False):
        console = Console(
            file=StringIO(), force_terminal=terminal, width=200, color_system="standard" if terminal else None
        )
        print_explanation(explanation, console)
        shown[terminal] = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    assert "\x1b[32mprotected" in shown[True]
    assert "\x1b" not in shown[False]
