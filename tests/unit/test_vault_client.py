"""The Vault client's operations: what it sends, what it makes of the answers."""

from __future__ import annotations

import base64
import copy
import pickle
import threading

import pytest

from tests.unit.vault_script import Reply, ScriptedVault, Seen, secret
from vault.batches import ItemRefused
from vault.client import VaultClient
from vault.errors import VaultConflict, VaultNotFound, VaultProtocolError, VaultRejected


@pytest.fixture
def vault():
    with ScriptedVault() as vault:
        yield vault


@pytest.fixture
def client(vault):
    with VaultClient(vault.settings()) as client:
        yield client


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


class TestSecrets:
    def test_a_secret_is_read_with_its_version(self, vault, client):
        vault.on("GET secret/data/app/db", lambda _: secret({"user": "u"}, version=3))
        found = client.read_secret("app/db")
        assert (dict(found.data), found.version) == ({"user": "u"}, 3)

    def test_a_secret_shows_nothing_and_cannot_be_copied_or_pickled(self, vault, client):
        vault.on("GET secret/data/db", lambda _: secret({"password": "hunter2"}))
        found = client.read_secret("db")
        assert "hunter2" not in f"{found} {found!r}"
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                attempt(found)

    def test_what_is_not_there_is_not_found(self, client):
        with pytest.raises(VaultNotFound, match="secret/data/nothing"):
            client.read_secret("nothing")

    def test_a_deleted_version_is_not_found(self, vault, client):
        gone = {"data": {"data": None, "metadata": {"version": 2, "deletion_time": "2024-01-01T00:00:00Z"}}}
        vault.on("GET secret/data/gone", lambda _: Reply(404, gone))
        with pytest.raises(VaultNotFound):
            client.read_secret("gone")

    def test_a_write_says_which_version_it_follows(self, vault, client):
        vault.on("POST secret/data/ring", lambda _: Reply(200, {"data": {"version": 5}}))
        assert client.write_secret("ring", {"a": 1}, cas=4) == 5
        assert vault.asked("POST secret/data/ring")[0].body == {"options": {"cas": 4}, "data": {"a": 1}}

    def test_another_version_than_expected_is_a_conflict(self, vault, client):
        vault.on("POST secret/data/ring", mismatch)
        with pytest.raises(VaultConflict):
            client.write_secret("ring", {"a": 1}, cas=0)

    def test_a_write_whose_answer_was_lost_does_not_conflict_with_itself(self, vault, client):
        vault.then("POST secret/data/ring", Reply(reset=True))
        vault.on("POST secret/data/ring", mismatch)
        vault.on("GET secret/data/ring", lambda _: secret({"a": 1}, version=1))
        assert client.write_secret("ring", {"a": 1}, cas=0) == 1

    def test_but_with_what_somebody_else_has_written_meanwhile(self, vault, client):
        vault.then("POST secret/data/ring", Reply(reset=True))
        vault.on("POST secret/data/ring", mismatch)
        vault.on("GET secret/data/ring", lambda _: secret({"a": 2}, version=1))
        with pytest.raises(VaultConflict):
            client.write_secret("ring", {"a": 1}, cas=0)

    def test_names_are_listed_and_an_empty_folder_has_none(self, vault, client):
        vault.on("LIST secret/metadata/rings", lambda _: Reply(200, {"data": {"keys": ["a", "b/"]}}))
        assert client.list_secrets("rings") == ["a", "b/"]
        assert client.list_secrets("nothing") == []

    def test_the_root_of_the_mount_is_listed_by_an_empty_path(self, vault, client):
        vault.on("LIST secret/metadata/", lambda _: Reply(200, {"data": {"keys": ["a"]}}))
        assert client.list_secrets("") == ["a"]

    @pytest.mark.parametrize("path", ["", "/", "a//b", "../transit/keys/k", "a/../../sys", "a/./b", "a\nb"])
    def test_a_path_that_would_lead_elsewhere_is_not_sent(self, vault, client, path):
        with pytest.raises(VaultRejected):
            client.read_secret(path)
        assert not vault.seen

    def test_what_a_path_needs_quoted_is_quoted(self, vault, client):
        vault.on("GET secret/data/a%20b%3Fc%23d", lambda _: secret({"x": "y"}))
        assert dict(client.read_secret("a b?c#d").data) == {"x": "y"}

    def test_another_mount_and_a_namespace_are_used(self, vault):
        vault.on("GET team/kv/data/a", lambda _: secret({}))
        with VaultClient(vault.settings(kv_mount="team/kv", namespace="org/unit/")) as client:
            client.read_secret("a")
        assert vault.asked("GET team/kv/data/a")[0].headers["X-Vault-Namespace"] == "org/unit"


def mismatch(_: Seen) -> Reply:
    return Reply(400, {"errors": ["check-and-set parameter did not match the current version"]})


KEY = {
    "name": "wrap",
    "type": "aes256-gcm96",
    "derived": True,
    "convergent_encryption": True,
    "exportable": False,
    "deletion_allowed": False,
    "latest_version": 3,
    "min_decryption_version": 2,
    "min_encryption_version": 0,
    "keys": {"2": 1, "3": 2},
}


class TestTransitKeys:
    def test_a_key_is_described(self, vault, client):
        vault.on("GET transit/keys/wrap", lambda _: Reply(200, {"data": KEY}))
        key = client.transit_key("wrap")
        assert (key.type, key.derived, key.convergent, key.exportable) == ("aes256-gcm96", True, True, False)
        assert (key.latest_version, key.min_decryption_version, key.min_encryption_version) == (3, 2, 0)
        assert key.deletion_allowed is False

    def test_a_key_that_is_not_there_is_not_found(self, client):
        with pytest.raises(VaultNotFound, match="transit/keys/none"):
            client.transit_key("none")

    def test_a_key_is_created_so_that_it_cannot_be_exported(self, vault, client):
        vault.on("POST transit/keys/wrap", lambda _: Reply(204))
        client.create_transit_key("wrap", derived=True)
        assert vault.asked("POST transit/keys/wrap")[0].body == {
            "type": "aes256-gcm96",
            "derived": True,
            "convergent_encryption": False,
            "exportable": False,
            "allow_plaintext_backup": False,
        }

    def test_a_key_is_rotated(self, vault, client):
        vault.on("POST transit/keys/wrap/rotate", lambda _: Reply(204))
        client.rotate_transit_key("wrap")
        assert len(vault.asked("POST transit/keys/wrap/rotate")) == 1

    def test_a_data_key_comes_wrapped_and_as_it_is(self, vault, client):
        answer = {"data": {"ciphertext": "vault:v1:abc", "plaintext": encoded(bytes(range(32)))}}
        vault.on("POST transit/datakey/plaintext/wrap", lambda _: Reply(200, answer))
        assert client.wrapped_data_key("wrap", b"ring/1") == ("vault:v1:abc", bytes(range(32)))
        assert vault.asked("POST transit/datakey/plaintext/wrap")[0].body == {
            "context": encoded(b"ring/1"),
            "bits": 256,
        }

    @pytest.mark.parametrize("plaintext", [encoded(b"short"), "not base64!", None])
    def test_what_is_no_key_is_not_taken_for_one(self, vault, client, plaintext):
        answer = {"data": {"ciphertext": "vault:v1:abc", "plaintext": plaintext}}
        vault.on("POST transit/datakey/plaintext/wrap", lambda _: Reply(200, answer))
        with pytest.raises(VaultProtocolError):
            client.wrapped_data_key("wrap", b"ring/1")

    @pytest.mark.parametrize("name", ["", "a/b", "..", "."])
    def test_a_name_that_would_lead_elsewhere_is_not_sent(self, vault, client, name):
        with pytest.raises(VaultRejected):
            client.rotate_transit_key(name)
        assert not vault.seen


def strings_in(body) -> int:
    """As servers count them: every key and every text, however deep."""
    if isinstance(body, dict):
        return sum(1 + strings_in(value) for value in body.values())
    if isinstance(body, list):
        return sum(map(strings_in, body))
    return int(isinstance(body, str))


class EchoTransit:
    """Encrypts by writing `vault:vN:` before the base64 that it is given."""

    def __init__(self, version: int = 1, refuse: frozenset[str] = frozenset()) -> None:
        self.version, self.refuse = version, refuse

    def __call__(self, seen: Seen) -> Reply:
        results = [self.result(item) for item in seen.body["batch_input"]]
        status = 400 if any("error" in result for result in results) else 200
        return Reply(status, {"data": {"batch_results": results}})

    def result(self, item: dict) -> dict:
        text = item.get("plaintext", item.get("ciphertext"))
        if text in self.refuse:
            return {"error": f"cannot take {text}"}
        if "plaintext" in item:
            return {"ciphertext": f"vault:v{item.get('key_version', self.version)}:{text}"}
        return {"plaintext": text.rpartition(":")[2], "ciphertext": f"vault:v9:{text.rpartition(':')[2]}"}


def values(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


class TestBatches:
    def test_ciphertexts_come_in_the_order_of_the_plaintexts(self, vault, client):
        vault.on("POST transit/encrypt/k", EchoTransit())
        plaintexts = values(2000)
        found = client.encrypt("k", plaintexts, context=b"c", key_version=2)
        assert found == [f"vault:v2:{encoded(each)}" for each in plaintexts]

    def test_plaintexts_come_in_the_order_of_the_ciphertexts(self, vault, client):
        vault.on("POST transit/decrypt/k", EchoTransit())
        plaintexts = values(2000)
        ciphertexts = [f"vault:v1:{encoded(each)}" for each in plaintexts]
        assert client.decrypt("k", ciphertexts, context=None) == plaintexts

    @pytest.mark.parametrize(("context", "most"), [(None, 499), (b"c", 249)])
    def test_a_request_has_at_most_499_items_or_249_with_a_context(self, vault, client, context, most):
        vault.on("POST transit/decrypt/k", EchoTransit())
        client.decrypt("k", [f"vault:v1:{encoded(each)}" for each in values(2 * most + 1)], context=context)
        sizes = [len(each.body["batch_input"]) for each in vault.asked("POST transit/decrypt/k")]
        assert sorted(sizes) == [1, most, most]

    @pytest.mark.parametrize("context", [None, b"c"])
    @pytest.mark.parametrize("key_version", [0, 1])
    def test_no_request_has_more_than_1000_strings(self, vault, client, context, key_version):
        vault.on("POST transit/encrypt/k", EchoTransit())
        client.encrypt("k", values(1200), context=context, key_version=key_version)
        counts = [strings_in(each.body) for each in vault.asked("POST transit/encrypt/k")]
        assert max(counts) <= 1000
        assert sum(count > 980 for count in counts) >= len(counts) - 1

    def test_each_item_says_its_key_version_because_vault_ignores_one_for_the_whole_batch(self, vault, client):
        vault.on("POST transit/encrypt/k", EchoTransit())
        client.encrypt("k", [b"a"], context=b"c", key_version=4)
        (seen,) = vault.asked("POST transit/encrypt/k")
        assert seen.body["batch_input"] == [{"plaintext": encoded(b"a"), "context": encoded(b"c"), "key_version": 4}]

    def test_encrypting_asks_for_a_type_that_keeps_vault_from_making_a_key(self, vault, client):
        vault.on("POST transit/encrypt/k", EchoTransit())
        client.encrypt("k", [b"a"], context=None, key_version=1)
        assert vault.asked("POST transit/encrypt/k")[0].body["type"] == "ecdsa-p256"

    @pytest.mark.parametrize(
        "said", ["key type ecdsa-p256 not supported for this operation", "encryption key not found"]
    )
    def test_a_key_that_does_not_exist_is_not_found(self, vault, client, said):
        vault.on("POST transit/encrypt/k", lambda _: Reply(400, {"errors": [said]}))
        with pytest.raises(VaultNotFound, match="transit/encrypt/k"):
            client.encrypt("k", [b"a"], context=None, key_version=1)

    def test_an_item_that_vault_refuses_is_refused_alone(self, vault, client):
        vault.on("POST transit/decrypt/k", EchoTransit(refuse=frozenset({"bad"})))
        first, refused, last = client.decrypt("k", ["vault:v1:YQ==", "bad", "vault:v1:Yg=="], context=None)
        assert (first, last) == (b"a", b"b")
        assert isinstance(refused, ItemRefused)
        assert "bad" not in f"{refused!r} {refused}"

    def test_an_error_of_the_whole_batch_is_not_an_error_of_its_items(self, vault, client):
        vault.on("POST transit/decrypt/k", lambda _: Reply(400, {"errors": ["missing batch input to process"]}))
        with pytest.raises(VaultRejected, match="transit/decrypt/k"):
            client.decrypt("k", ["vault:v1:YQ=="], context=None)

    def test_an_empty_value_is_a_value(self, vault, client):
        vault.on("POST transit/encrypt/k", EchoTransit())
        vault.on("POST transit/decrypt/k", EchoTransit())
        assert client.encrypt("k", [b""], context=None, key_version=1) == ["vault:v1:"]
        assert client.decrypt("k", ["vault:v1:"], context=None) == [b""]

    def test_nothing_to_encrypt_asks_nothing(self, vault, client):
        assert client.encrypt("k", [], context=None, key_version=1) == []
        assert not vault.seen

    @pytest.mark.parametrize(
        "results",
        [[], [{"ciphertext": "vault:v1:YQ=="}] * 2, [{}], [{"ciphertext": "vault:v2:YQ=="}], [{"ciphertext": "YQ=="}]],
    )
    def test_an_answer_without_a_ciphertext_of_the_version_for_each_item_is_not_believed(self, vault, client, results):
        vault.on("POST transit/encrypt/k", lambda _: Reply(200, {"data": {"batch_results": results}}))
        with pytest.raises(VaultProtocolError):
            client.encrypt("k", [b"a"], context=None, key_version=1)

    def test_ciphertexts_are_rewrapped(self, vault, client):
        vault.on("POST transit/rewrap/k", EchoTransit())
        assert client.rewrap("k", ["vault:v1:YQ=="], context=b"c") == ["vault:v9:YQ=="]

    def test_a_few_requests_are_under_way_together(self, vault, client):
        together = threading.Barrier(4, timeout=4)
        transit = EchoTransit()

        def meeting(seen: Seen) -> Reply:
            together.wait()
            return transit(seen)

        vault.on("POST transit/decrypt/k", meeting)
        ciphertexts = [f"vault:v1:{encoded(each)}" for each in values(4 * 499)]
        assert len(client.decrypt("k", ciphertexts, context=None)) == 4 * 499

    def test_one_request_that_fails_makes_the_whole_fail(self, vault, client):
        vault.then("POST transit/decrypt/k", Reply(400, {"errors": ["no"]}))
        vault.on("POST transit/decrypt/k", EchoTransit())
        with pytest.raises(VaultRejected):
            client.decrypt("k", [f"vault:v1:{encoded(each)}" for each in values(600)], context=None)

    def test_a_failure_that_does_not_pass_is_not_hidden_by_one_that_does(self, vault):
        vault.on("POST transit/decrypt/k", lambda seen: Reply(503 if len(seen.body["batch_input"]) == 499 else 400, {}))
        ciphertexts = [f"vault:v1:{encoded(each)}" for each in values(600)]
        with VaultClient(vault.settings(), deadline=2.0) as client, pytest.raises(VaultRejected):
            client.decrypt("k", ciphertexts, context=None)
