"""What a registry allows to be registered: compatibility levels, metadata and rules, schema types, spelling."""

import json

import pytest

from tests.conformance.registry.registry_api import avro, optional, record

LEVELS = ["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]

WITH_REQUIRED = record("id", "email")
WITHOUT = record("id")
WITH_OPTIONAL = record("id", optional("email"))

JSON_SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}}
PROTOBUF = 'syntax = "proto3"; message Customer { string id = 1; }'

METADATA = {
    "tags": {"demo.Customer.email": ["PII", "GDPR"]},
    "properties": {"owner": "team-a"},
    "sensitive": ["owner"],
}
RULES = {
    "domainRules": [
        {"name": "r", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": ["PII"], "doc": "d"}
    ]
}


class TestCompatibility:
    @pytest.mark.parametrize(
        ("level", "before", "after", "accepted"),
        [
            ("NONE", WITHOUT, WITH_REQUIRED, True),
            ("NONE", WITHOUT, "int", True),
            ("BACKWARD", WITHOUT, WITH_OPTIONAL, True),
            ("BACKWARD", WITHOUT, WITH_REQUIRED, False),
            ("BACKWARD", WITH_REQUIRED, WITHOUT, True),
            ("FORWARD", WITHOUT, WITH_REQUIRED, True),
            ("FORWARD", WITH_REQUIRED, WITHOUT, False),
            ("FORWARD", WITH_OPTIONAL, WITHOUT, True),
            ("FULL", WITHOUT, WITH_OPTIONAL, True),
            ("FULL", WITH_OPTIONAL, WITHOUT, True),
            ("FULL", WITHOUT, WITH_REQUIRED, False),
            ("FULL", WITH_REQUIRED, WITHOUT, False),
        ],
    )
    def test_a_level_says_which_version_may_follow(self, api, subject, level, before, after, accepted):
        api.register(subject, before)
        assert api("PUT", f"/config/{subject}", {"compatibility": level}) == (200, {"compatibility": level})
        status, _ = api("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(after)})
        assert status == (200 if accepted else 409)

    @pytest.mark.parametrize("level", ["BACKWARD", "FORWARD", "FULL"])
    def test_only_a_transitive_level_looks_at_all_earlier_versions(self, api, subject, level):
        api.register(subject, record("id", optional("note")))
        api.register(subject, record("id"))
        # Fits the second version, which has no note, and not the first, where a note is a string.
        third = {"schema": json.dumps(record("id", {"name": "note", "type": ["null", "int"], "default": None}))}
        api("PUT", f"/config/{subject}", {"compatibility": f"{level}_TRANSITIVE"})
        assert api("POST", f"/subjects/{subject}/versions", third)[0] == 409
        api("PUT", f"/config/{subject}", {"compatibility": level})
        assert api("POST", f"/subjects/{subject}/versions", third)[0] == 200

    def test_an_incompatible_schema_is_a_conflict_that_names_the_reason(self, api, subject):
        api.register(subject, WITHOUT)
        status, answer = api("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(WITH_REQUIRED)})
        assert status == 409
        assert "email" in answer["message"]
        assert api("GET", f"/subjects/{subject}/versions") == (200, [1])

    def test_a_schema_can_be_tried_against_one_version(self, confluent, subject):
        confluent.register_schema(subject, avro(WITHOUT))
        confluent.register_schema(subject, avro(WITH_OPTIONAL))
        required = avro(record("id", "email"))
        assert confluent.test_compatibility(subject, avro(WITHOUT), 1)
        assert not confluent.test_compatibility(subject, required, 1)
        assert not confluent.test_compatibility(subject, required, "latest")

    def test_a_schema_can_be_tried_against_all_versions(self, confluent, subject):
        confluent.register_schema(subject, avro(WITHOUT))
        assert confluent.test_compatibility_all_versions(subject, avro(WITH_OPTIONAL))
        assert not confluent.test_compatibility_all_versions(subject, avro(WITH_REQUIRED))

    def test_a_trial_registers_nothing_and_tells_why_when_asked(self, api, subject):
        api.register(subject, WITHOUT)
        body = {"schema": json.dumps(WITH_REQUIRED)}
        path = f"/compatibility/subjects/{subject}/versions/latest"
        assert api("POST", path, body) == (200, {"is_compatible": False})
        status, answer = api("POST", path, body, verbose="true")
        assert (status, answer["is_compatible"]) == (200, False)
        assert any("READER_FIELD_MISSING_DEFAULT_VALUE" in message for message in answer["messages"])
        assert api("GET", f"/subjects/{subject}/versions") == (200, [1])

    def test_an_unknown_version_to_try_against_is_40402(self, api, subject):
        api.register(subject, WITHOUT)
        path = f"/compatibility/subjects/{subject}/versions/9"
        assert api.refused("POST", path, {"schema": '"string"'}) == (404, 40402)


class TestConfig:
    def test_a_subject_without_a_level_of_its_own_is_40408(self, api, subject):
        api.register(subject, record("id"))
        assert api.refused("GET", f"/config/{subject}") == (404, 40408)

    def test_the_global_level_counts_for_it(self, api, subject):
        api.register(subject, record("id"))
        _, everywhere = api("GET", "/config")
        assert api("GET", f"/config/{subject}", defaultToGlobal="true") == (200, everywhere)

    @pytest.mark.parametrize("level", LEVELS)
    def test_a_subjects_level_can_be_set(self, confluent, subject, level):
        confluent.set_compatibility(subject, level)
        assert confluent.get_compatibility(subject) == level

    def test_a_level_that_does_not_exist_is_42203(self, api, subject):
        assert api.refused("PUT", f"/config/{subject}", {"compatibility": "SIDEWAYS"}) == (422, 42203)

    def test_the_global_level_is_backward_until_it_is_set(self, dev):
        assert dev("GET", "/config") == (200, {"compatibilityLevel": "BACKWARD"})
        assert dev("PUT", "/config", {"compatibility": "FULL"}) == (200, {"compatibility": "FULL"})
        assert dev("GET", "/config") == (200, {"compatibilityLevel": "FULL"})

    def test_a_deleted_level_falls_back_to_the_global_one(self, dev, subject):
        dev("PUT", f"/config/{subject}", {"compatibility": "NONE"})
        assert dev("DELETE", f"/config/{subject}") == (200, {"compatibilityLevel": "NONE"})
        assert dev.refused("GET", f"/config/{subject}") == (404, 40408)
        assert dev.refused("DELETE", f"/config/{subject}") == (404, 40401)


class TestMetadata:
    @pytest.fixture
    def keeps_metadata(self, api, subject):
        """Skips where the registry takes metadata and drops it, as some do: the suite cannot ask more of them."""
        schema_id = api.register(f"{subject}.probe", record("probe"), metadata=METADATA)
        if "metadata" not in api("GET", f"/schemas/ids/{schema_id}")[1]:
            pytest.skip(f"{api.url} does not keep metadata")

    @pytest.mark.usefixtures("keeps_metadata")
    def test_metadata_and_rules_are_given_back_as_they_were(self, api, subject):
        schema_id = api.register(subject, record("id", "email"), metadata=METADATA, ruleSet=RULES)
        _, found = api("GET", f"/schemas/ids/{schema_id}")
        assert found["metadata"] == METADATA
        assert found["ruleSet"]["domainRules"][0].items() >= RULES["domainRules"][0].items()

    @pytest.mark.usefixtures("keeps_metadata")
    def test_our_client_reads_tags_that_are_lists(self, ours, subject):
        schema_id = ours.register(subject, json.dumps(record("id", "email")), metadata=METADATA)
        assert ours.schema(schema_id).metadata == METADATA
        assert ours.latest(subject)[1].metadata == METADATA

    @pytest.mark.usefixtures("keeps_metadata")
    def test_other_metadata_makes_another_version_with_another_id(self, api, subject):
        plain = api.register(subject, record("id", "email"))
        tagged = api.register(subject, record("id", "email"), metadata=METADATA)
        assert plain != tagged
        assert api("GET", f"/subjects/{subject}/versions") == (200, [1, 2])
        assert "metadata" not in api("GET", f"/schemas/ids/{plain}")[1]

    @pytest.mark.usefixtures("keeps_metadata")
    def test_a_schema_without_metadata_inherits_that_of_the_latest_version(self, api, subject):
        tagged = api.register(subject, record("id", "email"), metadata=METADATA)
        assert api.register(subject, record("id", "email")) == tagged
        evolved = api.register(subject, record("id", "email", optional("note")))
        assert api("GET", f"/schemas/ids/{evolved}")[1]["metadata"] == METADATA

    def test_metadata_can_be_changed_without_repeating_the_schema(self, dev, subject):
        dev.register(subject, record("id", "email"))
        status, answer = dev("POST", f"/subjects/{subject}/versions", {"metadata": METADATA})
        assert status == 200
        found = dev("GET", f"/schemas/ids/{answer['id']}")[1]
        assert json.loads(found["schema"]) == record("id", "email")
        assert found["metadata"] == METADATA

    def test_the_latest_version_with_a_property_can_be_asked_for(self, dev, subject):
        dev.register(subject, record("id"), metadata={"properties": {"major": "1"}})
        dev.register(subject, record("id", optional("note")), metadata={"properties": {"major": "2"}})
        assert dev("GET", f"/subjects/{subject}/metadata", key="major", value="1")[1]["version"] == 1


class TestOtherSchemaTypes:
    def test_json_schema_keeps_its_type(self, api, ours, subject):
        schema_id = api.register(subject, JSON_SCHEMA, schemaType="JSON")
        assert ours.schema(schema_id).schema_type == "JSON"

    def test_protobuf_keeps_its_type(self, api, ours, subject):
        body = {"schema": PROTOBUF, "schemaType": "PROTOBUF"}
        status, answer = api("POST", f"/subjects/{subject}/versions", body)
        assert status == 200
        assert ours.schema(answer["id"]).schema_type == "PROTOBUF"

    def test_an_unknown_type_is_42201(self, api, subject):
        body = {"schema": "{}", "schemaType": "THRIFT"}
        assert api.refused("POST", f"/subjects/{subject}/versions", body) == (422, 42201)

    def test_a_subject_does_not_change_its_type(self, api, subject):
        api.register(subject, record("id"))
        body = {"schema": json.dumps(JSON_SCHEMA), "schemaType": "JSON"}
        assert api("POST", f"/subjects/{subject}/versions", body)[0] == 409


class TestNormalizing:
    def test_a_text_with_other_name_spelling_and_attribute_order_is_found_only_when_normalized(self, dev, subject):
        first = {"type": "record", "name": "C", "namespace": "demo", "b": 1, "a": 2, "fields": []}
        other = {"fields": [], "a": 2, "b": 1, "name": "demo.C", "type": "record"}
        schema_id = dev.register(subject, first)
        body = {"schema": json.dumps(other)}
        assert dev.refused("POST", f"/subjects/{subject}", body) == (404, 40403)
        assert dev("POST", f"/subjects/{subject}", body, normalize="true")[1]["id"] == schema_id
        assert dev("POST", f"/subjects/{subject}/versions", body, normalize="true") == (200, {"id": schema_id})
