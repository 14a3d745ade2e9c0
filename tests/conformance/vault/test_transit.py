"""What we rely on the transit engine for: keys that stay in Vault, and batches whose items answer for themselves."""

import base64
import hashlib

import pytest

from tests.conformance.vault.vault_api import text

CONTEXT = text(b"EMAIL")


@pytest.fixture
def key(api):
    """A key as tokens use it: derived and convergent."""
    return make(api, derived=True, convergent_encryption=True)


@pytest.fixture
def plain(api):
    """A key without context."""
    return make(api)


def make(api, **settings):
    name = api.name()
    api.did("POST", f"{api.transit}/keys/{name}", settings)
    return name


def encrypt(api, key, value=b"ann@example.com", **more):
    body = {"plaintext": text(value), "context": CONTEXT, **more}
    return api.did("POST", f"{api.transit}/encrypt/{key}", body).data["ciphertext"]


def decrypt(api, key, ciphertext, context=CONTEXT):
    return api("POST", f"{api.transit}/decrypt/{key}", {"ciphertext": ciphertext, "context": context})


class TestKeys:
    def test_a_key_tells_what_it_is_and_nothing_secret(self, api, key):
        found = api.did("GET", f"{api.transit}/keys/{key}").data
        expected = {
            "name": key,
            "type": "aes256-gcm96",
            "derived": True,
            "convergent_encryption": True,
            "exportable": False,
            "deletion_allowed": False,
            "latest_version": 1,
            "min_decryption_version": 1,
            "min_encryption_version": 0,
            "supports_encryption": True,
            "supports_decryption": True,
            "supports_derivation": True,
        }
        assert {name: found[name] for name in expected} == expected
        assert list(found["keys"]) == ["1"]
        assert isinstance(found["keys"]["1"], int)

    def test_a_key_that_is_not_derived_tells_of_no_convergence(self, api, plain):
        assert "convergent_encryption" not in api.did("GET", f"{api.transit}/keys/{plain}").data

    def test_a_key_that_is_missing_is_a_404_without_words(self, api):
        missing = api("GET", f"{api.transit}/keys/{api.name()}")
        assert (missing.status, missing.errors) == (404, [])

    def test_keys_are_listed(self, api, key):
        assert key in api.did("LIST", f"{api.transit}/keys").data["keys"]

    def test_a_key_that_is_there_is_not_made_again(self, api, key):
        before = encrypt(api, key)
        assert api("POST", f"{api.transit}/keys/{key}", {}).status in (200, 204)  # newer servers say what there is
        assert encrypt(api, key) == before

    def test_convergent_encryption_needs_derivation(self, api):
        refused = api("POST", f"{api.transit}/keys/{api.name()}", {"convergent_encryption": True})
        assert refused.status == 400

    def test_an_unknown_type_is_refused(self, api):
        assert api("POST", f"{api.transit}/keys/{api.name()}", {"type": "rot13"}).status == 400

    def test_a_key_is_deleted_only_once_that_is_allowed(self, api, key):
        assert api("DELETE", f"{api.transit}/keys/{key}").status == 400
        api.did("POST", f"{api.transit}/keys/{key}/config", {"deletion_allowed": True})
        api.did("DELETE", f"{api.transit}/keys/{key}")
        assert api("GET", f"{api.transit}/keys/{key}").status == 404

    @pytest.mark.parametrize("what", ["rotate", "config"])
    def test_what_is_missing_is_not_changed(self, api, what):
        assert api("POST", f"{api.transit}/keys/{api.name()}/{what}", {}).status == 400

    def test_encryption_with_a_key_that_is_missing_makes_one_for_who_may_create(self, api):
        """Why our policies never grant `create` there: a mistyped name would be a new key."""
        minted = api.name()
        api.did("POST", f"{api.transit}/encrypt/{minted}", {"plaintext": text(b"x")})
        assert api.did("GET", f"{api.transit}/keys/{minted}").data["latest_version"] == 1

    def test_no_key_is_made_by_who_asks_for_a_type_that_cannot_encrypt(self, api):
        missing = api.name()
        body = {"plaintext": text(b"x"), "type": "ecdsa-p256"}
        assert api("POST", f"{api.transit}/encrypt/{missing}", body).status == 400
        assert api("GET", f"{api.transit}/keys/{missing}").status == 404

    def test_the_type_is_of_no_account_where_the_key_is_there(self, api, plain):
        body = {"plaintext": text(b"x"), "type": "ecdsa-p256"}
        assert api("POST", f"{api.transit}/encrypt/{plain}", body).status == 200

    def test_encryption_with_a_key_that_is_missing_is_forbidden_with_update_alone(self, api):
        token, missing = api.token_for((f"{api.transit}/encrypt/*", ["update"])), api.name()
        body = {"plaintext": text(b"x")}
        assert api("POST", f"{api.transit}/encrypt/{missing}", body, token).status == 403
        assert api("GET", f"{api.transit}/keys/{missing}").status == 404


class TestEncryption:
    @pytest.mark.parametrize("value", [b"", b"ann@example.com", bytes(range(256)) * 16])
    def test_what_was_encrypted_is_decrypted(self, api, key, value):
        assert decrypt(api, key, encrypt(api, key, value)).data == {"plaintext": text(value)}

    def test_a_ciphertext_names_the_version_of_its_key(self, api, key):
        prefix, version, body = encrypt(api, key).split(":")
        assert (prefix, version) == ("vault", "v1")
        assert len(base64.b64decode(body, validate=True)) == 12 + len(b"ann@example.com") + 16  # nonce, value, tag

    def test_convergent_encryption_gives_equal_values_equal_ciphertexts(self, api, key):
        assert encrypt(api, key) == encrypt(api, key)
        assert encrypt(api, key) != encrypt(api, key, b"bob@example.com")
        assert encrypt(api, key) != encrypt(api, key, context=text(b"PHONE"))

    def test_otherwise_equal_values_have_different_ciphertexts(self, api, plain):
        assert encrypt(api, plain, context="") != encrypt(api, plain, context="")

    def test_a_ciphertext_is_good_for_its_own_key_and_context_only(self, api, key):
        ciphertext = encrypt(api, key)
        assert decrypt(api, key, ciphertext, text(b"PHONE")).status == 400
        assert decrypt(api, make(api, derived=True), ciphertext).status == 400

    @pytest.mark.parametrize("spoiled", ["nonsense", "vault:v1:!!", "vault:v1:c2hvcnQ=", "vault:v9:" + "A" * 64, ""])
    def test_what_is_no_ciphertext_is_a_400(self, api, key, spoiled):
        assert decrypt(api, key, spoiled).status == 400

    def test_a_derived_key_needs_a_context(self, api, key):
        assert api("POST", f"{api.transit}/encrypt/{key}", {"plaintext": text(b"x")}).status == 400
        assert decrypt(api, key, encrypt(api, key), "").status == 400

    def test_a_plaintext_must_be_there_and_be_base64(self, api, key):
        for body in ({"context": CONTEXT}, {"context": CONTEXT, "plaintext": "!!"}):
            assert api("POST", f"{api.transit}/encrypt/{key}", body).status == 400

    def test_decrypting_with_a_key_that_is_missing_is_a_400(self, api, key):
        missing = decrypt(api, api.name(), encrypt(api, key))
        assert (missing.status, missing.errors) == (400, ["encryption key not found"])


class TestRotation:
    @pytest.fixture
    def rotated(self, api, key):
        self.old = encrypt(api, key)
        api.did("POST", f"{api.transit}/keys/{key}/rotate", {})
        return key

    def test_the_latest_version_encrypts_and_all_decrypt(self, api, rotated):
        assert api.did("GET", f"{api.transit}/keys/{rotated}").data["latest_version"] == 2
        new = encrypt(api, rotated)
        assert new.startswith("vault:v2:")
        assert decrypt(api, rotated, new).data == decrypt(api, rotated, self.old).data

    def test_a_version_that_is_asked_for_encrypts_as_before(self, api, rotated):
        assert encrypt(api, rotated, key_version=1) == self.old

    def test_a_version_that_is_not_there_yet_is_refused(self, api, rotated):
        body = {"plaintext": text(b"x"), "context": CONTEXT, "key_version": 3}
        assert api("POST", f"{api.transit}/encrypt/{rotated}", body).status == 400

    def test_rewrapping_gives_the_ciphertext_of_the_latest_version(self, api, rotated):
        body = {"ciphertext": self.old, "context": CONTEXT}
        again = api.did("POST", f"{api.transit}/rewrap/{rotated}", body).data
        assert again == {"ciphertext": encrypt(api, rotated), "key_version": 2}

    def test_versions_out_of_use_are_refused(self, api, rotated):
        minimum = {"min_decryption_version": 2, "min_encryption_version": 2}
        api.did("POST", f"{api.transit}/keys/{rotated}/config", minimum)
        assert decrypt(api, rotated, self.old).status == 400
        body = {"plaintext": text(b"x"), "context": CONTEXT, "key_version": 1}
        assert api("POST", f"{api.transit}/encrypt/{rotated}", body).status == 400

    def test_a_minimum_beyond_the_latest_version_is_refused(self, api, rotated):
        assert api("POST", f"{api.transit}/keys/{rotated}/config", {"min_decryption_version": 3}).status == 400


class TestBatches:
    def test_answers_come_in_the_order_of_the_items(self, api, key):
        values = [b"%d" % number for number in range(400)]
        items = [{"plaintext": text(value)} for value in values]
        plain = make(api)
        sealed = api.did("POST", f"{api.transit}/encrypt/{plain}", {"batch_input": items}).data["batch_results"]
        assert all(item["key_version"] == 1 for item in sealed)
        back = [{"ciphertext": item["ciphertext"]} for item in sealed]
        opened = api.did("POST", f"{api.transit}/decrypt/{plain}", {"batch_input": back}).data["batch_results"]
        assert [item["plaintext"] for item in opened] == [text(value) for value in values]

    def test_a_batch_encrypts_as_its_items_one_by_one(self, api, key):
        items = [{"plaintext": text(value), "context": CONTEXT} for value in (b"a", b"b", b"a")]
        sealed = api.did("POST", f"{api.transit}/encrypt/{key}", {"batch_input": items}).data["batch_results"]
        assert [item["ciphertext"] for item in sealed] == [encrypt(api, key, value) for value in (b"a", b"b", b"a")]

    def test_an_item_that_cannot_be_encrypted_leaves_the_others_alone(self, api, key):
        items = [{"plaintext": "!!", "context": CONTEXT}, {"plaintext": text(b"x"), "context": CONTEXT}]
        answer = api("POST", f"{api.transit}/encrypt/{key}", {"batch_input": items})
        assert answer.status == 400
        bad, good = answer.data["batch_results"]
        assert bad["error"]
        assert "ciphertext" not in bad
        assert good["ciphertext"] == encrypt(api, key, b"x")
        assert "error" not in good

    def test_an_item_that_cannot_be_decrypted_leaves_the_others_alone(self, api, key):
        items = [{"ciphertext": each, "context": CONTEXT} for each in (encrypt(api, key, b"x"), "nonsense", "")]
        answer = api("POST", f"{api.transit}/decrypt/{key}", {"batch_input": items})
        assert answer.status == 400
        good, *bad = answer.data["batch_results"]
        assert good["plaintext"] == text(b"x")
        assert "error" not in good
        assert all(item["error"] for item in bad)

    def test_an_item_that_cannot_be_rewrapped_is_no_error_of_the_request(self, api, key):
        items = [{"ciphertext": each, "context": CONTEXT} for each in (encrypt(api, key, b"x"), "nonsense")]
        good, bad = api.did("POST", f"{api.transit}/rewrap/{key}", {"batch_input": items}).data["batch_results"]
        assert good["ciphertext"] == encrypt(api, key, b"x")
        assert bad["error"]

    def test_the_status_of_a_batch_with_some_errors_can_be_chosen(self, api, key):
        good, bad = {"plaintext": text(b"x"), "context": CONTEXT}, {"plaintext": "!!", "context": CONTEXT}
        chosen = {"partial_failure_response_code": 206}
        assert api("POST", f"{api.transit}/encrypt/{key}", {"batch_input": [good, bad], **chosen}).status == 206
        assert api("POST", f"{api.transit}/encrypt/{key}", {"batch_input": [bad], **chosen}).status == 400

    def test_an_empty_batch_is_a_400(self, api, key):
        assert api("POST", f"{api.transit}/encrypt/{key}", {"batch_input": []}).status == 400

    def test_either_all_items_have_a_context_or_none(self, api, key):
        items = [{"plaintext": text(b"x"), "context": CONTEXT}, {"plaintext": text(b"x")}]
        assert api("POST", f"{api.transit}/encrypt/{key}", {"batch_input": items}).status == 400

    @pytest.mark.parametrize("items", ["text", [{"context": CONTEXT}], [{"plaintext": 5, "context": CONTEXT}]])
    def test_a_batch_that_cannot_be_read_is_refused_as_a_whole(self, api, key, items):
        answer = api("POST", f"{api.transit}/encrypt/{key}", {"batch_input": items})
        assert answer.status in (400, 500)  # 500 is what Vault 1.13 says
        assert "data" not in answer.body

    def test_references_of_items_are_handed_back(self, api, key):
        items = [{"plaintext": text(b"x"), "context": CONTEXT, "reference": "row 7"}]
        sealed = api.did("POST", f"{api.transit}/encrypt/{key}", {"batch_input": items}).data["batch_results"]
        assert sealed[0]["reference"] == "row 7"


class TestDataKeys:
    def test_a_data_key_comes_in_the_clear_and_wrapped(self, api, key):
        made = api.did("POST", f"{api.transit}/datakey/plaintext/{key}", {"context": CONTEXT}).data
        assert len(base64.b64decode(made["plaintext"])) == 32
        assert made["key_version"] == 1
        assert decrypt(api, key, made["ciphertext"]).data == {"plaintext": made["plaintext"]}

    def test_a_data_key_can_be_had_wrapped_alone(self, api, key):
        made = api.did("POST", f"{api.transit}/datakey/wrapped/{key}", {"context": CONTEXT}).data
        assert set(made) == {"ciphertext", "key_version"}

    def test_each_is_another(self, api, key):
        made = [api.did("POST", f"{api.transit}/datakey/plaintext/{key}", {"context": CONTEXT}).data for _ in range(2)]
        assert made[0]["plaintext"] != made[1]["plaintext"]

    def test_the_size_can_be_chosen_among_three(self, api, key):
        for bits in (128, 256, 512):
            body = {"context": CONTEXT, "bits": bits}
            made = api.did("POST", f"{api.transit}/datakey/plaintext/{key}", body).data
            assert len(base64.b64decode(made["plaintext"])) * 8 == bits
        assert api("POST", f"{api.transit}/datakey/plaintext/{key}", {"context": CONTEXT, "bits": 100}).status == 400

    @pytest.mark.parametrize("path", ["datakey/plaintext/{missing}", "datakey/other/{key}"])
    def test_no_key_and_no_such_kind_are_a_400(self, api, key, path):
        where = path.format(missing=api.name(), key=key)
        assert api("POST", f"{api.transit}/{where}", {"context": CONTEXT}).status == 400


class TestHmac:
    def test_an_hmac_is_the_same_each_time_and_names_its_version(self, api, key):
        first, second = (
            api.did("POST", f"{api.transit}/hmac/{key}", {"input": text(b"x")}).data["hmac"] for _ in range(2)
        )
        assert first == second
        prefix, version, digest = first.split(":")
        assert (prefix, version, len(base64.b64decode(digest))) == ("vault", "v1", hashlib.sha256().digest_size)

    def test_the_hash_can_be_chosen(self, api, key):
        made = api.did("POST", f"{api.transit}/hmac/{key}/sha2-512", {"input": text(b"x")}).data["hmac"]
        assert len(base64.b64decode(made.split(":")[2])) == hashlib.sha512().digest_size
        assert api("POST", f"{api.transit}/hmac/{key}/rot13", {"input": text(b"x")}).status == 400

    def test_a_batch_has_errors_in_their_places(self, api, key):
        items = [{"input": text(b"x")}, {}, {"input": "!!"}]
        results = api.did("POST", f"{api.transit}/hmac/{key}", {"batch_input": items}).data["batch_results"]
        assert ["error" in result for result in results] == [False, True, True]
