"""Another key under the same ring and version is noticed by what the sink's schemas say, before a record is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connector.binding import Protection
from connector.fingerprints import Fingerprints, fingerprints_in
from connector.pipeline import Pipeline
from connector.plan import Link
from connector.record import Stop
from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.errors import RegistryUnavailable
from registry.settings import RegistrySettings
from registry.wire import prefix
from tests.unit.test_pipeline import CUSTOMER, Log, Message, customer
from transforms.hmac import Hmac
from transforms.keys import KeyRing
from vault.keyring import Ring

SUBJECT = "in.protected-value"
OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.fixture
def registry() -> Iterator[DevRegistry]:
    with DevRegistry() as registry:
        yield registry


@pytest.fixture
def client(registry: DevRegistry) -> Iterator[RegistryClient]:
    with RegistryClient(RegistrySettings.model_validate({"url": registry.url}), deadline=0.5) as client:
        yield client


def pipeline(client: RegistryClient, ring: KeyRing, *, version: int | None = None) -> Pipeline:
    """Pseudonyms of the customers' addresses under the ring `customers`."""
    options = {"fields": "email", "key": "customers", "key.version": version}
    given = {name: value for name, value in options.items() if value is not None}
    return Pipeline(
        Protection((Link("t0", Hmac.model_validate(given)),), keys={"customers": ring}),
        converters=("string", "avro"),
        registry=client,
        sink_format="${topic}.protected",
        log=Log(),
    )


def write_with(client: RegistryClient, ring: KeyRing, *, version: int | None = None) -> None:
    """What a connector does that has this ring: it starts, and writes a record."""
    running = pipeline(client, ring, version=version)
    running.check_keys(["in.protected"])
    running.process([a_customer(client)])


def a_customer(client: RegistryClient) -> Message:
    return Message(_payload(client.register("in-value", json.dumps(CUSTOMER))))


def _payload(schema_id: int) -> bytes:
    return prefix(schema_id) + customer(id=1, email="ada@example.com", city=None)[5:]


def test_the_same_key_goes_on(client: RegistryClient) -> None:
    write_with(client, Ring({1: OLD}, 1))
    write_with(client, Ring({1: OLD}, 1))

    assert client.versions(SUBJECT) == [1]


def test_another_key_under_the_same_ring_and_version_does_not_start(client: RegistryClient) -> None:
    ring, other = Ring({1: OLD}, 1), Ring({1: OTHER}, 1)
    write_with(client, ring)

    with pytest.raises(Stop, match=r"keys\.customers: version 1 is another key .* subject in\.protected-value") as stop:
        pipeline(client, other).check_keys(["in.protected"])

    assert ring.fingerprint(1) in str(stop.value)
    assert other.fingerprint(1) in str(stop.value)


def test_a_sink_that_is_known_only_later_is_checked_before_its_first_record(client: RegistryClient) -> None:
    write_with(client, Ring({1: OLD}, 1))
    running = pipeline(client, Ring({1: OTHER}, 1))

    with pytest.raises(Stop, match=r"keys\.customers: version 1 is another key"):
        running.process([a_customer(client)])

    assert client.versions(SUBJECT) == [1]


def test_a_new_version_of_the_ring_is_another_key_and_starts(client: RegistryClient) -> None:
    write_with(client, Ring({1: OLD}, 1))
    write_with(client, Ring({1: OLD, 2: NEW}, None), version=2)

    assert client.versions(SUBJECT) == [1, 2]


def test_an_older_version_that_has_changed_is_found_behind_the_latest_schema(client: RegistryClient) -> None:
    write_with(client, Ring({1: OLD}, 1))
    write_with(client, Ring({1: OLD, 2: NEW}, None), version=2)

    with pytest.raises(Stop, match=r"version 1 is another key than the one that subject .*, version 1, was written"):
        pipeline(client, Ring({1: OTHER, 2: NEW}, 2)).check_keys(["in.protected"])


def test_a_version_that_the_ring_no_longer_has_is_not_compared(client: RegistryClient) -> None:
    write_with(client, Ring({1: OLD}, 1))

    write_with(client, Ring({2: NEW}, 2))


def test_a_ring_of_another_name_is_not_compared(client: RegistryClient) -> None:
    write_with(client, Ring({1: OLD}, 1))

    Fingerprints(client, {"orders": Ring({1: OTHER}, 1)}).check(SUBJECT)


def test_only_as_many_schemas_are_read_as_it_takes(registry: DevRegistry, client: RegistryClient) -> None:
    for number in range(20):
        protected = [{"key": "customers", "version": 1, "fingerprint": Ring({1: OLD}, 1).fingerprint(1)}]
        field = {"name": "email", "type": "string", "streamveil:protected": protected}
        more = [{"name": f"f{i}", "type": "string", "default": ""} for i in range(number)]
        client.register(SUBJECT, json.dumps({"type": "record", "name": "C", "fields": [field, *more]}))
    registry.requests.clear()

    checked = Fingerprints(client, {"customers": Ring({1: OLD}, 1)})
    checked.check(SUBJECT)
    checked.check(SUBJECT)

    assert sum("/versions/" in str(request) for request in registry.requests) == 1


def test_an_outage_at_the_start_leaves_the_check_for_the_first_record(
    registry: DevRegistry, client: RegistryClient
) -> None:
    write_with(client, Ring({1: OLD}, 1))
    schema_id = client.register("in-value", json.dumps(CUSTOMER))
    running = pipeline(client, Ring({1: OTHER}, 1))

    registry.stop()
    running.check_keys(["in.protected"])
    registry.start()

    with pytest.raises(Stop, match="is another key"):
        running.process([Message(_payload(schema_id))])


def test_an_outage_is_not_taken_for_a_sink_without_schemas(registry: DevRegistry, client: RegistryClient) -> None:
    checked = Fingerprints(client, {"customers": Ring({1: OLD}, 1)})
    registry.stop()

    for _ in range(2):
        with pytest.raises(RegistryUnavailable):
            checked.check(SUBJECT)


_LINEAGE = {"key": "customers", "version": 1, "fingerprint": "0123456789abcdef"}
_FOUND = [(("customers", 1), "0123456789abcdef")]


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"type": "string", "streamveil:protected": [_LINEAGE]}, _FOUND),
        ({"type": "array", "items": {"type": "string", "streamveil:protected": [_LINEAGE]}}, _FOUND),
        ({"type": "map", "values": ["null", {"type": "string", "streamveil:protected": [_LINEAGE]}]}, _FOUND),
        ({"type": "string", "streamveil:protected": [{"transform": "MaskField"}]}, []),
        ({"type": "string", "streamveil:protected": [{"key": "customers", "version": 1}]}, []),
        ({"type": "string", "streamveil:protected": "s"}, []),
        ({"type": "string", "streamveil:protected": [1, {"key": 1, "version": "1", "fingerprint": None}]}, []),
        ("string", []),
    ],
)
def test_what_a_schema_says_of_keys_is_found_wherever_it_stands(schema: Any, found: list[Any]) -> None:
    assert list(fingerprints_in(json.dumps(schema))) == found


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_no_schema_says_nothing(text: str) -> None:
    assert list(fingerprints_in(text)) == []
