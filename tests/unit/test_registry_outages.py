"""Our registry client when the registry is away, slow or failing: how long it tries, and where."""

import socket
import threading

import pytest

from registry.client import RegistryClient
from registry.devserver import DevRegistry, Fault
from registry.errors import RegistryRefused, RegistryUnavailable
from registry.registered import Reference
from registry.settings import RegistrySettings
from registry.transport import Deadline, Request, Transport
from tests.unit.patience import lasting_at_most, trickling

CUSTOMER = '{"type":"record","name":"Customer","namespace":"demo","fields":[{"name":"id","type":"string"}]}'
TRANSIENT = [*(Fault(status=status) for status in (408, 429, 500, 502, 503)), Fault(cut=True)]


@pytest.fixture
def registry():
    with DevRegistry() as registry:
        yield registry


def client_of(*urls, deadline=5.0):
    return RegistryClient(RegistrySettings(url=",".join(urls)), deadline=deadline)


@pytest.fixture
def client(registry):
    with client_of(registry.url) as client:
        yield client


class TestRetries:
    @pytest.mark.parametrize("fault", TRANSIENT)
    def test_what_may_pass_is_tried_again(self, client, registry, fault):
        registry.faults.append(fault)
        assert client.register("s", CUSTOMER) == 1
        assert len(registry.requests) == 2

    def test_a_slow_answer_is_given_up_and_asked_for_again(self, client, registry, monkeypatch):
        monkeypatch.setattr("registry.transport._ATTEMPT_TIMEOUT", 0.5)
        registry.faults.append(Fault(delay=1.5))
        assert client.register("s", CUSTOMER) == 1
        assert len(registry.requests) == 2

    def test_the_registry_may_come_back_within_the_deadline(self, registry):
        registry.stop()
        with client_of(registry.url) as client:
            back = threading.Timer(0.1, registry.start)
            back.start()
            assert client.register("s", CUSTOMER) == 1
            back.join()

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
    def test_a_definite_answer_is_not_asked_for_twice(self, client, registry, status):
        registry.faults.append(Fault(status=status, body=b'{"error_code": 1, "message": "no"}'))
        with pytest.raises(Exception):  # noqa: B017, PT011 -- which error is said below; here that it is the first
            client.register("s", CUSTOMER)
        assert len(registry.requests) == 1

    def test_a_registry_that_stays_away_is_unavailable_at_the_deadline(self, registry):
        registry.stop()
        with (
            client_of(registry.url, deadline=0.7) as client,
            lasting_at_most(2.5),
            pytest.raises(RegistryUnavailable, match="ConnectError"),
        ):
            client.versions("s")

    def test_while_nobody_listens_only_the_first_call_waits_for_the_deadline(self, registry):
        registry.stop()
        with client_of(registry.url) as client:
            with pytest.raises(RegistryUnavailable):
                client.versions("s")
            with lasting_at_most(2.5):
                for _ in range(3):
                    with pytest.raises(RegistryUnavailable, match="ConnectError"):
                        client.versions("s")
            registry.start()
            assert client.register("s", CUSTOMER) == 1
            registry.faults.append(Fault(status=503))  # and then it is patient again
            assert client.versions("s") == [1]

    def test_that_holds_where_the_deadline_passes_between_two_attempts(self, registry):
        """As on a machine that was too busy to wake up in time."""

        class Passing:
            def __init__(self, *left):
                self.left = iter(left)

            def remaining(self):
                return next(self.left, 0.0)

        registry.stop()
        transport = Transport(RegistrySettings(url=registry.url))
        request = Request("GET", "/subjects", "all")
        with pytest.raises(RegistryUnavailable, match="the deadline has passed"):
            transport.call(request, Passing(5.0, 5.0, 5.0))
        with lasting_at_most(2.5), pytest.raises(RegistryUnavailable, match="ConnectError"):
            transport.call(request, Deadline(5.0))
        transport.close()

    def test_errors_without_end_are_unavailable_at_the_deadline(self, registry):
        registry.faults.extend([Fault(status=503)] * 100)
        with (
            client_of(registry.url, deadline=2.0) as client,
            lasting_at_most(6.0),
            pytest.raises(RegistryUnavailable, match=f"status 503 from {registry.url}"),
        ):
            client.versions("s")
        assert len(registry.requests) > 1

    def test_a_registry_that_accepts_and_says_nothing_is_unavailable_at_the_deadline(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with client_of(url, deadline=0.3) as client, lasting_at_most(2.5), pytest.raises(RegistryUnavailable):
                client.versions("s")

    def test_an_answer_that_trickles_is_unavailable_at_the_deadline(self):
        with (
            trickling() as url,
            client_of(url, deadline=0.3) as client,
            lasting_at_most(2.5),
            pytest.raises(RegistryUnavailable),
        ):
            client.versions("s")

    def test_the_deadline_counts_for_a_schema_with_all_its_references(self, registry):
        with client_of(registry.url) as writer:
            for number in range(4):
                writer.register(f"s{number}", f'{{"type":"fixed","name":"F{number}","size":1}}')
            refers = [Reference(f"F{number}", f"s{number}", 1) for number in range(4)]
            schema_id = writer.register("all", '["F0","F1","F2","F3"]', refers)
        with client_of(registry.url, deadline=0.3) as client, lasting_at_most(2.5):
            registry.faults.extend([Fault(delay=0.1)] * 6)
            with pytest.raises(RegistryUnavailable):
                client.schema(schema_id)

    def test_an_answer_without_end_is_cut_off(self, client, registry, monkeypatch):
        monkeypatch.setattr("registry.transport._LARGEST_ANSWER", 100)
        registry.faults.append(Fault(status=200, body=b" " * 101))
        assert client.register("s", CUSTOMER) == 1
        assert len(registry.requests) == 2


class TestSeveralAddresses:
    @pytest.fixture
    def gone(self):
        """An address that nobody listens at."""
        registry = DevRegistry()
        registry.start()
        registry.stop()
        return registry.url

    def test_the_next_address_answers_when_the_first_is_gone(self, registry, gone):
        with client_of(gone, registry.url) as client, lasting_at_most(2.5):
            assert client.register("s", CUSTOMER) == 1

    def test_the_next_address_answers_when_the_first_fails(self, registry):
        with DevRegistry() as failing, client_of(failing.url, registry.url) as client:
            failing.faults.append(Fault(status=500))
            assert client.register("s", CUSTOMER) == 1
            assert len(failing.requests) == 1

    def test_an_address_that_answered_is_asked_first_from_then_on(self, registry):
        with DevRegistry() as failing, client_of(failing.url, registry.url) as client:
            failing.faults.append(Fault(status=500))
            client.register("s", CUSTOMER)
            client.versions("s")
            assert len(failing.requests) == 1

    def test_an_address_that_says_no_is_not_overruled_by_another(self, registry):
        with DevRegistry(authorization="Bearer x") as refusing, client_of(refusing.url, registry.url) as client:
            with pytest.raises(RegistryRefused):
                client.register("s", CUSTOMER)
            assert not registry.requests

    def test_with_all_gone_the_registry_is_unavailable(self, gone):
        with client_of(gone, gone, deadline=0.3) as client, pytest.raises(RegistryUnavailable):
            client.versions("s")
