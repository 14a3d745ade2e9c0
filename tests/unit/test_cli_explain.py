"""`streamveil explain`: a row for each field, and a verdict, from a schema file alone."""

from __future__ import annotations

import json
from typing import Any

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


def test_a_topic_that_the_registry_does_not_know_gives_status_1(folder: Folder) -> None:
    with DevRegistry() as registry:
        connector = folder.connector(CHAIN, schema__registry__url=registry.url)
        done = streamveil("explain", connector, "--topic", "nobody")
    assert done.exit_code == 1
    assert "nobody-value" in done.stderr


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
