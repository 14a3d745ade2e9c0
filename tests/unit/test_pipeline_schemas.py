"""The pipeline and the registry: framings, outages, output schemas, and schemas that are not Avro."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import UUID

import pytest

from connector.binding import Protection
from connector.pipeline import Pipeline
from connector.plan import Link
from connector.policy import OnUntagged, Policy
from connector.record import Failure, Held, Sink, Stop
from connector.subject_rules import OnIncompatible, SubjectRules
from registry.registered import Reference, ReferencedSchema, RegisteredSchema
from registry.schema.tags import TagRules
from tests.unit.rings import RING
from tests.unit.test_pipeline import CUSTOMER, Log, Message, Registry, customer, hashing, one, pipeline, read
from transforms.flatten import Flatten
from transforms.fpe import Fpe, FpeDecrypt
from transforms.has_header_key import HasHeaderKey
from transforms.mask_field import MaskField
from transforms.outcome import Code, Unavailable
from transforms.regex_router import RegexRouter
from transforms.replace_field import ReplaceField
from transforms.timestamp_router import TimestampRouter
from transforms.transform import Transform

FIELDS: list[dict[str, Any]] = CUSTOMER["fields"]  # type: ignore[assignment]  # a list of objects, as it stands there


def drop_empty_tags(schema: dict[str, Any]) -> dict[str, Any]:
    fields = [{k: v for k, v in field.items() if k != "confluent:tags" or v} for field in schema["fields"]]
    return {**schema, "fields": fields}


def routing(regex: str, replacement: str) -> Transform:
    return RegexRouter.model_validate({"regex": regex, "replacement": replacement})


def dropping(name: str) -> Transform:
    return ReplaceField.model_validate({"exclude": name})


HAS_HEADER = HasHeaderKey.model_validate({"name": "short"})


class TestHeld:
    PLAIN: ClassVar = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}]}

    def test_while_the_registry_is_away_only_records_are_held_whose_schema_is_not_known(self) -> None:
        registry = Registry(id1=CUSTOMER, id2=self.PLAIN)
        line = pipeline(registry, hashing(), policy=Policy(untagged=OnUntagged.WARN))
        line.process([Message(customer())])
        registry.down = True
        known, new, known_too = line.process(
            [Message(customer()), Message(b"\x00\x00\x00\x00\x02\x04hi"), Message(customer())]
        )
        assert isinstance(known, Sink)
        assert new == Held()
        assert isinstance(known_too, Sink)

    def test_the_registry_is_asked_in_vain_once_a_batch(self) -> None:
        registry = Registry()
        registry.down = True
        line = pipeline(registry)
        outcomes = line.process([Message(b"\x00\x00\x00\x00" + bytes([number])) for number in range(5)])
        assert outcomes == [Held()] * 5
        assert registry.asked == 1

    def test_records_whose_output_cannot_be_registered_yet_are_held_and_the_plan_is_kept(self) -> None:
        registry = Registry(id1=CUSTOMER)
        registry.cannot_register = True
        clock = [0.0]
        line = pipeline(registry, hashing(), clock=lambda: clock[-1])
        assert one(line.process([Message(customer())])) == Held()
        registry.cannot_register = False
        clock.append(1.0)
        assert isinstance(one(line.process([Message(customer())])), Sink)
        assert line.bound == 1

    def test_an_outage_of_what_a_transform_needs_stops_the_whole_batch(self) -> None:
        class Needs(ReplaceField):
            def bind(self, shape: Any, context: Any) -> Any:
                bound = hashing().bind(shape, context)
                (step,) = bound.steps

                def apply(values: list[Any]) -> list[Any]:
                    raise Unavailable("the vault is sealed")

                return type(bound)(bound.shape, (type(step)(step.side, step.walk, apply),))

        with pytest.raises(Unavailable, match="sealed"):
            pipeline(Registry(id1=CUSTOMER), Needs()).process([Message(customer())])


class TestRegistering:
    def test_every_sink_that_routing_can_reach_is_registered_when_the_chain_is_bound(self) -> None:
        registry = Registry(id1=CUSTOMER)
        chain = Link("h", hashing()), Link("r", routing("in", "eu")), Link("d", dropping("city"), HAS_HEADER)
        line = Pipeline(
            Protection(chain, TagRules(), Policy(), {"ring": RING}),
            converters=("string", "avro"),
            registry=registry,
            sink_format="${topic}.protected",
            log=Log(),
        )
        line.process([Message(customer())])
        with_city, without = sorted(registry.registered["eu.protected-value"], key=lambda s: -len(s["fields"]))
        assert [field["name"] for field in with_city["fields"]] == ["id", "email", "city"]
        assert [field["name"] for field in without["fields"]] == ["id", "email"]

    def test_a_topic_that_the_record_decides_is_registered_before_its_first_record(self) -> None:
        registry = Registry(id1=CUSTOMER)
        router = TimestampRouter.model_validate({"timestamp.format": "yyyy"})
        sink = one(pipeline(registry, hashing(), router).process([Message(customer())]))
        assert sink.topic == "in-2023.protected"
        assert list(registry.registered) == ["in-2023.protected-value"]

    def test_an_unchanged_schema_keeps_its_own_references_and_metadata_and_no_others(self) -> None:
        references = tuple(
            ReferencedSchema(Reference(name, name, 1), 7, "AVRO", text, None)
            for name, text in (
                ("In", '{"type":"fixed","name":"In","size":1}'),
                ("Out", '{"type":"record","name":"Out","fields":[{"name":"f","type":"In"}]}'),
            )
        )
        text = '{"type":"record","name":"R","fields":[{"name":"o","type":"Out"}]}'
        registry = Registry()
        metadata = {"properties": {"owner": "crm"}}
        registry.whole[1] = RegisteredSchema(
            1, "AVRO", text, references, metadata, None, (), direct=(references[1].reference,)
        )
        pipeline(registry).process([Message(b"\x00\x00\x00\x00\x01a")])
        assert registry.went_along == [((Reference("Out", "Out", 1),), metadata)]

    def test_a_changed_schema_has_what_it_refers_to_in_its_own_text(self) -> None:
        inner = ReferencedSchema(Reference("In", "In", 1), 7, "AVRO", '{"type":"fixed","name":"In","size":1}', None)
        fields = [{"name": "o", "type": "In"}, {"name": "email", "type": "string", "confluent:tags": ["PII"]}]
        text = json.dumps({"type": "record", "name": "R", "fields": fields})
        registry = Registry()
        registry.whole[1] = RegisteredSchema(1, "AVRO", text, (inner,), None, None, (), direct=(inner.reference,))
        pipeline(registry, hashing()).process([Message(b"\x00\x00\x00\x00\x01a\x02a")])
        assert registry.went_along == [((), None)]
        (schema,) = registry.registered["in.protected-value"]
        assert schema["fields"][0]["type"] == {"type": "fixed", "name": "In", "size": 1}

    def test_a_subject_that_does_not_take_the_schema_stops_before_a_record_is_produced(self) -> None:
        registry = Registry(id1=CUSTOMER)
        registry.refuses.add("in.protected-value")
        with pytest.raises(Stop, match=r"in.protected-value.*Schema being registered is incompatible"):
            pipeline(registry, hashing()).process([Message(customer())])

    def test_or_rejects_each_record_of_it_and_no_other(self) -> None:
        registry = Registry(id1=CUSTOMER)
        registry.refuses.add("in.protected-value")
        line = pipeline(registry, hashing(), subjects=SubjectRules(on_incompatible=OnIncompatible.DEADLETTER))
        refused, other = line.process([Message(customer()), Message(customer(), topic="other")])
        assert isinstance(refused, Failure)
        assert (refused.code, refused.stage) == (Code.INCOMPATIBLE_SCHEMA, "value.converter")
        assert isinstance(other, Sink)

    @pytest.mark.parametrize(
        ("transform", "path"),
        [({"renames": "city:home-town"}, "home-town"), ({"renames": "city:1st"}, "1st")],
    )
    def test_a_name_that_avro_forbids_rejects_the_records_and_nothing_is_registered(
        self, transform: dict[str, str], path: str
    ) -> None:
        registry = Registry(id1=CUSTOMER)
        line = pipeline(registry, hashing(), ReplaceField.model_validate(transform))
        failure = one(line.process([Message(customer())]))
        assert (failure.code, failure.stage, failure.path) == (Code.NOT_BINDABLE, "value.converter", path)
        assert "cannot be a name" in failure.reason
        assert registry.registered == {}

    def test_flattens_own_delimiter_is_such_a_name_and_another_is_not(self) -> None:
        home = {"type": "record", "name": "Home", "fields": [{"name": "city", "type": "string"}]}
        nested = {"type": "record", "name": "P", "fields": [{"name": "home", "type": home}]}
        for options, code in (({}, Code.NOT_BINDABLE), ({"delimiter": "_"}, None)):
            line = pipeline(Registry(id1=nested), Flatten.model_validate(options))
            outcome = one(line.process([Message(b"\x00\x00\x00\x00\x01\x04hi")]))
            assert getattr(outcome, "code", None) == code


def test_a_second_connector_in_a_row_keeps_what_the_first_one_wrote_of_the_leaves_that_it_leaves_alone() -> None:
    fields = [*CUSTOMER["fields"], {"name": "phone", "type": "string", "confluent:tags": ["PHONE"]}]
    registry = Registry(id1={**CUSTOMER, "fields": fields})
    phones = Fpe.model_validate({"key": "ring", "tags": "PHONE", "alphabet": "digits"})
    plain = customer() + b"\x14" + b"0123456789"
    first = one(pipeline(registry, hashing(), phones).process([Message(plain)]))
    (between,) = registry.registered["in.protected-value"]
    registry.schemas[100] = between

    decrypts = FpeDecrypt.model_validate({"key": "ring", "fields": "phone", "domain": "PHONE", "alphabet": "digits"})
    rename = ReplaceField.model_validate({"renames": "email:mail"})
    second = pipeline(registry, decrypts, rename).process([Message(first.value, topic="in.protected")])
    (after,) = registry.registered["in.protected.protected-value"]
    mail, phone = after["fields"][1], after["fields"][3]
    assert mail == {**between["fields"][1], "name": "mail"}
    assert mail["streamveil:was"] == ["PII"]
    assert phone == {"name": "phone", "type": "string", "confluent:tags": ["PHONE"]}
    assert read(one(second), registry, "in.protected.protected-value")["phone"] == "0123456789"


class TestFraming:
    BY_GUID: ClassVar = b"\x01" + UUID(int=1).bytes
    BODY: ClassVar = customer(city="Paris")[5:]

    @pytest.mark.parametrize("name", [b"\x00\x00\x00\x00\x01", BY_GUID], ids=["id", "guid"])
    @pytest.mark.parametrize("in_header", [False, True], ids=["prefix", "header"])
    @pytest.mark.parametrize("chain", [[], [hashing()]], ids=["untouched", "changed"])
    def test_a_schema_is_named_by_id_or_guid_in_the_prefix_or_a_header(
        self, name: bytes, in_header: bool, chain: list[Transform]
    ) -> None:
        schema = {
            **CUSTOMER,
            "fields": [{**f, "confluent:tags": f.get("confluent:tags") if chain else []} for f in FIELDS],
        }
        registry = Registry(id1=drop_empty_tags(schema))
        message = (
            Message(self.BODY, headers=[("__value_schema_id", name), ("trace", b"1")])
            if in_header
            else Message(name + self.BODY, headers=[("trace", b"1")])
        )
        sink = one(pipeline(registry, *chain).process([message]))
        assert sink.headers == [("trace", b"1")]
        record = read(sink, registry)
        assert record["city"] == "Paris"
        assert (record["email"] == "ada@example.com") is not bool(chain)

    def test_a_key_may_be_named_in_a_header_of_its_own(self) -> None:
        plain = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}]}
        registry = Registry(id1=CUSTOMER, id2=plain)
        message = Message(customer(), b"\x04hi", headers=[("__key_schema_id", b"\x00\x00\x00\x00\x02")])
        sink = one(pipeline(registry, hashing(), key="avro").process([message]))
        assert (sink.key, sink.headers) == (b"\x00\x00\x00\x00\x64\x04hi", None)
        assert registry.registered["in.protected-key"] == [plain]

    def test_a_guid_that_the_registry_does_not_tell_is_refused_by_name(self) -> None:
        message = Message(self.BODY, headers=[("__value_schema_id", b"\x01" + UUID(int=9).bytes)])
        failure = one(pipeline(Registry(id1=CUSTOMER), hashing()).process([message]))
        assert (failure.code, failure.stage) == (Code.UNREADABLE_GUID, "value.converter")

    @pytest.mark.parametrize(("header", "code"), [(b"\x01short", Code.TRUNCATED), (b"junk", Code.MAGIC_BYTE)])
    def test_a_header_that_names_no_schema_is_a_poison_record(self, header: bytes, code: Code) -> None:
        message = Message(self.BODY, headers=[("__value_schema_id", header)])
        failure = one(pipeline(Registry(id1=CUSTOMER), hashing()).process([message]))
        assert failure.code == code

    def test_a_header_that_contradicts_the_payload_rejects_it(self) -> None:
        plain = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}]}
        message = Message(customer(), headers=[("__value_schema_id", b"\x00\x00\x00\x00\x02")])
        registry = Registry(id1=CUSTOMER, id2=plain)
        failure = one(pipeline(registry, policy=Policy(untagged=OnUntagged.WARN)).process([message]))
        assert failure.code == Code.MALFORMED


class TestOtherSchemas:
    @pytest.mark.parametrize("kind", ["JSON", "PROTOBUF"])
    def test_json_schema_and_protobuf_are_refused_by_name_and_never_passed(self, kind: str) -> None:
        registry = Registry()
        registry.whole[1] = RegisteredSchema(1, kind, "{}", (), None, None, ())
        failure = one(pipeline(registry).process([Message(b'\x00\x00\x00\x00\x01{"email": "ada@example.com"}')]))
        assert (failure.code, failure.stage) == (Code.UNUSABLE_SCHEMA, "value.converter")
        assert failure.reason == f"schema id 1 is {kind}, which is not handled"

    def test_a_framed_payload_is_no_json(self) -> None:
        message = Message(b'\x00\x00\x00\x00\x01{"email": "ada@example.com"}')
        failure = one(
            pipeline(Registry(), MaskField.model_validate({"fields": "email"}), value="json").process([message])
        )
        assert (failure.code, failure.stage) == (Code.MALFORMED, "value.converter")

    def test_json_with_declared_tags_is_protected_on_nested_paths(self) -> None:
        rules = TagRules(declared={"PII": ["people[*].ssn", "address.street", "contacts{*}.mail"]})
        line = Pipeline(
            Protection((Link("m", MaskField.model_validate({"tags": "PII"})),), rules, Policy(), {}),
            converters=("string", "json"),
            registry=None,
            sink_format="${topic}.protected",
            log=Log(),
        )
        value = {
            "people": [{"ssn": "1", "n": 1}, {"ssn": "2", "n": 2}],
            "address": {"street": "Main", "zip": "1"},
            "contacts": {"home": {"mail": "a@b.c"}},
        }
        good, odd = line.process([Message(json.dumps(value).encode()), Message(b'{"people": "078-05-1120"}')])
        assert isinstance(good, Sink)
        assert good.value is not None
        assert json.loads(good.value) == {
            "people": [{"ssn": "", "n": 1}, {"ssn": "", "n": 2}],
            "address": {"street": "", "zip": "1"},
            "contacts": {"home": {"mail": ""}},
        }
        assert isinstance(odd, Failure)
        assert odd.code == Code.NOT_A_CONTAINER
