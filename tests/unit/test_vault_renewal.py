"""Keeping logged in to Vault: when the token is renewed, when a login takes its place. Time is the test's own."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
import structlog
from pydantic import SecretStr

from tests.unit.vault_script import TOKEN, Reply, ScriptedVault, logged_in, secret
from vault.authentication import Lease
from vault.client import VaultClient
from vault.errors import VaultRefused, VaultRejected, VaultUnavailable
from vault.renewal import Renewer, Step

TTL = 3600.0
MAX_TTL = 4 * TTL


class Vault:
    """What the renewer sees of being logged in. A token lives for an hour, and for four with renewals."""

    renews = True

    def __init__(self, *, logs_in: bool = True, renewable: bool = True, ttl: float = TTL) -> None:
        self.logs_in = logs_in
        self.now = 1000.0
        self.done: list[tuple[str, float]] = []
        self.failures: list[Exception] = []
        self.renewable, self.ttl = renewable, ttl
        self.lease: Lease | None = None
        self.log_in()

    def log_in(self) -> None:
        self.issued = self.now
        self.lease = Lease(SecretStr("t"), self.ttl, self.renewable, self.now, self.ttl)

    def renew(self, lease: Lease, _: object) -> None:
        self._doing("renew")
        left = self.issued + MAX_TTL - self.now
        self.lease = replace(lease, ttl=min(self.ttl, left), since=self.now)

    def replace(self, _: Lease | None, __: object) -> None:
        self._doing("log in")
        self.log_in()

    def _doing(self, what: str) -> None:
        self.done.append((what, self.now))
        if self.failures:
            raise self.failures.pop(0)

    @property
    def steps(self) -> list[str]:
        return [what for what, _ in self.done]


def renewer_of(vault: Vault) -> Renewer:
    return Renewer(vault, deadline=1, clock=lambda: vault.now)


def living(vault: Vault, seconds: float) -> Renewer:
    """Lets so much time pass, and the renewer do what it does in it."""
    renewer = renewer_of(vault)
    end = vault.now + seconds
    while (planned := renewer.next()) is not None and vault.now + planned[0] <= end:
        vault.now += planned[0]
        renewer.act(planned[1])
    vault.now = end
    return renewer


def pauses(vault: Vault) -> list[float]:
    """The seconds between one step and the next."""
    return [later - earlier for (_, earlier), (_, later) in pairwise(vault.done)]


class TestInTime:
    def test_a_token_is_renewed_at_two_thirds_of_its_ttl_or_a_tenth_of_that_earlier(self):
        for _ in range(50):
            vault = Vault()
            living(vault, TTL)
            what, when = vault.done[0]
            assert what == "renew"
            assert 0.6 * TTL <= when - 1000 <= 2 / 3 * TTL

    def test_not_all_processes_renew_at_the_same_moment(self):
        assert len({renewer_of(Vault()).next()[0] for _ in range(20)}) > 10

    def test_after_a_renewal_the_next_one_comes_at_two_thirds_again(self):
        vault = Vault()
        living(vault, 2 * TTL)
        assert 0.6 * TTL <= pauses(vault)[0] <= 2 / 3 * TTL

    def test_near_the_maximum_ttl_it_logs_in_before_the_token_ends(self):
        vault = Vault()
        living(vault, MAX_TTL)
        login = vault.steps.index("log in")
        assert set(vault.steps[:login]) == {"renew"}
        assert vault.done[login][1] < 1000 + MAX_TTL

    def test_and_goes_on_renewing_the_new_token(self):
        vault = Vault()
        living(vault, 3 * MAX_TTL)
        assert vault.steps.count("log in") >= 2
        assert vault.steps[-1] == "renew" or vault.steps[-2] == "renew"

    def test_a_token_that_cannot_be_renewed_is_replaced_by_a_login_at_two_thirds(self):
        vault = Vault(renewable=False)
        living(vault, TTL)
        assert vault.steps == ["log in"]

    def test_a_token_that_does_not_expire_is_left_alone(self):
        assert renewer_of(Vault(ttl=0)).next() is None

    def test_a_given_token_that_cannot_be_renewed_is_left_to_end(self):
        assert renewer_of(Vault(logs_in=False, renewable=False)).next() is None

    def test_a_given_token_is_renewed_to_its_maximum_and_then_left_to_end(self):
        vault = Vault(logs_in=False)
        living(vault, 2 * MAX_TTL)
        assert set(vault.steps) == {"renew"}
        assert max(when for _, when in vault.done) < 1000 + MAX_TTL
        assert len(vault.steps) < 30

    def test_a_login_that_came_from_elsewhere_starts_the_time_anew(self):
        vault = Vault()
        renewer = renewer_of(vault)
        renewer.next()
        vault.now += 2000
        vault.log_in()
        assert renewer.next()[0] >= 0.6 * TTL


class TestThroughFailures:
    def test_while_vault_is_away_it_is_tried_again_after_growing_pauses_and_the_token_is_kept(self):
        vault = Vault()
        vault.failures = [VaultUnavailable("away")] * 4
        living(vault, TTL)
        first, second, third, fourth = pauses(vault)[:4]
        assert vault.steps[:5] == ["renew"] * 5
        assert 1 <= first <= 2 <= second <= 4 <= third <= 8 <= fourth <= 16

    def test_pauses_stay_below_a_minute(self):
        vault = Vault()
        vault.failures = [VaultUnavailable("away")] * 30
        living(vault, TTL)
        assert max(pauses(vault)[:20]) <= 60

    def test_once_the_token_has_ended_meanwhile_it_logs_in(self):
        vault = Vault()
        vault.failures = [VaultUnavailable("away")] * 200
        living(vault, 1.5 * TTL)
        assert all(when < 1000 + TTL for what, when in vault.done if what == "renew")
        assert vault.steps[-1] == "log in"

    @pytest.mark.parametrize("failure", [VaultRejected("max TTL"), VaultRefused("revoked")])
    def test_where_vault_will_not_renew_it_logs_in_at_once(self, failure):
        vault = Vault()
        vault.failures = [failure]
        living(vault, 0.7 * TTL)
        (first, when), (second, later) = vault.done
        assert (first, second) == ("renew", "log in")
        assert later == when

    def test_a_login_that_is_refused_is_left_to_the_next_request_because_vault_counts_them(self):
        vault = Vault(renewable=False)
        vault.failures = [VaultRefused("invalid secret id")]
        living(vault, 2 * TTL)
        assert vault.steps == ["log in"]

    def test_until_then_the_token_is_renewed_as_long_as_it_can_be(self):
        vault = Vault()
        vault.failures = [VaultRefused("invalid secret id")]
        renewer = renewer_of(vault)
        renewer.next()
        renewer.act(Step.LOG_IN)
        planned = renewer.next()
        assert planned is not None
        assert planned[1] is Step.RENEW

    def test_another_token_starts_afresh(self):
        vault = Vault(renewable=False)
        vault.failures = [VaultRefused("invalid secret id")]
        renewer = living(vault, TTL)
        assert renewer.next() is None
        vault.log_in()
        assert renewer.next() is not None

    def test_an_unforeseen_failure_does_not_end_the_renewing(self):
        vault = Vault()
        vault.failures = [RuntimeError("hvs.secret")]
        living(vault, TTL)
        assert len(vault.steps) > 1

    def test_each_failure_is_logged_without_what_an_unforeseen_one_says(self):
        vault = Vault()
        vault.failures = [VaultUnavailable("status 503"), RuntimeError("hvs.secret")]
        with structlog.testing.capture_logs() as logs:
            living(vault, TTL)
        assert [(line["event"], line["error"]) for line in logs] == [
            ("vault_renewal_failed", "VaultUnavailable"),
            ("vault_renewal_failed", "RuntimeError"),
        ]
        assert "hvs.secret" not in str(logs)


class TestTheThread:
    """In real time, with tokens of a second."""

    @pytest.fixture
    def vault(self):
        with ScriptedVault() as vault:
            vault.on("GET secret/data/a", lambda _: secret({"k": "v"}))
            yield vault

    def test_renews_by_itself(self, vault):
        vault.facts |= {"ttl": 1, "renewable": True}
        renewed = threading.Event()

        def renew(seen):
            renewed.set()
            return logged_in(seen.token, ttl=1)

        vault.on("POST auth/token/renew-self", renew)
        with VaultClient(vault.settings()) as client:
            client.read_secret("a")
            assert renewed.wait(5)
            client.read_secret("a")
        assert {each.token for each in vault.seen} == {TOKEN}

    def test_logs_in_by_itself_where_the_token_cannot_be_renewed(self, vault):
        left = ["one", "two", "three", "four"]
        vault.valid = set(left)
        vault.on("POST auth/approle/login", lambda _: logged_in(left.pop(0), ttl=1, renewable=False))
        settings = vault.settings(auth="approle", approle_role_id="r", approle_secret_id="s")
        with VaultClient(settings) as client:
            client.read_secret("a")
            until = time.monotonic() + 5
            while vault.asked("GET secret/data/a")[-1].token == "one" and time.monotonic() < until:
                time.sleep(0.02)
                client.read_secret("a")
        assert vault.asked("GET secret/data/a")[-1].token != "one"
        assert "GET auth/token/lookup-self" not in vault.requests

    def test_ends_when_the_client_is_closed(self, vault):
        others = set(threading.enumerate())
        with VaultClient(vault.settings()) as client:
            client.read_secret("a")
            assert [each for each in set(threading.enumerate()) - others if each.name == "vault-renewal"]
        assert not [each for each in set(threading.enumerate()) - others if each.name.startswith("vault-")]

    def test_keeps_the_old_token_while_vault_is_away(self, vault):
        vault.facts |= {"ttl": 1, "renewable": True}
        vault.on("POST auth/token/renew-self", lambda _: Reply(503))
        with VaultClient(vault.settings(), deadline=2.0) as client:
            client.read_secret("a")
            until = time.monotonic() + 5
            while "POST auth/token/renew-self" not in vault.requests and time.monotonic() < until:
                time.sleep(0.02)
            assert dict(client.read_secret("a").data) == {"k": "v"}
