"""Our Vault client when Vault is away, slow, sealed or failing, or sends us elsewhere."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.unit.patience import lasting_at_most, trickling
from tests.unit.vault_script import Reply, ScriptedVault, Seen, secret
from vault.client import VaultClient
from vault.errors import VaultError, VaultProtocolError, VaultUnavailable
from vault.settings import VaultSettings

READ = "GET secret/data/a"
PASSING = [412, 429, 472, 473, 500, 502, 503, 504]


@pytest.fixture
def vault():
    with ScriptedVault() as vault:
        vault.on(READ, lambda _: secret({"k": "v"}))
        yield vault


@pytest.fixture
def client(vault):
    with VaultClient(vault.settings()) as client:
        client.lookup_self()
        vault.seen.clear()
        yield client


class TestRetries:
    @pytest.mark.parametrize("status", PASSING)
    def test_a_status_that_passes_is_tried_again(self, vault, client, status):
        vault.then(READ, Reply(status, {"errors": ["not now"]}))
        assert dict(client.read_secret("a").data) == {"k": "v"}
        assert vault.requests == [READ, READ]

    def test_a_reset_connection_is_tried_again(self, vault, client):
        vault.then(READ, Reply(reset=True))
        assert dict(client.read_secret("a").data) == {"k": "v"}

    def test_an_answer_that_breaks_off_is_tried_again(self, vault, client):
        vault.then(READ, Reply(200, b'{"data": ', headers={"Content-Length": "500", "Connection": "close"}))
        assert dict(client.read_secret("a").data) == {"k": "v"}

    def test_a_slow_answer_is_given_up_and_asked_for_again(self, vault, client, monkeypatch):
        monkeypatch.setattr("vault.transport._ATTEMPT_TIMEOUT", 0.5)
        vault.then(READ, Reply(delay=1.5))
        assert dict(client.read_secret("a").data) == {"k": "v"}

    def test_a_vault_that_is_only_slow_is_heard_out_the_second_time(self, vault, client, monkeypatch):
        monkeypatch.setattr("vault.transport._ATTEMPT_TIMEOUT", 0.8)
        vault.on(READ, lambda _: Reply(200, secret({"k": "v"}).content, delay=1.0))
        assert dict(client.read_secret("a").data) == {"k": "v"}
        assert vault.requests == [READ, READ]

    @pytest.mark.parametrize("status", [400, 404, 405, 413, 422])
    def test_a_definite_answer_is_not_asked_for_twice(self, vault, client, status):
        vault.then(READ, Reply(status, {"errors": []}))
        with pytest.raises(VaultError):
            client.read_secret("a")
        assert vault.requests == [READ]

    def test_a_vault_that_stays_sealed_is_unavailable_at_the_deadline(self, vault):
        vault.on(READ, lambda _: Reply(503, {"errors": ["Vault is sealed"]}))
        with (
            VaultClient(vault.settings(), deadline=2.0) as client,
            lasting_at_most(6.0),
            pytest.raises(VaultUnavailable, match=r"secret/data/a; last: status 503"),
        ):
            client.read_secret("a")
        assert vault.requests.count(READ) > 1

    def test_a_vault_that_is_gone_is_unavailable_at_the_deadline(self):
        with ScriptedVault() as vault:
            settings = vault.settings()
        with (
            VaultClient(settings, deadline=0.7) as client,
            lasting_at_most(2.5),
            pytest.raises(VaultUnavailable, match="ConnectionError"),
        ):
            client.read_secret("a")

    def test_a_vault_that_accepts_and_says_nothing_is_unavailable_at_the_deadline(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings = VaultSettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}", token="t")
            with VaultClient(settings, deadline=0.3) as client, lasting_at_most(2.5), pytest.raises(VaultUnavailable):
                client.read_secret("a")

    def test_an_answer_that_trickles_is_unavailable_at_the_deadline(self):
        with trickling() as url:
            settings = VaultSettings(url=url, token="t")
            with VaultClient(settings, deadline=0.3) as client, lasting_at_most(2.5), pytest.raises(VaultUnavailable):
                client.read_secret("a")

    def test_an_answer_without_end_is_cut_off(self, vault, client, monkeypatch):
        monkeypatch.setattr("vault.transport._LARGEST_ANSWER", 100)
        vault.then(READ, Reply(200, b" " * 101))
        assert dict(client.read_secret("a").data) == {"k": "v"}

    def test_a_client_outlives_a_vault_that_is_restarted(self, vault, client):
        vault.then(READ, Reply(secret({"k": "v"}).status, secret({"k": "v"}).content, headers={"Connection": "close"}))
        client.read_secret("a")
        assert dict(client.read_secret("a").data) == {"k": "v"}

    @pytest.mark.parametrize("content", [b"<html>a login page</html>", b"", b"[]", b"{}", b'{"data": 1}'])
    def test_what_no_vault_answers_is_said_to_be_that(self, vault, client, content):
        vault.then(READ, Reply(200, content))
        with pytest.raises(VaultProtocolError, match=r"vault\.url"):
            client.read_secret("a")

    def test_a_404_that_no_vault_gives_is_not_taken_for_an_absent_secret(self, vault, client):
        vault.then(READ, Reply(404, b"404 page not found"))
        with pytest.raises(VaultProtocolError, match=r"vault\.url"):
            client.read_secret("a")


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_no_redirect_to_another_host_is_followed_because_the_token_would_go_along(self, vault, client, status):
        with ScriptedVault() as other:
            vault.then(READ, Reply(status, headers={"Location": f"{other.url}/v1/secret/data/a"}))
            with pytest.raises(VaultProtocolError, match="redirect"):
                client.read_secret("a")
            assert not other.seen

    @pytest.mark.parametrize(
        "elsewhere", ["http://localhost:{port}/v1/x", "https://127.0.0.1:{port}/v1/x", "//example.invalid/v1/x"]
    )
    def test_another_name_scheme_or_port_is_another_host(self, vault, client, elsewhere):
        port = vault.url.rpartition(":")[2]
        vault.then(READ, Reply(307, headers={"Location": elsewhere.format(port=port)}))
        with pytest.raises(VaultProtocolError, match="redirect"):
            client.read_secret("a")
        assert vault.requests == [READ]

    @pytest.mark.parametrize("status", [307, 308])
    def test_a_redirect_to_the_same_host_is_followed_with_the_same_request(self, vault, client, status):
        vault.then("POST secret/data/a", Reply(status, headers={"Location": "/v1/secret/data/a?again"}))
        vault.on("POST secret/data/a?again", lambda _: Reply(200, {"data": {"version": 1}}))
        assert client.write_secret("a", {"x": 1}, cas=0) == 1
        assert vault.seen[-1].body == vault.seen[0].body

    def test_redirects_without_end_are_an_outage(self, vault):
        vault.on(READ, lambda _: Reply(307, headers={"Location": "/v1/secret/data/a"}))
        with VaultClient(vault.settings(), deadline=0.6) as client, pytest.raises(VaultUnavailable, match="redirects"):
            client.read_secret("a")

    def test_an_answer_without_a_target_is_no_redirect(self, vault, client):
        vault.then(READ, Reply(304))
        with pytest.raises(VaultProtocolError):
            client.read_secret("a")


class TestTheEnvironment:
    def test_a_proxy_is_not_used(self, vault, monkeypatch):
        with ScriptedVault() as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            with VaultClient(vault.settings()) as client:
                client.read_secret("a")
            assert not proxy.seen

    def test_no_password_is_taken_from_netrc(self, vault, monkeypatch, tmp_path):
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password word\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with VaultClient(vault.settings()) as client:
            client.read_secret("a")
        assert not [each for each in vault.seen if "Authorization" in each.headers]

    def test_no_cookie_is_kept(self, vault, client):
        found = secret({"k": "v"})
        vault.then(READ, Reply(200, found.content, headers={"Set-Cookie": "session=1"}))
        client.read_secret("a")
        client.read_secret("a")
        assert "Cookie" not in vault.seen[-1].headers

    def test_each_request_says_that_it_is_meant_for_vault(self, vault, client):
        client.read_secret("a")
        assert vault.seen[-1].headers["X-Vault-Request"] == "true"


def test_threads_may_share_a_client(vault, client):
    def reading(_: Seen) -> Reply:
        return Reply(200, secret({"k": "v"}).content, delay=0.05)

    vault.on(READ, reading)
    found = []
    threads = [threading.Thread(target=lambda: found.append(client.read_secret("a").version)) for _ in range(8)]
    with lasting_at_most(2):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [1] * 8
