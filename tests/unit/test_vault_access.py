"""Logging in to Vault, and what a 403 means."""

from __future__ import annotations

import threading

import pytest

from tests.unit.vault_script import TOKEN, Reply, ScriptedVault, Seen, logged_in, secret
from vault.access import Access
from vault.client import VaultClient
from vault.deadline import Deadline
from vault.errors import VaultProtocolError, VaultRefused, VaultSettingsError, VaultUnavailable
from vault.settings import VaultSettings
from vault.transport import Transport

LOOK_UP = "GET auth/token/lookup-self"
READ = "GET secret/data/a"
APPROLE = "POST auth/approle/login"
KUBERNETES = "POST auth/kubernetes/login"


@pytest.fixture
def vault():
    with ScriptedVault() as vault:
        vault.on(READ, lambda _: secret({"k": "v"}))
        yield vault


def by_approle(vault: ScriptedVault, *tokens: str) -> VaultSettings:
    """Settings for AppRole, whose logins give these tokens, the last one over and over. Only the newest is valid."""
    left = list(tokens)

    def login(_: Seen) -> Reply:
        token = left.pop(0) if len(left) > 1 else left[0]
        vault.valid = {token}
        return logged_in(token)

    vault.on(APPROLE, login)
    return vault.settings(auth="approle", approle_role_id="role", approle_secret_id="secret")


def revoked(client: VaultClient, vault: ScriptedVault) -> None:
    """Logs in, and has the token revoked."""
    client.read_secret("a")
    vault.valid = set()
    vault.seen.clear()


class TestWithAToken:
    def test_the_first_call_looks_the_token_up_and_later_ones_do_not(self, vault):
        with VaultClient(vault.settings()) as client:
            assert not vault.seen
            client.read_secret("a")
            client.read_secret("a")
        assert vault.requests == [LOOK_UP, READ, READ]

    def test_the_token_is_the_one_that_was_given_and_no_other(self, vault, monkeypatch, tmp_path):
        monkeypatch.setenv("VAULT_TOKEN", "from-the-environment")
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".vault-token").write_text("from-the-home-folder")
        with VaultClient(vault.settings()) as client:
            client.read_secret("a")
        assert {each.token for each in vault.seen} == {TOKEN}

    def test_a_token_that_vault_does_not_take_is_refused_with_the_setting_named(self, vault):
        vault.valid = set()
        with VaultClient(vault.settings()) as client, pytest.raises(VaultRefused, match=r"vault\.token"):
            client.read_secret("a")

    def test_a_revoked_token_is_a_stop_that_names_the_path(self, vault):
        with VaultClient(vault.settings()) as client:
            revoked(client, vault)
            with pytest.raises(VaultRefused, match="secret/data/a"):
                client.read_secret("a")
        assert len(vault.seen) <= 3

    def test_what_vault_knows_about_it_is_told_without_the_token(self, vault):
        vault.facts = {"accessor": "acc", "entity_id": "e", "policies": ["p"], "ttl": 30, "renewable": True}
        vault.facts |= {"path": "auth/token/create"}
        with VaultClient(vault.settings()) as client:
            facts = client.lookup_self()
        assert (facts.accessor, facts.entity_id, facts.policies) == ("acc", "e", ("p",))
        assert (facts.ttl, facts.renewable, facts.path) == (30, True, "auth/token/create")
        assert TOKEN not in f"{facts!r} {facts.model_dump()}"


class TestPermissionDenied:
    def test_a_valid_token_without_the_permission_is_a_stop_that_names_the_path(self, vault):
        vault.on(READ, lambda _: Reply(403, {"errors": ["permission denied"]}))
        with VaultClient(by_approle(vault, "one")) as client, pytest.raises(VaultRefused, match="secret/data/a"):
            client.read_secret("a")
        assert vault.requests == [APPROLE, READ, LOOK_UP]

    def test_an_invalid_token_means_one_login_and_the_call_succeeds(self, vault):
        with VaultClient(by_approle(vault, "one", "two")) as client:
            revoked(client, vault)
            assert dict(client.read_secret("a").data) == {"k": "v"}
        assert vault.requests == [READ, LOOK_UP, APPROLE, READ]
        assert vault.seen[-1].token == "two"

    def test_a_new_token_without_the_permission_is_a_stop_and_no_second_login(self, vault):
        with VaultClient(by_approle(vault, "one", "two", "three")) as client:
            revoked(client, vault)
            vault.on(READ, lambda _: Reply(403, {"errors": ["permission denied"]}))
            with pytest.raises(VaultRefused, match="secret/data/a"):
                client.read_secret("a")
        assert vault.requests.count(APPROLE) == 1

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_a_refused_login_is_a_stop(self, vault, status):
        settings = by_approle(vault, "one")
        vault.on(APPROLE, lambda _: Reply(status, {"errors": ["invalid role or secret ID"]}))
        with VaultClient(settings) as client, pytest.raises(VaultRefused, match="auth/approle/login"):
            client.read_secret("a")
        assert vault.requests == [APPROLE]

    def test_a_login_that_an_older_vault_refuses_by_a_500_is_a_stop_too(self, vault):
        settings = by_approle(vault, "one")
        vault.on(APPROLE, lambda _: Reply(500, {"errors": ["invalid secret id"]}))
        with VaultClient(settings) as client, pytest.raises(VaultRefused, match="auth/approle/login"):
            client.read_secret("a")
        assert vault.requests == [APPROLE]

    @pytest.mark.parametrize("content", [{"errors": ["internal error"]}, {"errors": "invalid secret id"}, None, []])
    def test_any_other_500_at_a_login_is_waited_for(self, vault, content):
        settings = by_approle(vault, "one")
        vault.then(APPROLE, Reply(500, content))
        with VaultClient(settings) as client:
            assert dict(client.read_secret("a").data) == {"k": "v"}

    def test_a_login_that_is_refused_later_is_a_stop_that_names_the_path_asked_for(self, vault):
        with VaultClient(by_approle(vault, "one")) as client:
            revoked(client, vault)
            vault.on(APPROLE, lambda _: Reply(400, {"errors": ["invalid role or secret ID"]}))
            with pytest.raises(VaultRefused, match=r"secret/data/a.*auth/approle/login"):
                client.read_secret("a")

    def test_vault_away_at_the_login_is_waited_for(self, vault):
        settings = by_approle(vault, "one")
        vault.then(APPROLE, Reply(503), Reply(500), Reply(reset=True))
        with VaultClient(settings) as client:
            assert dict(client.read_secret("a").data) == {"k": "v"}

    def test_vault_away_while_the_token_is_looked_up_is_unavailable_and_no_stop(self, vault):
        with VaultClient(by_approle(vault, "one"), deadline=2.0) as client:
            revoked(client, vault)
            vault.then(LOOK_UP, *[Reply(503)] * 50)
            with pytest.raises(VaultUnavailable):
                client.read_secret("a")

    def test_a_token_that_was_renewed_before_it_was_revoked_is_replaced_as_well(self, vault):
        vault.on("POST auth/token/renew-self", lambda seen: logged_in(seen.token))
        settings = by_approle(vault, "one", "two")
        access = Access(settings, Transport(settings))
        old = access.replace(None, Deadline(5))
        access.renew(old, Deadline(5))
        assert access.lease is not old
        assert access.replace(old, Deadline(5)).token.get_secret_value() == "two"

    def test_many_threads_with_an_invalid_token_log_in_once(self, vault):
        with VaultClient(by_approle(vault, "one", "two")) as client:
            revoked(client, vault)
            threads = [threading.Thread(target=client.read_secret, args=("a",)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert vault.requests.count(APPROLE) == 1


class TestRootTokens:
    """Loopback cannot be left in a test: the settings' own notion of it is replaced."""

    @pytest.fixture
    def settings(self, vault):
        return {"token": vault.settings(), "approle": by_approle(vault, "one")}

    @pytest.fixture
    def _beyond_loopback(self, settings, monkeypatch):
        monkeypatch.setattr(VaultSettings, "is_loopback", False)

    @pytest.mark.usefixtures("_beyond_loopback")
    def test_a_root_token_is_refused_beyond_loopback(self, vault, settings):
        vault.facts["policies"] = ["root"]
        with VaultClient(settings["token"]) as client, pytest.raises(VaultRefused, match="root token"):
            client.read_secret("a")
        assert READ not in vault.requests

    @pytest.mark.usefixtures("_beyond_loopback")
    def test_so_is_one_that_a_login_gives(self, vault, settings):
        vault.on(APPROLE, lambda _: logged_in("one", policies=("root",)))
        with VaultClient(settings["approle"]) as client, pytest.raises(VaultRefused, match="root token"):
            client.read_secret("a")

    def test_on_loopback_it_is_taken(self, vault, settings):
        vault.facts["policies"] = ["root"]
        with VaultClient(settings["token"]) as client:
            client.read_secret("a")


class TestApprole:
    def test_role_and_secret_are_sent_to_the_mount(self, vault):
        vault.on("POST auth/team/roles/login", lambda _: logged_in(TOKEN))
        options = {"approle_role_id": "r", "approle_secret_id": "s", "approle_mount": "team/roles"}
        with VaultClient(vault.settings(auth="approle", **options)) as client:
            client.read_secret("a")
        (login,) = vault.asked("POST auth/team/roles/login")
        assert login.body == {"role_id": "r", "secret_id": "s"}
        assert login.token is None

    @pytest.mark.parametrize(
        "content", [None, b"<html>", {}, {"auth": None}, {"auth": {"client_token": "", "lease_duration": 1}}]
    )
    def test_an_answer_without_a_token_is_no_login(self, vault, content):
        settings = by_approle(vault, "one")
        vault.on(APPROLE, lambda _: Reply(200, content))
        with VaultClient(settings) as client, pytest.raises(VaultProtocolError):
            client.read_secret("a")


class TestKubernetes:
    @pytest.fixture
    def jwt(self, tmp_path):
        return tmp_path / "token"

    @pytest.fixture
    def settings(self, vault, jwt):
        vault.on(KUBERNETES, lambda seen: self.login(vault, seen))
        return vault.settings(auth="kubernetes", kubernetes_role="streamveil", kubernetes_jwt_path=jwt)

    @staticmethod
    def login(vault: ScriptedVault, seen: Seen) -> Reply:
        token = f"for-{seen.body['jwt']}"
        vault.valid = {token}
        return logged_in(token)

    def test_the_token_of_the_service_account_is_sent_with_the_role(self, vault, settings, jwt):
        jwt.write_text("header.body.signature\n")
        with VaultClient(settings) as client:
            client.read_secret("a")
        (login,) = vault.asked(KUBERNETES)
        assert login.body == {"role": "streamveil", "jwt": "header.body.signature"}

    def test_it_is_read_again_at_each_login_because_kubernetes_replaces_it(self, vault, settings, jwt):
        jwt.write_text("first")
        with VaultClient(settings) as client:
            revoked(client, vault)
            jwt.write_text("second")
            client.read_secret("a")
        assert [each.body["jwt"] for each in vault.asked(KUBERNETES)] == ["second"]

    @pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff\xfe", b"\0"])
    def test_a_file_without_a_token_is_named_and_its_content_is_not(self, vault, settings, jwt, content):
        if content is not None:
            jwt.write_bytes(content)
        named = pytest.raises(VaultSettingsError, match=r"vault\.kubernetes\.jwt\.path")
        with VaultClient(settings) as client, named as caught:
            client.read_secret("a")
        assert "lines" not in str(caught.value)
        assert not vault.seen


class TestAgent:
    @pytest.fixture
    def sink(self, tmp_path):
        return tmp_path / "sink"

    @pytest.fixture
    def settings(self, vault, sink):
        return vault.settings(auth="agent", agent_token_path=sink)

    @staticmethod
    def write(sink, token, mode=0o640):
        """As the agent does: a file beside it, renamed."""
        beside = sink.with_suffix(".new")
        beside.write_text(token)
        beside.chmod(mode)
        beside.rename(sink)

    def test_the_token_in_the_file_is_used(self, vault, settings, sink):
        self.write(sink, f"{TOKEN}\n")
        with VaultClient(settings) as client:
            client.read_secret("a")
        assert vault.seen[-1].token == TOKEN

    def test_another_token_in_the_file_is_used_from_the_next_call_on(self, vault, settings, sink):
        vault.valid = {"one", "two"}
        self.write(sink, "one")
        with VaultClient(settings) as client:
            client.read_secret("a")
            self.write(sink, "two")
            client.read_secret("a")
        assert [each.token for each in vault.asked(READ)] == ["one", "two"]

    def test_a_file_that_is_written_again_with_the_same_token_changes_nothing(self, vault, settings, sink):
        self.write(sink, TOKEN)
        with VaultClient(settings) as client:
            client.read_secret("a")
            self.write(sink, TOKEN)
            client.read_secret("a")
        assert vault.requests == [LOOK_UP, READ, READ]

    def test_a_file_that_is_gone_or_empty_for_a_while_leaves_the_token_that_we_have(self, vault, settings, sink):
        self.write(sink, TOKEN)
        with VaultClient(settings) as client:
            client.read_secret("a")
            self.write(sink, "")
            client.read_secret("a")
            sink.unlink()
            client.read_secret("a")

    def test_a_token_that_has_ended_waits_for_the_agent_to_write_another(self, vault, settings, sink):
        vault.valid = {"one"}
        self.write(sink, "one")
        with VaultClient(settings) as client:
            client.read_secret("a")
            vault.valid = {"two"}
            writing = threading.Timer(0.3, self.write, (sink, "two"))
            writing.start()
            client.read_secret("a")
            writing.join()
        assert vault.seen[-1].token == "two"

    def test_without_another_it_is_a_stop(self, vault, settings, sink):
        self.write(sink, TOKEN)
        with VaultClient(settings, deadline=2.0) as client:
            revoked(client, vault)
            with pytest.raises(VaultRefused, match=r"vault\.agent\.token\.path"):
                client.read_secret("a")

    def test_an_agent_that_starts_later_is_waited_for(self, vault, settings, sink):
        writing = threading.Timer(0.3, self.write, (sink, TOKEN))
        writing.start()
        with VaultClient(settings) as client:
            client.read_secret("a")
        writing.join()

    def test_without_a_file_the_setting_is_named(self, settings):
        with (
            VaultClient(settings, deadline=0.3) as client,
            pytest.raises(VaultSettingsError, match=r"vault\.agent\.token\.path"),
        ):
            client.read_secret("a")

    def test_a_file_that_everybody_may_read_is_refused(self, vault, settings, sink):
        self.write(sink, TOKEN, mode=0o644)
        with VaultClient(settings, deadline=0.3) as client, pytest.raises(VaultSettingsError, match="0644"):
            client.read_secret("a")
        assert not vault.seen

    def test_the_token_is_never_renewed(self, vault, settings, sink):
        vault.facts |= {"ttl": 1, "renewable": True}
        self.write(sink, TOKEN)
        others = set(threading.enumerate())
        with VaultClient(settings) as client:
            client.read_secret("a")
            assert not [each for each in set(threading.enumerate()) - others if each.name == "vault-renewal"]
