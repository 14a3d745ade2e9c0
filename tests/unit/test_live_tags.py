"""Tags that change while a connector runs are noticed, and the policy decides before the next record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import fastavro
import pytest

from connector.binding import Protection
from connector.pipeline import Pipeline
from connector.plan import Link
from connector.policy import OnUncovered, Policy
from connector.record import Failure, Held, Sink, Stop
from registry.client import RegistryClient
from registry.devserver import DevRegistry, Fault
from registry.history import Asking
from registry.registered import RegisteredSchema
from registry.schema.tags import TagRules
from registry.settings import RegistrySettings
from registry.wire import prefix
from tests.unit.test_pipeline import Log, Message, Registry
from tests.unit.test_tags import field, record
from transforms.mask_field import MaskField
from transforms.outcome import Code

SCHEMA = record(field("ssn"), field("city", **{"confluent:tags": ["PII"]}))
TAGGED = {"tags": {"demo.Customer.ssn": ["SSN"]}}
REFRESH = 60.0


class Running:
    """A pipeline that masks PII, its registry, and a clock that is moved by hand."""

    def __init__(self, server: DevRegistry, client: RegistryClient) -> None:
        self.server, self.client = server, client
        server.serve("PUT", "/config", b'{"compatibility": "NONE"}')
        self.now = 0.0
        self.log = Log()
        self.pipeline = self.piped()
        self.id = client.register("in-value", json.dumps(SCHEMA))

    def piped(self, **policy: Any) -> Pipeline:
        mask = Link("mask", MaskField.model_validate({"tags": "PII"}))
        return Pipeline(
            Protection((mask,), TagRules(), Policy(**policy)),
            converters=("string", "avro"),
            registry=self.client,
            sink_format="${topic}.protected",
            log=self.log,
            refresh=REFRESH,
            clock=lambda: self.now,
        )

    def process(self, count: int = 1) -> Any:
        out = BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), {"ssn": "123-45-6789", "city": "Paris"})
        (outcome, *_) = self.pipeline.process([Message(prefix(self.id) + out.getvalue())] * count)
        return outcome

    def edit(self, metadata: dict[str, Any]) -> None:
        self.client.register("in-value", json.dumps(SCHEMA), metadata=metadata)


@pytest.fixture
def running() -> Iterator[Running]:
    with DevRegistry() as server, RegistryClient(RegistrySettings(url=server.url), deadline=0.6) as client:
        yield Running(server, client)


def test_an_edit_of_the_metadata_stops_the_connector_before_the_next_record(running: Running) -> None:
    assert isinstance(running.process(), Sink)
    running.edit(TAGGED)
    running.now += REFRESH
    with pytest.raises(Stop, match=r"ssn \(SSN\)"):
        running.process()


def test_a_producer_that_registers_its_schema_without_tags_does_not_switch_protection_off(running: Running) -> None:
    later = record(*({k: v for k, v in each.items() if k != "confluent:tags"} for each in SCHEMA["fields"]))
    running.id = running.client.register("in-value", json.dumps(later))
    outcome = running.process()
    assert isinstance(outcome, Sink)
    assert b"Paris" not in (outcome.value or b"")


def test_or_dead_letters_what_is_not_covered_if_the_policy_says_so(running: Running) -> None:
    running.pipeline = running.piped(uncovered=OnUncovered.DEADLETTER)
    running.process()
    running.edit(TAGGED)
    running.now += REFRESH
    outcome = running.process()
    assert isinstance(outcome, Failure)
    assert outcome.code == Code.UNCOVERED


def test_a_new_tag_that_the_chain_selects_is_covered_from_then_on(running: Running) -> None:
    running.process()
    running.edit({"tags": {"demo.Customer.ssn": ["PII"]}})
    running.now += REFRESH
    outcome = running.process()
    assert running.pipeline.bound == 2
    assert b"123-45" not in outcome.value


class Editable(Registry):
    """A registry of the kind that changes the metadata of a version where it is."""

    metadata: dict[str, Any] | None = None

    def schema(self, schema_id: int, *, since: float = 0) -> RegisteredSchema:
        return replace(super().schema(schema_id, since=since), metadata=self.metadata)


def test_an_edit_that_makes_no_new_version_is_noticed_too(running: Running) -> None:
    registry = Editable(id1=SCHEMA)
    running.client, running.id = registry, 1  # type: ignore[assignment]  # has what a pipeline needs
    running.pipeline = running.piped()
    running.process()
    registry.metadata = TAGGED
    running.now += REFRESH
    with pytest.raises(Stop, match=r"ssn \(SSN\)"):
        running.process()


def test_an_answer_without_the_tags_that_were_told_before_takes_none_away(running: Running) -> None:
    registry = Editable(id1=SCHEMA)
    registry.metadata = {"tags": {"ssn": ["PII"]}}
    running.client, running.id = registry, 1  # type: ignore[assignment]  # has what a pipeline needs
    running.pipeline = running.piped()
    for metadata in (registry.metadata, None, {"tags": 7}, {}, {"tags": {"city": ["PII"]}}):
        registry.metadata = metadata
        outcome = running.process()
        assert isinstance(outcome, Failure) or b"123-45" not in outcome.value
        running.now += REFRESH


def test_before_the_interval_is_over_nothing_is_asked(running: Running) -> None:
    running.process()
    running.edit(TAGGED)
    asked = len(running.server.requests)
    running.now += REFRESH - 1
    running.process(1000)
    assert len(running.server.requests) == asked


def test_where_nothing_has_changed_nothing_is_bound_again(running: Running) -> None:
    for _ in range(5):
        running.process(100)
        running.now += REFRESH
    assert running.pipeline.bound == 1


def test_a_later_version_with_other_fields_changes_nothing_for_the_earlier_ones(running: Running) -> None:
    running.process()
    later = record(*SCHEMA["fields"], field("ip", default="", **{"confluent:tags": ["NET"]}))
    running.client.register("in-value", json.dumps(later))
    running.now += REFRESH
    assert isinstance(running.process(), Sink)
    assert running.pipeline.bound == 1


def test_an_outage_keeps_the_known_tags_and_is_tried_again_at_the_next_interval(running: Running) -> None:
    running.process()
    running.edit(TAGGED)
    running.server.stop()
    running.now += REFRESH
    assert isinstance(running.process(), Sink)
    assert any("tags not refreshed" in line for line in running.log.lines)
    running.server.start()
    running.now += REFRESH - 1
    assert isinstance(running.process(), Sink)
    running.now += 1
    with pytest.raises(Stop):
        running.process()


def test_an_outage_is_asked_about_once_an_interval_however_many_schemas_are_bound(running: Running) -> None:
    first, others = running.id, []
    running.process()
    for number in range(3):
        schema = record(*SCHEMA["fields"], name=f"demo.Other{number}")
        others.append(running.client.register(f"other{number}-value", json.dumps(schema)))
        running.id = others[-1]
        running.process()
    running.server.stop()
    running.now += REFRESH
    for running.id in [first, *others]:
        running.process()
    assert sum("tags not refreshed" in line for line in running.log.lines) == 1


def test_a_registry_that_no_longer_lets_us_in_stops_the_connector(running: Running) -> None:
    running.process()
    running.server.faults.append(Fault(status=401))
    running.now += REFRESH
    with pytest.raises(Stop, match="401"):
        running.process()


def test_a_new_schema_waits_for_an_outage_instead_of_doing_without_its_earlier_versions(running: Running) -> None:
    running.client.schema(running.id)
    running.server.stop()
    assert isinstance(running.process(), Held)


NOT_THERE = 404, b'{"error_code": 40402, "message": "Version not found."}'


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ("/versions?deleted", (200, b"[]")),
        ("/versions?deleted", (200, b"[1]")),
        ("/versions?deleted", NOT_THERE),
        ("/versions/1?", NOT_THERE),
        ("/versions/2?", NOT_THERE),
    ],
)
def test_a_registry_that_contradicts_itself_is_waited_for(
    running: Running, asked: str, wrong: tuple[int, bytes]
) -> None:
    """As two servers do of which one is behind: what it does not tell of may be where the tags are."""
    later = record(*({k: v for k, v in each.items() if k != "confluent:tags"} for each in SCHEMA["fields"]))
    running.id = running.client.register("in-value", json.dumps(later))
    usual = running.server.serve
    faults = [wrong] * 4

    def serve(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        if method == "GET" and target.startswith(f"/subjects/in-value{asked}") and faults:
            return faults.pop()
        return usual(method, target, body)

    running.server.serve = serve  # type: ignore[method-assign]  # faults come in turn, and not by request
    outcomes = []
    while not outcomes or isinstance(outcomes[-1], Held):
        outcomes.append(running.process())
        running.now += 1
    assert len(outcomes) > 1
    assert b"Paris" not in outcomes[-1].value


def test_a_version_that_goes_for_good_while_it_is_read_is_left_out(running: Running) -> None:
    later = record(*SCHEMA["fields"], field("id", default=""))
    running.client.register("in-value", json.dumps(later))
    usual = running.server.serve

    def serve(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        if target.startswith("/subjects/in-value/versions/2?"):
            usual("DELETE", "/subjects/in-value/versions/2", b"")
            usual("DELETE", "/subjects/in-value/versions/2?permanent=true", b"")
        return usual(method, target, body)

    running.server.serve = serve  # type: ignore[method-assign]  # as above
    assert isinstance(running.process(), Sink)


def test_versions_that_take_too_long_to_read_are_gone_on_with_at_the_next_try(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        running.id = running.client.register("in-value", json.dumps(record(*SCHEMA["fields"], doc=f"{number}")))
    monkeypatch.setattr("connector.live_tags.Asking", lambda since, began: Asking(since, began, seconds=-1.0))
    assert isinstance(running.process(), Held)
    monkeypatch.setattr("connector.live_tags.Asking", lambda since, began: Asking(since, began, seconds=0.05))
    running.server.faults += [Fault(delay=0.03) for _ in range(6)]
    tries = 1
    running.now += 1
    while isinstance(outcome := running.process(), Held):
        tries += 1
        running.now += 1
    assert isinstance(outcome, Sink)
    assert tries > 1


def test_tags_that_have_become_malformed_reject_the_records(running: Running) -> None:
    running.process()
    running.edit({"tags": {"demo.Customer.ssn": 7}})
    running.now += REFRESH
    assert running.process().code == Code.UNUSABLE_SCHEMA
    assert "metadata.tags" in running.process().reason


def test_a_schema_that_was_refused_is_read_anew_once_it_is_looked_at_again(running: Running) -> None:
    running.edit({"tags": {"demo.Customer.ssn": 7}})
    assert running.process().code == Code.UNUSABLE_SCHEMA
    running.server.serve("DELETE", "/subjects/in-value/versions/2", b"")
    running.server.serve("DELETE", "/subjects/in-value/versions/2?permanent=true", b"")
    running.now += REFRESH
    assert isinstance(running.process(), Sink)
