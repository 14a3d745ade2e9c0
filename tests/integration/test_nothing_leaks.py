"""No value of a record, good or bad, is in what a run at debug level writes, nor in a dead letter."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import Message, Producer

from connector.loopback.kafka import Broker
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.settings import RegistrySettings
from registry.wire import prefix
from tests.integration.clients import read_committed
from tests.integration.conftest import TopicFactory
from tests.integration.planting import Planted, Value, forms, leaked
from tests.integration.programs import connector_file, program
from tests.integration.workers import all_committed, eventually

CHAIN = {
    "transforms": "pseudonym,mask,phone,drop,header,key",
    "transforms.pseudonym.type": "Hmac$Value",
    "transforms.pseudonym.tags": "PII.HASHED",
    "transforms.pseudonym.key": "ring",
    "transforms.mask.type": "MaskField$Value",
    "transforms.mask.tags": "PII.MASKED",
    "transforms.phone.type": "MaskField$Value",
    "transforms.phone.tags": "PII.PHONE",
    "transforms.phone.pattern": "[0-9]+",
    "transforms.phone.pattern.unmatched": "reject",
    "transforms.drop.type": "ReplaceField$Value",
    "transforms.drop.exclude.tags": "PII.DROPPED",
    "transforms.header.type": "DropHeaders",
    "transforms.header.headers": "trace",
    "tags.fields.PII.DROPPED": "header:trace",
}
BY_KEY_CONVERTER = {
    "avro": {
        "transforms.key.type": "Hmac$Key",
        "transforms.key.tags": "PII.KEY",
        "transforms.key.key": "ring",
    },
    # A key that is a record cannot be written as text: such records fail in the converter of the sink's keys.
    "string": {
        "transforms.key.type": "ValueToKey",
        "transforms.key.fields": "note",
        "transforms.key.predicate": "unwritable",
        "predicates": "unwritable",
        "predicates.unwritable.type": "HasHeaderKey",
        "predicates.unwritable.name": "unwritable",
    },
}
KEY = {"type": "record", "name": "Id", "fields": [{"name": "card", "type": "string", "confluent:tags": ["PII.KEY"]}]}


def _tagged(name: str, type_: Any, tag: str, **attrs: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "confluent:tags": [f"PII.{tag}"], **attrs}


def _schema(planted: Planted) -> dict[str, Any]:
    person = [
        _tagged("name", "string", "HASHED"),
        _tagged("born", "long", "MASKED"),
        {"name": "parent", "type": ["null", "Person"]},
    ]
    example, default = planted.text(tagged=True), planted.text(tagged=True)
    fields = [
        _tagged("email", "string", "HASHED", doc=f"such as {example}", default=default),
        _tagged("phone", "string", "PHONE"),
        _tagged("ssn", "string", "DROPPED"),
        _tagged("token", "bytes", "HASHED"),
        _tagged("account", "long", "HASHED"),
        _tagged("score", "double", "MASKED"),
        _tagged("numbers", {"type": "array", "items": ["null", "long"]}, "HASHED"),
        _tagged("contacts", {"type": "map", "values": "string"}, "HASHED"),
        {"name": "family", "type": {"type": "record", "name": "Person", "fields": person}},
        {"name": "note", "type": "string"},
        {"name": "amount", "type": "double"},
        {"name": "serial", "type": "long"},
        {"name": "blob", "type": "bytes"},
        {"name": "labels", "type": {"type": "map", "values": "string"}},
    ]
    return {"type": "record", "name": "Customer", "fields": fields}


def _customer(planted: Planted) -> dict[str, Any]:
    def person(generations: int) -> dict[str, Any] | None:
        if not generations:
            return None
        older = person(generations - 1)
        return {"name": planted.text(tagged=True), "born": planted.long(tagged=True), "parent": older}

    return {
        "email": planted.text(tagged=True),
        "phone": planted.digits(tagged=True),
        "ssn": planted.digits(tagged=True),
        "token": planted.binary(tagged=True),
        "account": planted.long(tagged=True),
        "score": planted.double(tagged=True),
        "numbers": [planted.long(tagged=True), None, planted.long(tagged=True)],
        "contacts": {planted.text(tagged=True): planted.digits(tagged=True)},
        "family": person(3),
        "note": planted.text(),
        "amount": planted.double(),
        "serial": planted.long(),
        "blob": planted.binary(),
        "labels": {planted.text(): planted.text()},
    }


@dataclass(slots=True)
class Sent:
    """A record to send. `planted` is what was planted in it, for the most part by `_sent`."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]
    planted: Planted = field(default_factory=Planted)


@dataclass(frozen=True, slots=True)
class Stage:
    """A source topic with its schemas, in front of a connector."""

    broker: Broker
    registry: DevRegistry
    source: str
    schema: dict[str, Any]
    value_prefix: bytes
    key_prefix: bytes | None
    planted: Planted

    @property
    def key_converter(self) -> str:
        return "string" if self.key_prefix is None else "avro"

    @property
    def sink(self) -> str:
        return f"{self.source}.protected"

    @property
    def dead(self) -> str:
        return f"{self.source}.dead"

    def encoded(self, customer: dict[str, Any]) -> bytes:
        return self.value_prefix + _avro(self.schema, customer)

    def key(self, text: str) -> bytes:
        return text.encode() if self.key_prefix is None else self.key_prefix + _avro(KEY, {"card": text})

    def send(self, *records: Sent) -> None:
        producer = Producer({"bootstrap.servers": self.broker.bootstrap_servers})
        for record in records:
            producer.produce(self.source, record.value, record.key, partition=0, headers=record.headers)
        assert producer.flush(30) == 0

    def read(self, topic: str) -> list[Message]:
        return read_committed(self.broker.bootstrap_servers, topic)


def _avro(schema: dict[str, Any], record: Any) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def _sent(stage: Stage, **changes: Any) -> Sent:
    """A good record but for the changes, planted all over."""
    planted = Planted()
    customer = {**_customer(planted), **changes}
    headers: list[tuple[str, str | bytes | None]] = [("trace", planted.text(tagged=True)), ("origin", planted.text())]
    key = stage.key(planted.digits(tagged=stage.key_prefix is not None))
    return Sent(key, stage.encoded(customer), headers, planted)


def _unmatched(stage: Stage) -> Sent:
    phone = Planted()
    sent = _sent(stage, phone=phone.letters(tagged=True))
    return _also(sent, phone)


def _key_echo(stage: Stage) -> Sent:
    echo = Planted()
    sent = _sent(stage, email=echo.text(tagged=True))
    sent.key = str(echo.values[0]).encode()
    return _also(sent, echo)


def _header_echo(stage: Stage) -> Sent:
    echo = Planted()
    sent = _sent(stage, email=echo.text(tagged=True))
    sent.headers.append(("copy", str(echo.values[0])))
    return _also(sent, echo)


def _unwritable(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.headers.append(("unwritable", sent.planted.binary()))
    return sent


def _magic_byte(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.value = b"\x02" + _value(sent)[1:]
    return sent


def _unknown_guid(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.value = b"\x01" + _value(sent)[5:]  # so that what is taken for a GUID is the value itself
    return sent


def _no_frame(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.value = json.dumps({"email": sent.planted.text(tagged=True)}).encode()
    return sent


def _unknown_schema(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.value = prefix(987_654_321) + _value(sent)[5:]
    return sent


def _truncated(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.value = _value(sent)[:-6]
    return sent


def _trailing(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.value = _value(sent) + sent.planted.binary(tagged=True)
    return sent


def _not_utf8(stage: Stage) -> Sent:
    sent = _sent(stage, note="?" * 8)
    sent.value = _value(sent).replace(b"?" * 8, b"\xff" * 8)
    return sent


def _poison_key(stage: Stage) -> Sent:
    sent = _sent(stage)
    sent.key = b"\x02" + sent.planted.binary(tagged=True)
    return sent


def _value(sent: Sent) -> bytes:
    assert sent.value is not None
    return sent.value


def _also(sent: Sent, planted: Planted) -> Sent:
    sent.planted.values += planted.values
    sent.planted.tagged += planted.tagged
    return sent


Bad = Callable[[Stage], Sent]
ANY_KEY: dict[Bad, str] = {
    _unmatched: "unmatched-pattern",
    _header_echo: "key-echo",
    _magic_byte: "magic-byte",
    _no_frame: "magic-byte",
    _unknown_schema: "unknown-schema",
    _unknown_guid: "unknown-schema",
    _truncated: "malformed",
    _trailing: "malformed",
    _not_utf8: "malformed",
}
"""What is wrong with a record, and the code that it is rejected with."""
CASES: dict[str, dict[Bad, str]] = {
    "string": {**ANY_KEY, _key_echo: "key-echo", _unwritable: "not-encodable"},
    "avro": {**ANY_KEY, _poison_key: "magic-byte"},
}


@pytest.fixture
def stage(broker: Broker, topic: TopicFactory, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A source topic whose keys are text, or Avro with a tagged field where the test's parameter says so."""
    planted, source = Planted(), topic()
    schema = _schema(planted)
    with DevRegistry() as registry, RegistryClient(RegistrySettings.model_validate({"url": registry.url})) as client:
        value_prefix = prefix(client.register(f"{source}-value", json.dumps(schema)))
        is_avro = getattr(request, "param", "string") == "avro"
        key_prefix = prefix(client.register(f"{source}-key", json.dumps(KEY))) if is_avro else None
        yield Stage(broker, registry, source, schema, value_prefix, key_prefix, planted)


def _connector(directory: Path, stage: Stage, **config: str) -> Path:
    fixed = {"key.converter": stage.key_converter, "errors.log.enable": "true"}
    chain = {**CHAIN, **BY_KEY_CONVERTER[stage.key_converter]}
    return connector_file(directory, stage.broker, stage.registry, stage.source, {**chain, **fixed, **config})


def _parts(messages: list[Message]) -> list[bytes]:
    """Keys, values and headers."""
    parts: list[Any] = []
    for message in messages:
        headers: Any = message.headers() or []
        parts += [message.key(), message.value(), *(part for name, value in headers for part in (name.encode(), value))]
    return [part for part in parts if part is not None]


def _code(letter: Message) -> str:
    headers: Any = letter.headers()
    return str(dict(headers)["__connect.errors.exception.message"], "utf-8")


def _schemas(stage: Stage, topic: str) -> list[bytes]:
    with RegistryClient(RegistrySettings.model_validate({"url": stage.registry.url})) as client:
        subject = f"{topic}-value"
        return [client.version(subject, number).text.encode() for number in client.versions(subject)]


@pytest.mark.parametrize("stage", ["string", "avro"], indirect=True)
def test_a_run_that_tolerates_errors_shows_no_value_of_good_failing_and_poison_records(
    stage: Stage, tmp_path: Path
) -> None:
    cases = CASES[stage.key_converter]
    good = [_sent(stage) for _ in range(3)]
    tombstone = _sent(stage)
    tombstone.value = None
    bad = [case(stage) for case in cases]
    stage.send(good[0], *bad, good[1], tombstone, good[2])
    dead_letters = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": stage.dead}
    with program(_connector(tmp_path, stage, **dead_letters), log_level="debug") as running:
        eventually(lambda: all_committed(stage.broker.bootstrap_servers, stage.source), "all is committed")
        assert running.stop() == 0
        said = running.said()

    assert b'"level": "debug"' in said
    assert said.count(b'"record rejected"') == len(bad)
    dead = stage.read(stage.dead)
    assert sorted(map(_code, dead)) == sorted(cases.values())
    everything = [stage.planted, *(sent.planted for sent in [*good, tombstone, *bad])]
    values = [value for planted in everything for value in planted.values]
    assert leaked(values, said, *_parts(dead)) == []

    sink = stage.read(stage.sink)
    assert len(sink) == len(good) + 1
    never = [value for planted in everything for value in planted.tagged]
    never += [value for sent in bad for value in sent.planted.values]
    assert leaked(never, *_parts(sink)) == []
    schemas = _schemas(stage, stage.sink)
    assert schemas
    assert leaked(values, *schemas) == []


@pytest.mark.parametrize("case", [_unmatched, _key_echo, _unwritable, _unknown_schema, _truncated])
def test_a_run_that_tolerates_none_ends_and_shows_no_value_of_the_record_it_ends_for(
    stage: Stage, tmp_path: Path, case: Bad
) -> None:
    good, bad = _sent(stage), case(stage)
    stage.send(good, bad)
    with program(_connector(tmp_path, stage), log_level="debug") as running:
        assert running.exit_status() == 1
        said = running.said()

    assert f"the record at {stage.source}-0 offset 1 is rejected".encode() in said
    assert CASES["string"][case].encode() in said
    everything = [stage.planted, good.planted, bad.planted]
    assert leaked([value for planted in everything for value in planted.values], said) == []
    never = [*stage.planted.tagged, *good.planted.tagged, *bad.planted.values]
    assert leaked(never, *_parts(stage.read(stage.sink))) == []


def _every_kind() -> list[Value]:
    planted = Planted()
    return [planted.text(), planted.letters(), planted.digits(), planted.binary(), planted.long(), planted.double()]


@pytest.mark.parametrize("number", range(6))
def test_the_search_finds_a_planted_value_in_each_of_its_forms(number: int) -> None:
    value = _every_kind()[number]
    for name, needle in forms(value):
        assert (name, value) in leaked([value], b'{"event": "x', needle, b'y"}'), name
    assert leaked([value], b'{"event": "committed", "records": 3}', secrets.token_bytes(1000)) == []


@pytest.mark.parametrize("offset", range(3))
def test_the_search_finds_a_value_in_the_base64_of_more(offset: int) -> None:
    value = Planted().text()
    around = secrets.token_bytes(offset) + value.encode() + secrets.token_bytes(5)
    assert leaked([value], base64.b64encode(around)) != []
    assert leaked([value], base64.urlsafe_b64encode(around)) != []


def test_the_search_finds_digits_that_were_written_in_other_groups() -> None:
    value = Planted().digits()
    regrouped = " ".join(value.replace("-", ""))
    assert leaked([value], f"card {regrouped}".encode()) == [("digits", value)]


def test_the_search_finds_what_the_avro_encoder_wrote() -> None:
    planted = Planted()
    for type_, value in (("long", planted.long()), ("double", planted.double()), ("bytes", planted.binary())):
        assert leaked([value], _avro({"type": type_}, value)) != [], type_
