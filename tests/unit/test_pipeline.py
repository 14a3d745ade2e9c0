"""From consumed messages to outcomes, without Kafka: a message is anything with the methods of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest

from connector.binding import Protection
from connector.pipeline import Pipeline
from connector.plan import Link
from connector.policy import OnEcho, OnUncovered, Policy
from connector.record import Failure, Held, Outcome, Sink, Stop
from connector.subject_rules import SubjectRules
from registry.errors import GuidsNotServed, RegistryRejected, RegistryUnavailable, SchemaNotFound
from registry.registered import (
    Reference,
    ReferencedSchema,
    RegisteredSchema,
    Registration,
    StoredVersion,
    SubjectVersion,
)
from registry.schema.tags import TagRules
from tests.unit.rings import RING
from transforms.header_from import HeaderFrom
from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.replace_field import ReplaceField
from transforms.transform import Transform

CUSTOMER = {
    "type": "record",
    "name": "demo.Customer",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "email", "type": "string", "confluent:tags": ["PII"], "doc": "such as ada@example.com"},
        {"name": "city", "type": ["null", "string"], "default": None},
    ],
}


class Message:
    """The parts of a consumed message that the pipeline reads."""

    def __init__(self, value: bytes | None, key: bytes | None = b"k-1", headers: Any = None, topic: str = "in") -> None:
        self._value, self._key, self._headers, self._topic = value, key, headers, topic

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> Any:
        return self._headers

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 12

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000


class Registry:
    """Schemas by id, and what was registered under which subject."""

    def __init__(self, **schemas: Any) -> None:
        self.schemas = {int(name.removeprefix("id")): schema for name, schema in schemas.items()}
        self.registered: dict[str, list[dict[str, Any]]] = {}
        self.down = False
        self.cannot_register = False
        self.refuses: set[str] = set()
        self.whole: dict[int, RegisteredSchema] = {}
        self.went_along: list[Any] = []
        self.asked = 0

    def carriers(self, schema_id: int, *, since: float = 0) -> list[SubjectVersion]:
        del schema_id, since
        return []

    def stored(self, subject: str, version: int, *, since: float = 0) -> StoredVersion:
        del since
        for each in self.referenced(subject):
            if each.reference.version == version:
                return StoredVersion(subject, version, each.id, each.schema_type, each.text, (), each.metadata)
        if len(self.registered.get(subject, ())) < version:
            raise SchemaNotFound(subject)
        text = json.dumps(self.registered[subject][version - 1])
        return StoredVersion(subject, version, 100, "AVRO", text, (), None)

    def referenced(self, subject: str) -> list[ReferencedSchema]:
        return [each for whole in self.whole.values() for each in whole.references if each.reference.subject == subject]

    def schema(self, schema_id: int, *, since: float = 0) -> RegisteredSchema:
        del since
        self.asked += 1
        if self.down:
            raise RegistryUnavailable
        if schema_id in self.whole:
            return self.whole[schema_id]
        if schema_id not in self.schemas:
            raise SchemaNotFound(schema_id)
        return RegisteredSchema(schema_id, "AVRO", json.dumps(self.schemas[schema_id]), (), None, None, ())

    def versions(self, subject: str, *, deleted: bool = False, since: float = 0) -> list[int]:
        del deleted, since
        if self.down:
            raise RegistryUnavailable
        referenced = [each.reference.version for each in self.referenced(subject)]
        return referenced or list(range(1, len(self.registered.get(subject, ())) + 1))

    def version(self, subject: str, version: int) -> RegisteredSchema:
        text = json.dumps(self.registered[subject][version - 1])
        return RegisteredSchema(100, "AVRO", text, (), None, None, ())

    def schema_with_guid(self, guid: UUID) -> RegisteredSchema:
        if guid.int not in self.schemas:
            raise GuidsNotServed("no GUIDs here")
        return self.schema(guid.int)

    def lookup(self, subject: str, text: str, references: Sequence[Reference] = ()) -> Registration:
        raise SchemaNotFound(subject)

    def latest(self, subject: str) -> tuple[int, RegisteredSchema]:
        raise SchemaNotFound(subject)

    def register(
        self, subject: str, text: str, references: Sequence[Reference] = (), metadata: Mapping[str, Any] | None = None
    ) -> int:
        if self.down or self.cannot_register:
            raise RegistryUnavailable
        self.went_along.append((tuple(references), metadata))
        if subject in self.refuses:
            raise RegistryRejected(409, "Schema being registered is incompatible")
        self.registered.setdefault(subject, []).append(json.loads(text))
        return 100


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **facts: object) -> None:
        self.lines.append(f"{event} {facts}")

    warning = info


def pipeline(
    registry: Registry,
    *transforms: Transform,
    policy: Policy | None = None,
    subjects: SubjectRules | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    **converters: str,
) -> Pipeline:
    links = tuple(Link(f"t{index}", transform) for index, transform in enumerate(transforms))
    return Pipeline(
        Protection(links, TagRules(), policy or Policy(), {"ring": RING}),
        converters=(converters.get("key", "string"), converters.get("value", "avro")),
        registry=registry,
        sink_format="${topic}.protected",
        log=Log(),
        subjects=subjects,
        clock=clock,
    )


def hashing() -> Transform:
    return Hmac.model_validate({"key": "ring", "tags": "PII"})


def customer(**fields: Any) -> bytes:
    out = BytesIO()
    value = {"id": 1, "email": "ada@example.com", "city": None, **fields}
    fastavro.schemaless_writer(out, fastavro.parse_schema(CUSTOMER), value)
    return b"\x00\x00\x00\x00\x01" + out.getvalue()


def one(outcomes: list[Outcome]) -> Any:
    assert len(outcomes) == 1
    return outcomes[0]


def read(sink: Outcome, registry: Registry, subject: str = "in.protected-value") -> Any:
    assert isinstance(sink, Sink)
    assert sink.value is not None
    assert sink.value[:5] == b"\x00\x00\x00\x00\x64"
    return fastavro.schemaless_reader(BytesIO(sink.value[5:]), registry.registered[subject][-1], None)


def test_a_record_is_protected_and_its_output_schema_is_registered_under_the_sinks_subject() -> None:
    registry = Registry(id1=CUSTOMER)
    sink = one(pipeline(registry, hashing()).process([Message(customer(city="Paris"))]))
    record = read(sink, registry)
    assert len(record.pop("email")) == 64
    assert record == {"id": 1, "city": "Paris"}
    assert (sink.topic, sink.partition, sink.key, sink.timestamp) == ("in.protected", 3, b"k-1", 1_700_000_000_000)


def test_the_output_schema_says_what_protects_and_repeats_nothing_of_the_source() -> None:
    registry = Registry(id1=CUSTOMER)
    pipeline(registry, hashing()).process([Message(customer())])
    email = registry.registered["in.protected-value"][0]["fields"][1]
    (lineage,) = email.pop("streamveil:protected")
    assert lineage.pop("fingerprint") == RING.fingerprint(1)
    assert lineage == {"transform": "Hmac", "step": "t0", "key": "ring", "version": 1, "domain": "PII"}
    assert email == {
        "name": "email",
        "type": "string",
        "streamveil:was": ["PII"],
    }


def test_a_schema_is_bound_once_however_many_records_it_has() -> None:
    registry = Registry(id1=CUSTOMER)
    line = pipeline(registry, hashing())
    for _ in range(3):
        line.process([Message(customer()) for _ in range(1000)])
    assert line.bound == 1
    assert len(registry.registered["in.protected-value"]) == 1


def test_an_uncovered_schema_stops_before_anything_is_produced_or_registered() -> None:
    registry = Registry(id1=CUSTOMER)
    with pytest.raises(Stop, match=r"email \(PII\)"):
        pipeline(registry).process([Message(customer())])
    assert registry.registered == {}


def test_policy_deadletter_rejects_each_record_of_an_uncovered_schema() -> None:
    line = pipeline(Registry(id1=CUSTOMER), policy=Policy(uncovered=OnUncovered.DEADLETTER))
    failure = one(line.process([Message(customer())]))
    assert (failure.code, failure.stage, failure.path) == (Code.UNCOVERED, "coverage", "email")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x02\x00\x00\x00\x01abc", Code.MAGIC_BYTE),
        (b"\x01\x00\x00\x00\x01abc", Code.TRUNCATED),
        (b"\x01" + b"\x09" * 16 + b"abc", Code.UNREADABLE_GUID),
        (b"\x00\x00", Code.TRUNCATED),
        (b"\x00\x00\x00\x00\x63abc", Code.UNKNOWN_SCHEMA),
        (customer()[:-3], Code.MALFORMED),
        (customer() + b"\x00", Code.MALFORMED),
    ],
)
def test_a_poison_record_is_rejected_alone(payload: bytes, code: Code) -> None:
    line = pipeline(Registry(id1=CUSTOMER), hashing())
    before, poison, after = line.process([Message(customer()), Message(payload), Message(customer())])
    assert isinstance(before, Sink)
    assert isinstance(after, Sink)
    assert isinstance(poison, Failure)
    assert (poison.code, poison.stage) == (code, "value.converter")


def test_a_tombstone_passes_where_the_transforms_let_it() -> None:
    sink = one(
        pipeline(Registry(), hashing(), ReplaceField.model_validate({"exclude": "city"})).process([Message(None)])
    )
    assert (sink.key, sink.value) == (b"k-1", None)


def test_mask_field_by_name_rejects_a_tombstone_as_kafkas_does() -> None:
    failure = one(pipeline(Registry(), MaskField.model_validate({"fields": "email"})).process([Message(None)]))
    assert failure.code == Code.NULL_VALUE


@pytest.mark.parametrize("key", [b"ada@example.com", None])
def test_a_key_that_repeats_a_sensitive_value_is_rejected(key: bytes | None) -> None:
    headers = None if key else [("mail", b"ada@example.com")]
    outcome = one(pipeline(Registry(id1=CUSTOMER), hashing()).process([Message(customer(), key, headers)]))
    assert outcome.code == Code.KEY_ECHO
    assert outcome.path == ("key" if key else "header:mail")


def test_a_key_that_repeats_a_dropped_sensitive_value_is_rejected() -> None:
    drop = ReplaceField.model_validate({"exclude": "email"})
    outcome = one(pipeline(Registry(id1=CUSTOMER), drop).process([Message(customer(), b"ada@example.com")]))
    assert outcome.code == Code.KEY_ECHO


def test_an_echo_may_be_allowed() -> None:
    line = pipeline(Registry(id1=CUSTOMER), hashing(), policy=Policy(echo=OnEcho.ALLOW))
    assert isinstance(one(line.process([Message(customer(), b"ada@example.com")])), Sink)


def test_short_values_are_no_echo() -> None:
    line = pipeline(Registry(id1=CUSTOMER), hashing())
    assert isinstance(one(line.process([Message(customer(email="ada"), b"ada")])), Sink)


def test_headers_pass_as_they_came_except_the_schema_ids_of_the_source() -> None:
    headers = [("trace", b"\xff\x00"), ("none", None), ("__value_schema_id", b"\x01" + UUID(int=1).bytes)]
    sink = one(pipeline(Registry(id1=CUSTOMER), hashing()).process([Message(customer(), headers=headers)]))
    assert sink.headers == [("trace", b"\xff\x00"), ("none", None)]


def test_a_value_that_no_step_touches_passes_byte_for_byte_under_the_sinks_schema_id() -> None:
    plain = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}]}
    registry = Registry(id1=plain)
    sink = one(pipeline(registry).process([Message(b"\x00\x00\x00\x00\x01\x04hi")]))
    assert sink.value == b"\x00\x00\x00\x00\x64\x04hi"
    assert registry.registered == {"in.protected-value": [plain]}


def test_an_outage_of_the_registry_is_not_an_error_of_any_record() -> None:
    registry = Registry(id1=CUSTOMER)
    registry.down = True
    clock = [0.0]
    line = pipeline(registry, hashing(), clock=lambda: clock[-1])
    assert one(line.process([Message(customer())])) == Held()
    registry.down = False
    clock.append(1.0)
    assert isinstance(one(line.process([Message(customer())])), Sink)


def test_records_of_several_schemas_and_topics_keep_their_places() -> None:
    other = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}]}
    registry = Registry(id1=CUSTOMER, id2=other)
    messages = [Message(customer()), Message(b"\x00\x00\x00\x00\x02\x04hi", topic="other"), Message(None)] * 2
    outcomes = pipeline(registry, Hmac.model_validate({"key": "ring", "fields": "email", "domain": "d"})).process(
        messages
    )
    assert [getattr(outcome, "topic", None) for outcome in outcomes] == [
        "in.protected",
        "other.protected",
        "in.protected",
    ] * 2


def test_an_error_that_no_transform_foresaw_rejects_only_its_record_and_keeps_the_class_name_alone() -> None:
    class Breaks(ReplaceField):
        def bind(self, shape: Any, context: Any) -> Any:
            bound = hashing().bind(shape, context)
            (step,) = bound.steps

            def apply(values: list[Any]) -> list[Any]:
                if "secret-value" in values:
                    raise ValueError("secret-value")
                return step.apply(values)

            return type(bound)(bound.shape, (type(step)(step.side, step.walk, apply),))

    line = pipeline(Registry(id1=CUSTOMER), Breaks())
    good, bad = line.process([Message(customer()), Message(customer(email="secret-value"))])
    assert isinstance(good, Sink)
    assert isinstance(bad, Failure)
    assert (bad.code, bad.stage, bad.error) == (Code.FAILED, "transforms.t0", "ValueError")
    assert "secret" not in repr(bad)


def test_json_values_go_through_the_same_chain() -> None:
    line = pipeline(Registry(), MaskField.model_validate({"fields": "email"}), value="json")
    sink = one(line.process([Message(b'{"id": 1, "email": "ada@example.com"}')]))
    assert json.loads(sink.value) == {"id": 1, "email": ""}


def test_a_raw_key_can_be_made_a_pseudonym() -> None:
    line = Pipeline(
        Protection(
            (Link("k", Hmac.model_validate({"key": "ring", "tags": "PII", "$side": "key"})),),
            TagRules(declared={"PII": ["key"]}),
            Policy(),
            {"ring": RING},
        ),
        converters=("string", "bytes"),
        registry=None,
        sink_format="${topic}.protected",
        log=Log(),
    )
    sink = one(line.process([Message(b"raw", b"ada@example.com")]))
    assert len(sink.key) == 64
    assert (sink.value, sink.partition) == (b"raw", None)


def test_policy_drop_field_takes_a_sensitive_header_that_the_chain_writes() -> None:
    copy = HeaderFrom.model_validate({"fields": "email", "headers": "mail", "operation": "copy"})
    line = pipeline(Registry(id1=CUSTOMER), copy, policy=Policy(uncovered=OnUncovered.DROP_FIELD))
    sink = one(line.process([Message(customer(), headers=[("mail", b"other"), ("trace", b"1")])]))
    assert sink.headers == [("mail", b"other"), ("trace", b"1")]


@pytest.mark.parametrize(
    ("converter", "line"), [("string", b"call 123-45-6789 now"), ("json", b'"call 123-45-6789 now"')]
)
def test_free_text_that_is_the_whole_value_can_be_masked_by_pattern(converter: str, line: bytes) -> None:
    mask = MaskField.model_validate({"fields": "**", "pattern": "[0-9]{3}-[0-9]{2}-[0-9]{4}"})
    sink = one(pipeline(Registry(), mask, value=converter).process([Message(line)]))
    assert sink.value == line.replace(b"123-45-6789", b"***********")
