"""Output schemas under the sinks' subjects: named, registered or matched, and what happens when one is not taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connector.fingerprints import Fingerprints
from connector.record import Refusal, Stop
from connector.registry_outage import Outage, RegistryAway
from connector.subject_rules import OnIncompatible, Strategy, SubjectRules
from connector.subjects import SinkSchema, Subjects
from registry.client import RegistryClient
from registry.devserver import DevRegistry, Fault
from registry.registered import Reference
from registry.settings import RegistrySettings
from registry.wire import prefix
from transforms.outcome import Code


def record(*fields: Any, **attrs: Any) -> str:
    return json.dumps({"type": "record", "name": "demo.R", "fields": list(fields), **attrs})


def field(name: str, type_: Any = "string", **attrs: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **attrs}


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **facts: object) -> None:
        self.lines.append(f"{event} {facts}")

    warning = info


@pytest.fixture
def registry() -> Iterator[DevRegistry]:
    with DevRegistry() as running:
        yield running


@pytest.fixture
def client(registry: DevRegistry) -> Iterator[RegistryClient]:
    with RegistryClient(RegistrySettings.model_validate({"url": registry.url}), deadline=2.0) as client:
        yield client


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def subjects(client: RegistryClient, now: list[float], log: Log) -> Any:
    def make(**rules: Any) -> Subjects:
        def clock() -> float:
            return now[0]

        return Subjects(client, SubjectRules(**rules), Fingerprints(client, {}), log, clock, Outage(clock))

    return make


X = SinkSchema(record(field("x")), name="demo.R")
PREPARED: dict[str, Any] = {"register": False}
TOLERANT: dict[str, Any] = {"on_incompatible": OnIncompatible.DEADLETTER}


class TestNames:
    @pytest.mark.parametrize(
        ("strategy", "subject"),
        [
            (Strategy.TOPIC_NAME, "sink-value"),
            (Strategy.RECORD_NAME, "demo.R"),
            (Strategy.TOPIC_RECORD_NAME, "sink-demo.R"),
        ],
    )
    def test_the_strategy_names_the_subject(
        self, subjects: Any, client: RegistryClient, strategy: Strategy, subject: str
    ) -> None:
        subjects(value=strategy, key=Strategy.RECORD_NAME).prefix("sink", "value", X)
        assert client.versions(subject) == [1]

    def test_a_schema_without_a_name_has_no_subject_by_record_name(self, subjects: Any) -> None:
        with pytest.raises(Refusal) as refused:
            subjects(value=Strategy.RECORD_NAME).prefix("sink", "value", SinkSchema('"string"'))
        failure = refused.value.failure
        assert (failure.code, failure.stage) == (Code.NOT_BINDABLE, "value.converter")
        assert "value.subject.name.strategy is RecordName" in failure.reason


class TestRegistering:
    def test_a_schema_is_registered_once_for_each_subject(self, subjects: Any, registry: DevRegistry) -> None:
        line = subjects()
        assert line.prefix("a", "value", X) == line.prefix("b", "value", X) == prefix(1)
        line.prefix("a", "value", X)
        assert [r for r in registry.requests if r.startswith("POST")] == [
            "POST /subjects/a-value/versions",
            "POST /subjects/b-value/versions",
        ]

    def test_references_and_metadata_go_along(self, subjects: Any, client: RegistryClient) -> None:
        client.register("inner", '{"type":"fixed","name":"demo.F","size":1}')
        refers = (Reference("demo.F", "inner", 1),)
        metadata = {"tags": {"demo.R.x": ["INTERNAL"]}}
        subjects().prefix("sink", "value", SinkSchema(record(field("x", "F")), refers, metadata, "demo.R"))
        _, found = client.latest("sink-value")
        assert found.direct == refers
        assert found.metadata == metadata

    def test_what_is_known_needs_no_registry(self, subjects: Any, registry: DevRegistry) -> None:
        line = subjects()
        known = line.prefix("sink", "value", X)
        registry.stop()
        assert line.prefix("sink", "value", X) == known

    def test_during_an_outage_it_says_so_and_does_not_wait_for_each_schema_again(
        self, subjects: Any, registry: DevRegistry, now: list[float]
    ) -> None:
        line = subjects()
        registry.faults.extend([Fault(status=503)] * 100)
        with pytest.raises(RegistryAway):
            line.prefix("sink", "value", X)
        asked = len(registry.requests)
        with pytest.raises(RegistryAway):
            line.prefix("other", "value", X)
        assert len(registry.requests) == asked
        registry.faults.clear()
        now[0] += 1.0
        assert line.prefix("other", "value", X) == prefix(1)

    def test_no_access_stops(self, subjects: Any, registry: DevRegistry) -> None:
        registry.authorization = "Bearer other"
        with pytest.raises(Stop, match="401"):
            subjects().prefix("sink", "value", X)


class TestIncompatible:
    @pytest.fixture(autouse=True)
    def other(self, client: RegistryClient) -> None:
        client.register("sink-value", record(field("x", "int", doc="such as 42", default=4242)))

    def test_by_default_it_stops_in_the_registrys_own_words(self, subjects: Any) -> None:
        with pytest.raises(Stop, match=r"subject sink-value does not take the output schema: .*TYPE_MISMATCH") as stop:
            subjects().prefix("sink", "value", X)
        assert "4242" not in str(stop.value)

    def test_or_each_record_is_one_in_error_and_the_reason_is_logged_once(self, subjects: Any, log: Log) -> None:
        line = subjects(**TOLERANT)
        for _ in range(3):
            with pytest.raises(Refusal) as refused:
                line.prefix("sink", "value", X)
            failure = refused.value.failure
            assert (failure.code, failure.stage) == (Code.INCOMPATIBLE_SCHEMA, "value.converter")
            assert "TYPE_MISMATCH" in failure.reason
        assert len(log.lines) == 1

    def test_a_subject_that_takes_it_later_is_asked_again(
        self, subjects: Any, registry: DevRegistry, now: list[float]
    ) -> None:
        line = subjects(**TOLERANT)
        with pytest.raises(Refusal):
            line.prefix("sink", "value", X)
        registry.serve("PUT", "/config/sink-value", b'{"compatibility": "NONE"}')
        with pytest.raises(Refusal):
            line.prefix("sink", "value", X)
        now[0] += 31.0
        assert line.prefix("sink", "value", X) == prefix(2)


class TestPrepared:
    def test_the_same_schema_is_found_however_it_is_spelled(self, subjects: Any, client: RegistryClient) -> None:
        prepared = client.register("sink-value", json.dumps(json.loads(X.text), indent=4))
        assert subjects(**PREPARED).prefix("sink", "value", X) == prefix(prepared)
        assert client.versions("sink-value") == [1]

    def test_one_that_differs_in_what_is_only_said_of_it_matches(self, subjects: Any, client: RegistryClient) -> None:
        spoken = field("x", doc="hashed", default="", aliases=["y"], custom=1)
        prepared = client.register("sink-value", record(spoken, doc="for partners"))
        lineage = {"streamveil:protected": [{"transform": "Hmac"}]}
        ours = SinkSchema(record(field("x", **lineage)), name="demo.R")
        assert subjects(**PREPARED).prefix("sink", "value", ours) == prefix(prepared)

    @pytest.mark.parametrize(
        ("prepared", "missing"),
        [
            ([field("x", "int")], "x is int instead of string"),
            ([field("y")], "x is missing; y is not in ours"),
            ([field("x", ["null", "string"])], "x has null at another place"),
            ([field("x", {"type": "string", "logicalType": "uuid"})], "x has logicalType uuid instead of none"),
            ([field("x"), field("y")], "y is not in ours"),
        ],
    )
    def test_another_one_stops_and_what_is_missing_is_said(
        self, subjects: Any, client: RegistryClient, prepared: Any, missing: str
    ) -> None:
        client.register("sink-value", record(*prepared))
        with pytest.raises(Stop, match=r"registry.auto.register is false, and version 1 is another one: ") as stop:
            subjects(**PREPARED).prefix("sink", "value", X)
        assert missing in str(stop.value)

    def test_an_inner_difference_is_named_by_its_path(self, subjects: Any, client: RegistryClient) -> None:
        def nested(size: int) -> str:
            inner = {
                "type": "record",
                "name": "I",
                "fields": [field("f", {"type": "fixed", "name": "F", "size": size})],
            }
            return record(field("list", {"type": "array", "items": ["null", inner]}))

        client.register("sink-value", nested(4))
        with pytest.raises(Stop, match=r"list\[\*\].f has size 4 instead of 8"):
            subjects(**PREPARED).prefix("sink", "value", SinkSchema(nested(8), name="demo.R"))

    def test_none_at_all_stops_and_nothing_is_registered(self, subjects: Any, registry: DevRegistry) -> None:
        with pytest.raises(Stop, match="subject sink-value: the registry has no such schema"):
            subjects(**PREPARED).prefix("sink", "value", X)
        assert "POST /subjects/sink-value/versions" not in registry.requests

    def test_policy_deadletter_holds_for_what_was_prepared_as_well(self, subjects: Any) -> None:
        with pytest.raises(Refusal) as refused:
            subjects(**PREPARED, **TOLERANT).prefix("sink", "value", X)
        assert refused.value.failure.code == Code.INCOMPATIBLE_SCHEMA


def test_what_is_remembered_is_bounded(subjects: Any) -> None:
    line = subjects()
    for number in range(1001):
        line._known.put((f"s{number}", "", ()), b"")
    assert len(line._known) == 1000
