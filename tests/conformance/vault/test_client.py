"""Our client, on the Vaults that the tests start: what it asks for is what a Vault understands."""

import threading
import time

import pytest
from pydantic import SecretStr

from vault.batches import ItemRefused
from vault.client import VaultClient
from vault.errors import VaultConflict, VaultNotFound, VaultRefused, VaultUnavailable
from vault.settings import VaultSettings

POLICY = """
path "secret/data/client/*" { capabilities = ["create", "read", "update"] }
path "transit/encrypt/client" { capabilities = ["update"] }
"""


@pytest.fixture(scope="module")
def ours(own):
    """Our client, with the root token."""
    with VaultClient(VaultSettings(url=own.url, token=own.root_token)) as client:
        yield client


@pytest.fixture
def by_approle(own, ask):
    """A function that gives settings to log in by AppRole, as a role with these options."""

    def settings(**options):
        ask("PUT", "sys/policies/acl/client", {"policy": POLICY})
        status, _ = ask("POST", "auth/approle/role/client", {"token_policies": "client", **options})
        assert status < 300
        role_id = ask("GET", "auth/approle/role/client/role-id")[1]["data"]["role_id"]
        secret_id = ask("POST", "auth/approle/role/client/secret-id")[1]["data"]["secret_id"]
        return VaultSettings(url=own.url, auth="approle", approle_role_id=role_id, approle_secret_id=secret_id)

    return settings


def revoke(ask, client):
    """Ends the token that the client is logged in with."""
    status, _ = ask("POST", "auth/token/revoke-accessor", {"accessor": client.lookup_self().accessor})
    assert status < 300


class TestSecrets:
    def test_a_secret_goes_from_version_to_version_and_none_is_lost(self, ours):
        with pytest.raises(VaultNotFound):
            ours.read_secret("client/ring")
        assert ours.write_secret("client/ring", {"a": [1, {"b": "c"}]}, cas=0) == 1
        with pytest.raises(VaultConflict):
            ours.write_secret("client/ring", {"a": 2}, cas=0)
        assert ours.write_secret("client/ring", {"a": 2}, cas=1) == 2
        found = ours.read_secret("client/ring")
        assert (dict(found.data), found.version) == ({"a": 2}, 2)

    def test_a_deleted_secret_is_not_found(self, ours, ask):
        ours.write_secret("client/gone", {"a": 1}, cas=0)
        ask("DELETE", "secret/data/client/gone")
        with pytest.raises(VaultNotFound):
            ours.read_secret("client/gone")

    def test_names_are_listed(self, ours):
        ours.write_secret("listed/one", {"a": 1}, cas=0)
        ours.write_secret("listed/below/two", {"a": 1}, cas=0)
        assert sorted(ours.list_secrets("listed")) == ["below/", "one"]
        assert "listed/" in ours.list_secrets("")
        assert ours.list_secrets("none/here") == []


class TestTransit:
    def test_a_key_is_what_it_was_created_as(self, ours):
        ours.create_transit_key("made", derived=True, convergent=True)
        ours.create_transit_key("made", derived=False)
        key = ours.transit_key("made")
        assert (key.type, key.derived, key.convergent, key.exportable) == ("aes256-gcm96", True, True, False)
        assert (key.deletion_allowed, key.latest_version) == (False, 1)
        ours.rotate_transit_key("made")
        assert ours.transit_key("made").latest_version == 2

    def test_no_call_creates_a_key_that_is_not_there(self, ours):
        for call in (
            lambda: ours.encrypt("none", [b"a"], context=None, key_version=1),
            lambda: ours.encrypt("none", [b"a"], context=b"c", key_version=0),
            lambda: ours.decrypt("none", ["vault:v1:YQ=="], context=None),
            lambda: ours.rewrap("none", ["vault:v1:YQ=="], context=None),
            lambda: ours.wrapped_data_key("none", b"c"),
            lambda: ours.transit_key("none"),
        ):
            with pytest.raises(VaultNotFound, match="none"):
                call()

    @pytest.mark.parametrize("context", [None, b"domain"])
    def test_two_thousand_values_come_back_in_their_order(self, ours, context):
        name = f"many-{context is None}"
        ours.create_transit_key(name, derived=context is not None)
        plaintexts = [b"%d" % number for number in range(2000)]
        ciphertexts = ours.encrypt(name, plaintexts, context=context, key_version=1)
        assert ours.decrypt(name, ciphertexts, context=context) == plaintexts

    def test_a_convergent_key_gives_the_same_ciphertext_under_one_version_whatever_is_rotated(self, ours):
        ours.create_transit_key("same", derived=True, convergent=True)
        first = ours.encrypt("same", [b"a", b"", b"a"], context=b"c", key_version=1)
        ours.rotate_transit_key("same")
        assert ours.encrypt("same", [b"a", b"", b"a"], context=b"c", key_version=1) == first
        assert first[0] == first[2]
        assert ours.encrypt("same", [b"a"], context=b"d", key_version=1) != first[:1]
        (second,) = ours.encrypt("same", [b"a"], context=b"c", key_version=2)
        assert second.startswith("vault:v2:")
        assert ours.decrypt("same", [*first, second], context=b"c") == [b"a", b"", b"a", b"a"]

    def test_a_ciphertext_that_is_none_is_refused_alone(self, ours):
        ours.create_transit_key("partial", derived=True)
        (good,) = ours.encrypt("partial", [b"a"], context=b"c", key_version=1)
        bad = ["junk", "vault:v1:junk", good.replace("v1", "v7"), "", good[:-4] + "AAA="]
        first, *refused, last = ours.decrypt("partial", [good, *bad, good], context=b"c")
        assert (first, last) == (b"a", b"a")
        assert all(isinstance(each, ItemRefused) for each in refused)
        assert isinstance(ours.rewrap("partial", [good, "junk"], context=b"c")[1], ItemRefused)

    def test_a_whole_batch_of_the_wrong_context_is_refused_item_by_item(self, ours):
        ours.create_transit_key("contexts", derived=True)
        ciphertexts = ours.encrypt("contexts", [b"a", b"b"], context=b"c", key_version=1)
        found = ours.decrypt("contexts", ciphertexts, context=b"d")
        assert [type(each) for each in found] == [ItemRefused, ItemRefused]

    def test_a_version_that_the_key_does_not_have_is_refused(self, ours):
        ours.create_transit_key("versions", derived=False)
        (found,) = ours.encrypt("versions", [b"a"], context=None, key_version=9)
        assert isinstance(found, ItemRefused)

    def test_a_data_key_is_unwrapped_under_its_own_context_only(self, ours):
        ours.create_transit_key("wrapping", derived=True)
        wrapped, key = ours.wrapped_data_key("wrapping", b"ring/1")
        assert len(key) == 32
        assert ours.decrypt("wrapping", [wrapped], context=b"ring/1") == [key]
        (refused,) = ours.decrypt("wrapping", [wrapped], context=b"ring/2")
        assert isinstance(refused, ItemRefused)

    def test_rewrapping_changes_the_version_and_not_the_plaintext(self, ours):
        ours.create_transit_key("rewrapped", derived=True)
        old = ours.encrypt("rewrapped", [b"a", b"b"], context=b"c", key_version=1)
        ours.rotate_transit_key("rewrapped")
        new = ours.rewrap("rewrapped", old, context=b"c")
        assert all(each.startswith("vault:v2:") for each in new)
        assert ours.decrypt("rewrapped", new, context=b"c") == [b"a", b"b"]


class TestTokens:
    def test_what_vault_knows_about_the_token(self, ours):
        facts = ours.lookup_self()
        assert (facts.policies, facts.ttl, facts.path) == (("root",), 0, "auth/token/root")
        assert facts.accessor

    def test_a_permission_that_is_missing_is_a_stop_that_names_the_path(self, by_approle):
        with VaultClient(by_approle(token_ttl="10m")) as client:
            with pytest.raises(VaultRefused, match="secret/data/other"):
                client.read_secret("other")
            with pytest.raises(VaultRefused, match="transit/encrypt/client"):
                client.encrypt("client", [b"a"], context=None, key_version=1)

    def test_a_token_that_is_revoked_is_replaced_by_a_login(self, by_approle, ask):
        with VaultClient(by_approle(token_ttl="10m")) as client:
            client.write_secret("client/a", {"a": 1}, cas=0)
            before = client.lookup_self().accessor
            revoke(ask, client)
            assert dict(client.read_secret("client/a").data) == {"a": 1}
            assert client.lookup_self().accessor != before

    def test_a_given_token_that_is_revoked_is_a_stop_that_names_the_path(self, own, ask):
        token = ask("POST", "auth/token/create", {"ttl": "10m"})[1]["auth"]["client_token"]
        with VaultClient(VaultSettings(url=own.url, token=token)) as client:
            revoke(ask, client)
            with pytest.raises(VaultRefused, match="secret/data/client/a") as refused:
                client.read_secret("client/a")
        assert token not in str(refused.value)

    def test_a_role_that_is_not_there_is_a_refused_login(self, own):
        settings = VaultSettings(url=own.url, auth="approle", approle_role_id="none", approle_secret_id="none")
        with VaultClient(settings) as client, pytest.raises(VaultRefused, match="auth/approle/login"):
            client.read_secret("client/a")

    def test_a_wrong_secret_id_is_a_refused_login_that_locks_nobody_out(self, own, by_approle):
        right = by_approle()
        wrong = right.model_copy(update={"approle_secret_id": SecretStr("wrong")})
        with VaultClient(wrong) as client, pytest.raises(VaultRefused, match="auth/approle/login"):
            client.read_secret("client/a")
        with VaultClient(right) as client:
            assert client.lookup_self().path == "auth/approle/login"

    def test_past_its_maximum_ttl_the_client_is_still_logged_in(self, own, by_approle):
        with VaultClient(by_approle(token_ttl="1s", token_max_ttl="2s")) as client:
            accessors = set()
            until = time.monotonic() + 30
            while len(accessors) < 2 and time.monotonic() < until:
                accessors.add(client.lookup_self().accessor)
                time.sleep(0.1)
        assert len(accessors) == 2

    def test_the_service_account_of_a_pod_logs_in(self, own, ask, tmp_path):
        ask("PUT", "sys/policies/acl/client", {"policy": POLICY})
        role = {"bound_service_account_names": "streamveil", "bound_service_account_namespaces": "prod"}
        status, _ = ask("POST", "auth/kubernetes/role/client", {**role, "token_policies": "client"})
        assert status < 300
        jwt = tmp_path / "token"
        jwt.write_text(own.service_account_token("streamveil", "prod"))
        settings = VaultSettings(url=own.url, auth="kubernetes", kubernetes_role="client", kubernetes_jwt_path=jwt)
        with VaultClient(settings) as client:
            assert client.lookup_self().path == "auth/kubernetes/login"
        jwt.write_text(own.service_account_token("somebody-else", "prod"))
        with VaultClient(settings) as client, pytest.raises(VaultRefused, match="auth/kubernetes/login"):
            client.lookup_self()


class TestOutages:
    def test_a_sealed_vault_is_unavailable_and_then_it_is_not(self, own, ours):
        ours.write_secret("client/sealed", {"a": 1}, cas=0)
        own.seal()
        try:
            with (
                VaultClient(VaultSettings(url=own.url, token=own.root_token), deadline=0.7) as impatient,
                pytest.raises(VaultUnavailable, match="status 503"),
            ):
                impatient.read_secret("client/sealed")
            back = threading.Timer(0.3, own.unseal)
            back.start()
            assert dict(ours.read_secret("client/sealed").data) == {"a": 1}
            back.join()
        finally:
            own.unseal()

    def test_a_vault_that_comes_back_is_used_on_by_the_same_client(self, own, ours):
        ours.write_secret("client/restarted", {"a": 1}, cas=0)
        getattr(own, "kill", own.stop)()
        restarting = threading.Timer(0.2, own.start)
        restarting.start()
        try:
            assert dict(ours.read_secret("client/restarted").data) == {"a": 1}
        finally:
            restarting.join()
