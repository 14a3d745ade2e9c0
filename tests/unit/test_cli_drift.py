"""`streamveil drift`: a running configuration, compared with every version of its subjects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from registry.devserver import DevRegistry, Fault
from tests.unit.commands import Folder, streamveil

MASK = {"type": "MaskField", "tags": "PII"}


def field(name: str, *tags: str, **more: Any) -> dict[str, Any]:
    tagged = {"confluent:tags": list(tags)} if tags else {}
    return {"name": name, "type": ["null", "string"], "default": None, **tagged, **more}


def record(*fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": "Customer", "namespace": "demo", "fields": list(fields)})


class Place:
    """A registry with versions in it, and a folder with the configuration that is compared with them."""

    def __init__(self, registry: DevRegistry, folder: Folder) -> None:
        self.registry = registry
        self.folder = folder

    def register(self, subject: str, *fields: dict[str, Any], text: str = "", **more: Any) -> None:
        body = json.dumps({"schema": text or record(*fields), **more}).encode()
        status, answer = self.registry.serve("POST", f"/subjects/{subject}/versions", body)
        assert status == 200, answer

    def connector(self, chain: dict[str, dict[str, str]], **keys: str) -> str:
        given = {"topics": "crm", "schema__registry__url": self.registry.url, **keys}
        return self.folder.connector(chain, **{key: value for key, value in given.items() if value})

    def drift(self, chain: dict[str, dict[str, str]], **keys: str) -> dict[str, Any]:
        done = streamveil("drift", self.connector(chain, **keys), "--json")
        document: dict[str, Any] = json.loads(done.stdout)
        assert done.exit_code == (1 if document["drifts"] else 0)
        return document

    def found(self, chain: dict[str, dict[str, str]], **keys: str) -> list[tuple[str, str, list[int]]]:
        found = self.drift(chain, **keys)["found"]
        return [(each["kind"], each["path"], each["versions"]) for each in found]


@pytest.fixture
def place(folder: Folder) -> Iterator[Place]:
    with DevRegistry() as registry:
        yield Place(registry, folder)


def test_a_configuration_that_fits_every_version_gives_status_0(place: Place) -> None:
    place.register("crm-value", field("id"), field("email", "PII"))
    place.register("crm-value", field("id"), field("email", "PII"), field("segment"))
    done = streamveil("drift", place.connector({"mask": MASK}))
    assert done.exit_code == 0
    assert "fits every version" in done.stdout


def test_a_new_tagged_field_that_nothing_protects_is_new_and_uncovered(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("ssn", "SSN"))
    assert place.drift({"mask": MASK})["drifts"] is True
    assert place.found({"mask": MASK}) == [("uncovered", "ssn", [2]), ("newly-sensitive", "ssn", [2])]


def test_a_new_tagged_field_that_is_protected_already_is_told_and_is_no_drift(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("phone", "PII"))
    document = place.drift({"mask": MASK})
    assert document["drifts"] is False
    (found,) = document["found"]
    assert (found["kind"], found["path"], found["needs_action"]) == ("newly-sensitive", "phone", False)
    assert found["tags"] == ["PII"]


def test_a_field_that_is_tagged_in_a_later_version_is_newly_sensitive_there(place: Place) -> None:
    place.register("crm-value", field("email"), field("note", "PII"))
    place.register("crm-value", field("email", "EMAIL"), field("note", "PII"))
    place.register("crm-value", field("email", "EMAIL"), field("note", "PII"), field("id"))
    assert ("newly-sensitive", "email", [2]) in place.found({"mask": MASK})


def test_a_field_that_was_never_covered_is_named_once_with_all_its_versions(place: Place) -> None:
    place.register("crm-value", field("ssn", "SSN"), field("x", "PII"))
    place.register("crm-value", field("ssn", "SSN"), field("x", "PII"), field("id"))
    assert place.found({"mask": MASK}) == [("uncovered", "ssn", [1, 2])]


@pytest.mark.parametrize(
    ("chain", "keys", "key"),
    [
        ({"mask": {"type": "MaskField", "fields": "phone"}}, {}, "transforms.mask.fields"),
        ({"trim": {"type": "ReplaceField", "exclude": "phone"}}, {}, "transforms.trim.exclude"),
        ({"mask": MASK}, {"tags__fields__PII": "value.phone"}, "tags.fields.PII"),
    ],
)
def test_a_selected_field_that_the_latest_version_lacks_is_gone(
    place: Place, chain: dict[str, dict[str, str]], keys: dict[str, str], key: str
) -> None:
    place.register("crm-value", field("id"), field("phone"), field("fax", "OTHER"))
    place.register("crm-value", field("id"), field("fax", "OTHER"))
    found = place.drift(chain, tags__sensitive="PII", **keys)["found"]
    gone = [each for each in found if each["kind"] == "gone"]
    assert [(each["path"], each["key"], each["versions"]) for each in gone] == [("phone", key, [1])]


def test_a_selected_field_that_came_with_a_later_version_is_not_gone(place: Place) -> None:
    place.register("crm-value", field("id"))
    place.register("crm-value", field("id"), field("phone", "PII"))
    kinds = [kind for kind, _, _ in place.found({"mask": {"type": "MaskField", "fields": "phone"}})]
    assert kinds == ["newly-sensitive"]


def test_a_selected_field_that_no_version_has_is_gone_too(place: Place) -> None:
    place.register("crm-value", field("id"))
    chain = {"mask": {"type": "MaskField", "fields": "phone"}}
    assert place.found(chain) == [("gone", "phone", [])]
    assert place.drift(chain)["drifts"] is True


def test_a_field_of_one_topic_alone_is_gone_from_no_other(place: Place) -> None:
    place.register("crm-value", field("phone"))
    place.register("web-value", field("id"))
    assert place.found({"mask": {"type": "MaskField", "fields": "phone"}}, topics="crm,web") == []


def test_a_field_that_an_earlier_transform_has_dropped_is_still_in_the_schema(place: Place) -> None:
    place.register("crm-value", field("id"), field("phone"))
    chain = {
        "trim": {"type": "ReplaceField", "exclude": "phone"},
        "mask": {"type": "MaskField", "fields": "phone"},
    }
    assert place.found(chain) == []


def test_a_version_without_the_tags_of_an_earlier_one_has_them_still(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email"), field("id"))
    assert place.found({"mask": MASK}) == []


def test_tags_that_the_metadata_adds_later_are_new_and_hold_for_the_versions_before(place: Place) -> None:
    place.register("crm-value", field("email"), field("note", "PII"))
    place.register("crm-value", field("email"), field("note", "PII"), metadata={"tags": {"email": ["EMAIL"]}})
    assert place.found({"mask": MASK}) == [("uncovered", "email", [1, 2]), ("newly-sensitive", "email", [2])]


def test_a_deleted_version_counts_as_long_as_records_may_carry_its_id(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("ssn", "SSN"))
    place.registry.serve("DELETE", "/subjects/crm-value/versions/2", b"")
    assert place.found({"mask": MASK})[0] == ("uncovered", "ssn", [2])
    place.registry.serve("DELETE", "/subjects/crm-value/versions/2?permanent=true", b"")
    assert place.found({"mask": MASK}) == []


def test_a_path_that_only_a_deleted_version_had_is_gone(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("phone"))
    chain = {"mask": MASK, "more": {"type": "MaskField", "fields": "phone"}}
    assert place.found(chain) == []
    place.registry.serve("DELETE", "/subjects/crm-value/versions/2", b"")
    assert place.found(chain) == [("gone", "phone", [2])]


def test_a_registry_that_stops_answering_is_no_drift(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    connector = place.connector({"mask": MASK})
    place.registry.faults.append(Fault(status=403))
    done = streamveil("drift", connector, "--json")
    assert (done.exit_code, done.stdout) == (1, "")


def test_keys_in_avro_have_versions_of_their_own(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-key", field("id"))
    place.register("crm-key", field("id"), field("ssn", "SSN"))
    found = place.found({"mask": MASK}, key__converter="avro")
    assert found == [("uncovered", "key.ssn", [2]), ("newly-sensitive", "key.ssn", [2])]


def test_the_topics_of_a_pattern_are_those_that_the_registry_has_subjects_of(place: Place) -> None:
    for topic in ("eu.crm", "eu.web", "us.crm", "eu.crm.protected", "dead.eu"):
        place.register(f"{topic}-value", field("email", "PII"))
    pattern = {"topics": "", "topics__regex": "(dead\\.)?eu.*", "errors__deadletterqueue__topic__name": "dead.eu"}
    subjects = place.drift({"mask": MASK}, **pattern)["subjects"]
    assert [each["subject"] for each in subjects] == ["eu.crm-value", "eu.web-value"]


def test_the_document_says_what_was_compared(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("id"))
    assert place.drift({"mask": MASK}) == {
        "drifts": False,
        "subjects": [{"subject": "crm-value", "topic": "crm", "side": "value", "versions": [1, 2]}],
        "found": [],
    }


def test_a_topic_without_a_subject_is_named(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    found = place.drift({"mask": MASK}, topics="crm,web")["found"]
    assert [(each["kind"], each["subject"]) for each in found] == [("missing", "web-value")]


def test_a_version_that_a_transform_rejects_is_named(place: Place) -> None:
    place.register("crm-value", field("id"), field("email", "PII"))
    place.register("crm-value", field("email", "PII"))
    chain = {"mask": MASK, "key": {"type": "ValueToKey", "fields": "id"}}
    assert ("refused", "", [2]) in place.found(chain)


def test_what_no_record_of_a_version_reaches_is_not_gone_from_it(place: Place) -> None:
    place.register("crm-value", field("id"), field("email", "PII"))
    place.register("crm-value", field("email", "PII"))
    chain = {"key": {"type": "ValueToKey", "fields": "id"}, "mask": {"type": "MaskField", "fields": "email"}}
    assert [(kind, versions) for kind, _, versions in place.found(chain)] == [("refused", [2])]


def test_a_version_whose_output_no_registry_would_take_is_named(place: Place) -> None:
    inner = {"type": "record", "name": "Home", "fields": [field("city")]}
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("home") | {"type": ["null", inner]})
    assert ("refused", "`home.city`", [2]) in place.found({"mask": MASK, "flat": {"type": "Flatten"}})


def test_a_topic_alone_tells_no_subject_that_is_named_after_its_records(place: Place) -> None:
    connector = place.connector({"mask": MASK}, value__subject__name__strategy="RecordName")
    done = streamveil("drift", connector)
    assert done.exit_code == 1
    assert "value.subject.name.strategy" in done.stderr


def test_a_version_that_is_not_avro_is_named(place: Place) -> None:
    place.register("crm-value", text='{"type": "object"}', schemaType="JSON")
    (found,) = place.drift({"mask": MASK})["found"]
    assert (found["kind"], found["versions"]) == ("refused", [1])
    assert "JSON" in found["message"]


def test_a_schema_that_lost_all_its_tags_is_refused_by_the_policy_that_run_has(place: Place) -> None:
    place.registry.serve("PUT", "/config", b'{"compatibility": "NONE"}')
    place.register("other-value", field("id"))
    (found,) = place.drift({"mask": MASK}, topics="other")["found"]
    assert found["kind"] == "refused"
    assert "selects by tags" in found["message"]


def test_a_line_says_kind_subject_version_field_and_tags(place: Place) -> None:
    place.register("crm-value", field("email", "PII"))
    place.register("crm-value", field("email", "PII"), field("ssn", "SSN"))
    done = streamveil("drift", place.connector({"mask": MASK}))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "uncovered: crm-value version 2: nothing protects ssn (SSN)"


def test_a_registry_that_does_not_answer_gives_status_1(folder: Folder, place: Place) -> None:
    connector = place.connector({"mask": MASK})
    place.registry.authorization = "Bearer x"
    done = streamveil("drift", connector)
    assert done.exit_code == 1
    assert "refuses access" in done.stderr


@pytest.mark.parametrize(
    ("keys", "expected"), [({"topics": ""}, "topics"), ({"value__converter": "json"}, "neither converter is avro")]
)
def test_without_topics_or_schemas_there_is_nothing_to_compare_with(
    place: Place, keys: dict[str, str], expected: str
) -> None:
    done = streamveil("drift", place.connector({"mask": MASK}, **keys))
    assert done.exit_code == 1
    assert expected in done.stderr
