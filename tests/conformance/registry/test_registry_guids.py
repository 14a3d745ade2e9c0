"""GUIDs, which name a schema in all contexts and registries alike. Not every registry has them: then it says so."""

import io
import json
from uuid import UUID, uuid4

import pytest
from confluent_kafka.schema_registry import header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from fastavro import schemaless_reader

from registry.errors import GuidsNotServed, SchemaNotFound
from registry.wire import in_header_framing, schema_named
from tests.conformance.registry.capabilities import Capability, needs
from tests.conformance.registry.registry_api import record

CUSTOMER = {"id": "7", "email": "a@example.org"}


def guid_of(api, subject):
    return UUID(api("GET", f"/subjects/{subject}/versions/latest")[1]["guid"])


@needs(Capability.GUIDS)
def test_a_schema_is_found_by_its_guid(api, ours, subject):
    schema_id = api.register(subject, record("id", "email"))
    assert ours.schema_with_guid(guid_of(api, subject)) == ours.schema(schema_id)


def test_an_unknown_guid_is_not_found(ours):
    with pytest.raises((GuidsNotServed, SchemaNotFound), match="GUID"):
        ours.schema_with_guid(uuid4())


def test_the_same_schema_has_one_guid_in_all_subjects_and_another_has_another(dev, subject):
    for each in (subject, f"{subject}.2"):
        dev.register(each, record("id", "email"))
    dev.register(f"{subject}.3", record("id"))
    one, two, three = (guid_of(dev, f"{subject}{more}") for more in ("", ".2", ".3"))
    assert one == two != three
    assert dev("GET", f"/schemas/guids/{one}/ids") == (200, [{"context": ".", "id": 1}])
    assert dev.refused("GET", f"/schemas/guids/{uuid4()}") == (404, 40403)


@needs(Capability.GUIDS)
def test_what_confluents_serializer_writes_into_a_header_names_the_schema(api, confluent, ours, subject):
    api.register(subject, record("id", "email"))
    headers = []
    context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE, headers)
    options = {"schema.id.serializer": header_schema_id_serializer}
    payload = AvroSerializer(confluent, json.dumps(record("id", "email")), conf=options)(CUSTOMER, context)
    ((name, value),) = headers
    schema = ours.schema_with_guid(schema_named(value))
    assert name == "__value_schema_id"
    body = in_header_framing(value, schema.id).body(payload)
    assert schemaless_reader(io.BytesIO(body), json.loads(schema.text), None) == CUSTOMER
