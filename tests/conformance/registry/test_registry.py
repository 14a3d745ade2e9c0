"""What we rely on a schema registry for: schemas by id, by subject and with what they refer to."""

import io
import json
import secrets

import pytest
from confluent_kafka.schema_registry import SchemaReference
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from fastavro import schemaless_reader

from registry.errors import RegistryRejected, SchemaNotFound
from registry.wire import PREFIX_LENGTH, split
from tests.conformance.registry.capabilities import Capability, needs
from tests.conformance.registry.registry_api import ADDRESS, STREET, avro, optional, record


class TestRegistering:
    def test_a_schema_is_found_by_the_id_it_was_given(self, confluent, subject):
        schema_id = confluent.register_schema(subject, avro(record("id", "email")))
        found = confluent.get_schema(schema_id)
        assert found.schema_type == "AVRO"
        assert json.loads(found.schema_str) == record("id", "email")

    def test_the_same_schema_again_has_the_same_id_and_no_new_version(self, api, subject):
        assert api.register(subject, record("id")) == api.register(subject, record("id"))
        assert api("GET", f"/subjects/{subject}/versions") == (200, [1])

    @needs(Capability.SPELLING)
    def test_white_space_makes_no_other_schema(self, api, subject):
        first = api.register(subject, record("id"))
        spaced = json.dumps(record("id"), indent=4)
        assert api("POST", f"/subjects/{subject}/versions", {"schema": spaced})[1]["id"] == first

    @needs(Capability.ONE_ID)
    def test_the_same_schema_has_one_id_in_all_subjects(self, api, subject):
        text = record("id", name=f"C{secrets.token_hex(4)}")
        one, other = api.register(f"{subject}.a", text), api.register(f"{subject}.b", text)
        assert one == other
        assert self.carriers(api, one) == [(f"{subject}.a", 1), (f"{subject}.b", 1)]

    def test_an_id_tells_the_subject_versions_that_carry_it(self, api, subject):
        schema_id = api.register(subject, record("id", name=f"C{secrets.token_hex(4)}"))
        assert self.carriers(api, schema_id) == [(subject, 1)]

    @needs(Capability.SUBJECTS_OF_ID)
    def test_an_id_tells_the_subjects_that_carry_it(self, api, subject):
        schema_id = api.register(subject, record("id", name=f"C{secrets.token_hex(4)}"))
        assert api("GET", f"/schemas/ids/{schema_id}/subjects") == (200, [subject])

    @staticmethod
    def carriers(api, schema_id):
        status, found = api("GET", f"/schemas/ids/{schema_id}/versions")
        assert status == 200
        return sorted((each["subject"], each["version"]) for each in found)

    def test_another_schema_is_the_next_version_with_another_id(self, api, subject):
        first, second = api.register(subject, record("id")), api.register(subject, record("id", optional("note")))
        assert first != second
        assert api("GET", f"/subjects/{subject}/versions") == (200, [1, 2])

    def test_a_version_tells_its_subject_number_id_and_schema(self, api, subject):
        schema_id = api.register(subject, record("id"))
        status, found = api("GET", f"/subjects/{subject}/versions/1")
        assert status == 200
        assert (found["subject"], found["version"], found["id"]) == (subject, 1, schema_id)
        assert json.loads(found["schema"]) == record("id")

    def test_latest_is_the_last_version(self, confluent, subject):
        confluent.register_schema(subject, avro(record("id")))
        second = confluent.register_schema(subject, avro(record("id", optional("note"))))
        found = confluent.get_latest_version(subject)
        assert (found.version, found.schema_id) == (2, second)

    def test_what_the_registry_does_not_have_is_a_404_of_its_own(self, api, subject):
        assert api.not_found("GET", f"/subjects/{subject}/versions")
        assert api.not_found("GET", f"/subjects/{subject}/versions/1")
        assert api.not_found("GET", f"/subjects/{subject}/versions/latest")
        assert api.not_found("GET", "/schemas/ids/2147483647")
        api.register(subject, record("id"))
        assert api.not_found("GET", f"/subjects/{subject}/versions/2")

    def test_our_client_knows_what_the_registry_does_not_have(self, ours, subject):
        for ask in (ours.versions, ours.latest):
            with pytest.raises(SchemaNotFound):
                ask(subject)
        with pytest.raises(SchemaNotFound):
            ours.schema(2147483647)

    @needs(Capability.CODES)
    def test_an_unknown_subject_is_40401(self, api, subject):
        assert api.refused("GET", f"/subjects/{subject}/versions") == (404, 40401)
        assert api.refused("GET", f"/subjects/{subject}/versions/1") == (404, 40401)

    @needs(Capability.CODES)
    def test_an_unknown_version_is_40402(self, api, subject):
        api.register(subject, record("id"))
        assert api.refused("GET", f"/subjects/{subject}/versions/2") == (404, 40402)

    @needs(Capability.CODES)
    def test_an_unknown_id_is_40403(self, api):
        assert api.refused("GET", "/schemas/ids/2147483647") == (404, 40403)

    @needs(Capability.STRICT_VERSIONS)
    @pytest.mark.parametrize("version", ["0", "newest", "2147483648"])
    def test_a_version_that_can_not_be_is_42202(self, api, subject, version):
        api.register(subject, record("id"))
        assert api.refused("GET", f"/subjects/{subject}/versions/{version}") == (422, 42202)

    @pytest.mark.parametrize("text", ["{", '"unheard of"', '{"type": "record", "name": "X"}'])
    def test_what_is_not_avro_is_rejected(self, api, ours, subject, text):
        status, _ = api.refused("POST", f"/subjects/{subject}/versions", {"schema": text})
        assert status == 422
        with pytest.raises(RegistryRejected):
            ours.register(subject, text)
        assert api.not_found("GET", f"/subjects/{subject}/versions")

    @needs(Capability.STRICT_AVRO)
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            '"unheard of"',
            '{"type": "record", "name": "X"}',
            '{"type": "record", "name": "X", "fields": [{"name": "a", "type": "nonesuch"}]}',
            '{"type": "record", "name": "X", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}',
            '{"type": "record", "name": "X", "fields": [{"name": "a", "type": "int", "default": "one"}]}',
            '{"type": "enum", "name": "E", "symbols": ["A", "A"]}',
            '["string", "string"]',
        ],
    )
    def test_what_is_not_avro_is_42201(self, api, subject, text):
        assert api.refused("POST", f"/subjects/{subject}/versions", {"schema": text}) == (422, 42201)

    def test_attributes_that_avro_does_not_know_are_kept(self, ours, subject):
        tagged = record({"name": "ssn", "type": "string", "confluent:tags": ["PII"]}, owner={"team": ["a", 1, None]})
        schema_id = ours.register(subject, json.dumps(tagged))
        assert json.loads(ours.schema(schema_id).text) == tagged


class TestLookup:
    def test_a_registered_schema_is_found_with_its_version_and_id(self, confluent, subject):
        schema_id = confluent.register_schema(subject, avro(record("id")))
        found = confluent.lookup_schema(subject, avro(record("id")))
        assert (found.version, found.schema_id) == (1, schema_id)

    def test_our_client_finds_it_as_well_and_no_other(self, ours, subject):
        schema_id = ours.register(subject, json.dumps(record("id")))
        assert ours.lookup(subject, json.dumps(record("id"))) == (schema_id, 1)
        with pytest.raises(SchemaNotFound):
            ours.lookup(subject, json.dumps(record("other")))
        with pytest.raises(SchemaNotFound):
            ours.lookup(f"{subject}.nobody", json.dumps(record("id")))

    @needs(Capability.CODES)
    def test_a_schema_that_the_subject_does_not_have_is_40403(self, api, subject):
        api.register(subject, record("id"))
        body = {"schema": json.dumps(record("other"))}
        assert api.refused("POST", f"/subjects/{subject}", body) == (404, 40403)

    @needs(Capability.CODES)
    def test_an_unknown_subject_is_40401(self, api, subject):
        assert api.refused("POST", f"/subjects/{subject}", {"schema": '"string"'}) == (404, 40401)

    @needs(Capability.TEXT_ALONE)
    def test_the_text_of_a_schema_can_be_had_alone(self, api, subject):
        schema_id = api.register(subject, record("id"))
        assert api("GET", f"/schemas/ids/{schema_id}/schema") == (200, record("id"))
        assert api("GET", f"/subjects/{subject}/versions/1/schema") == (200, record("id"))

    @needs(Capability.JAVA_PARAMETERS)
    def test_parameters_of_the_java_client_are_tolerated(self, api, subject):
        schema_id = api.register(subject, record("id"))
        status, found = api("GET", f"/schemas/ids/{schema_id}", fetchMaxId="false", subject=subject)
        assert status == 200
        assert json.loads(found["schema"]) == record("id")

    def test_subjects_are_listed(self, ours, subject):
        ours.register(subject, json.dumps(record("id")))
        assert subject in ours.subjects()

    @needs(Capability.PREFIXES)
    def test_subjects_are_listed_by_prefix(self, api, subject):
        api.register(subject, record("id"))
        assert api("GET", "/subjects", subjectPrefix=subject[:-6]) == (200, [subject])

    @needs(Capability.OTHER_TYPES)
    def test_the_schema_types_are_avro_json_and_protobuf(self, api):
        assert set(api("GET", "/schemas/types")[1]) == {"AVRO", "JSON", "PROTOBUF"}

    @needs(Capability.MEDIA_TYPE)
    def test_answers_have_the_registrys_media_type(self, api):
        api("GET", "/subjects")
        assert api.content_type.startswith("application/vnd.schemaregistry.v1+json")


PERSON = record(("home", "demo.Address"), ("street", "demo.Street"), name="Person")


@needs(Capability.REFERENCES)
class TestReferences:
    @pytest.fixture
    def person(self, confluent, subject):
        """The id of a schema that refers to two others, one of which refers to the second."""
        street = SchemaReference("demo.Street", f"{subject}.street", 1)
        address = SchemaReference("demo.Address", f"{subject}.address", 1)
        confluent.register_schema(f"{subject}.street", avro(STREET))
        confluent.register_schema(f"{subject}.address", avro(ADDRESS, [street]))
        return confluent.register_schema(subject, avro(PERSON, [address, street]))

    def test_references_are_given_back(self, confluent, person, subject):
        found = confluent.get_schema(person)
        assert [(each.name, each.subject, each.version) for each in found.references] == [
            ("demo.Address", f"{subject}.address", 1),
            ("demo.Street", f"{subject}.street", 1),
        ]

    def test_our_client_resolves_them_each_once_and_in_an_order_to_parse_them_in(self, ours, person):
        found = ours.schema(person).references
        assert [each.reference.name for each in found] == ["demo.Street", "demo.Address"]
        assert [json.loads(each.text) for each in found] == [STREET, ADDRESS]

    @needs(Capability.REFERENCED_BY)
    def test_a_version_knows_who_refers_to_it(self, confluent, person, subject):
        assert confluent.get_referenced_by(f"{subject}.address", 1) == [person]

    def test_a_reference_to_nothing_is_42201(self, api, subject):
        nothing = [{"name": "demo.Street", "subject": f"{subject}.street", "version": 1}]
        body = {"schema": json.dumps(ADDRESS), "references": nothing}
        assert api.refused("POST", f"/subjects/{subject}/versions", body) == (422, 42201)

    @needs(Capability.STRICT_AVRO)
    def test_a_name_that_no_reference_defines_is_42201(self, api, subject):
        body = {"schema": json.dumps(ADDRESS)}
        assert api.refused("POST", f"/subjects/{subject}/versions", body) == (422, 42201)

    def test_compatibility_is_checked_through_references(self, api, person, subject):
        refers = [
            {"name": "demo.Address", "subject": f"{subject}.address", "version": 1},
            {"name": "demo.Street", "subject": f"{subject}.street", "version": 1},
        ]
        api.set_level(subject, "BACKWARD")
        changed = record(("home", "demo.Street"), ("street", "demo.Street"), name="Person")
        body = {"schema": json.dumps(changed), "references": refers}
        assert api("POST", f"/subjects/{subject}/versions", body)[0] == 409


CUSTOMER = {"id": "7", "email": "a@example.org"}


class TestSerializers:
    """Confluent's own serializer and deserializer, to and from bytes."""

    def test_what_the_serializer_writes_the_deserializer_reads(self, confluent, subject):
        context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
        payload = AvroSerializer(confluent, json.dumps(record("id", "email")))(CUSTOMER, context)
        assert AvroDeserializer(confluent)(payload, context) == CUSTOMER

    def test_the_serializer_registers_under_the_topics_subject_and_frames_with_the_id(self, confluent, ours, subject):
        context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
        payload = AvroSerializer(confluent, json.dumps(record("id", "email")))(CUSTOMER, context)
        assert split(payload) == confluent.get_latest_version(subject).schema_id
        schema = json.loads(ours.schema(split(payload)).text)
        assert schemaless_reader(io.BytesIO(payload[PREFIX_LENGTH:]), schema, None) == CUSTOMER

    def test_the_serializer_can_use_the_latest_schema_instead(self, confluent, subject):
        confluent.register_schema(subject, avro(record("id", "email")))
        latest = confluent.register_schema(subject, avro(record("id", "email", optional("note"))))
        context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
        options = {"auto.register.schemas": False, "use.latest.version": True}
        payload = AvroSerializer(confluent, json.dumps(record("id", "email")), conf=options)(CUSTOMER, context)
        assert split(payload) == latest

    def test_a_reader_with_a_newer_schema_sees_its_defaults(self, confluent, subject):
        context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
        payload = AvroSerializer(confluent, json.dumps(record("id", "email")))(CUSTOMER, context)
        newer = json.dumps(record("id", "email", optional("note")))
        assert AvroDeserializer(confluent, newer)(payload, context) == {**CUSTOMER, "note": None}
