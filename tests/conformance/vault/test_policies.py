"""The policies in `docs/vault-policies`: what they allow works, and everything else is a 403."""

import secrets
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.vault.vault_api import text
from vault.client import VaultClient
from vault.errors import VaultRefused
from vault.ring_document import RingPlace
from vault.ring_keeping import create_ring, read_ring, retire_version, rewrap_ring, ring_names, rotate_ring
from vault.settings import VaultSettings
from vault.vault_rings import VaultRing

FOLDER = Path(__file__).parents[3] / "docs" / "vault-policies"
RINGS, TOKENS = "transit/{}/streamveil-rings", "transit/{}/streamveil-tokens"
CONTEXT = {"context": text(b"c")}
PLAIN = {"plaintext": text(b"x"), **CONTEXT}

# What can be asked, by the words of the tables below. `{rings}` and `{tokens}` are ciphertexts of these keys.
REQUESTS = {
    "read a ring": ("GET", "secret/data/streamveil/rings/customers", None),
    "make a ring": ("POST", "secret/data/streamveil/rings/{new}", {"data": {}}),
    "change a ring": ("POST", "secret/data/streamveil/rings/customers", {"data": {}}),
    "list rings": ("LIST", "secret/metadata/streamveil/rings", None),
    "delete a ring": ("DELETE", "secret/data/streamveil/rings/customers", None),
    "destroy a ring": ("POST", "secret/destroy/streamveil/rings/customers", {"versions": [1]}),
    "forget a ring": ("DELETE", "secret/metadata/streamveil/rings/customers", None),
    "read another secret": ("GET", "secret/data/other", None),
    "write another secret": ("POST", "secret/data/other", {"data": {}}),
    "read the wrapping key's facts": ("GET", RINGS.format("keys"), None),
    "make the wrapping key": ("POST", RINGS.format("keys"), {"derived": True}),
    "rotate the wrapping key": ("POST", RINGS.format("keys") + "/rotate", {}),
    "configure the wrapping key": ("POST", RINGS.format("keys") + "/config", {"exportable": True}),
    "delete the wrapping key": ("DELETE", RINGS.format("keys"), None),
    "export the wrapping key": ("GET", RINGS.format("export/encryption-key"), None),
    "make a ring key": ("POST", RINGS.format("datakey/plaintext"), CONTEXT),
    "wrap": ("POST", RINGS.format("encrypt"), PLAIN),
    "unwrap": ("POST", RINGS.format("decrypt"), {"ciphertext": "{rings}", **CONTEXT}),
    "rewrap": ("POST", RINGS.format("rewrap"), {"ciphertext": "{rings}", **CONTEXT}),
    "read the token key's facts": ("GET", TOKENS.format("keys"), None),
    "make the token key": ("POST", TOKENS.format("keys"), {"derived": True, "convergent_encryption": True}),
    "rotate the token key": ("POST", TOKENS.format("keys") + "/rotate", {}),
    "configure the token key": ("POST", TOKENS.format("keys") + "/config", {"exportable": True}),
    "delete the token key": ("DELETE", TOKENS.format("keys"), None),
    "export the token key": ("GET", TOKENS.format("export/encryption-key"), None),
    "make a token": ("POST", TOKENS.format("encrypt"), PLAIN),
    "make a token with a key that is missing": ("POST", TOKENS.format("encrypt") + "-{new}", PLAIN),
    "take a token back": ("POST", TOKENS.format("decrypt"), {"ciphertext": "{tokens}", **CONTEXT}),
    "encrypt with another key": ("POST", "transit/encrypt/other", PLAIN),
    "decrypt with another key": ("POST", "transit/decrypt/other", {"ciphertext": "{tokens}", **CONTEXT}),
    "list keys": ("LIST", "transit/keys", None),
    "look itself up": ("GET", "auth/token/lookup-self", None),
    "renew itself": ("POST", "auth/token/renew-self", {}),
    "make a token of Vault": ("POST", "auth/token/create", {}),
    "read policies": ("LIST", "sys/policies/acl", None),
    "mount": ("POST", "sys/mounts/mine", {"type": "transit"}),
}

ITSELF = {"look itself up", "renew itself"}
OPEN_RINGS = {"read a ring", "read the wrapping key's facts", "unwrap"}

ALLOWED = {
    "service": ITSELF | OPEN_RINGS,
    "tokenize-transit": ITSELF | {"read the token key's facts", "make a token"},
    "detokenize-transit": ITSELF | {"read the token key's facts", "take a token back"},
    "operator": ITSELF
    | {"read a ring", "make a ring", "change a ring", "list rings", "make a ring key", "rewrap"}
    | {"read the wrapping key's facts", "make the wrapping key", "rotate the wrapping key"}
    | {"read the token key's facts", "make the token key", "rotate the token key"},
    "resolver": ITSELF | OPEN_RINGS | {"read the token key's facts", "take a token back"},
}


@pytest.fixture(scope="module")
def did(ask):
    """A request as root that must succeed; its data."""

    def did(method, path, body):
        status, answer = ask(method, path, body)
        assert status < 300, answer
        return answer.get("data")

    return did


@pytest.fixture(scope="module")
def ciphertexts(did):
    """What the requests name: rings and keys are made, and these encrypted with them."""
    did("POST", RINGS.format("keys"), {"derived": True})
    did("POST", TOKENS.format("keys"), {"derived": True, "convergent_encryption": True})
    did("POST", "transit/keys/other", {"derived": True})
    did("POST", "secret/data/other", {"data": {}})
    did("POST", "secret/data/streamveil/rings/customers", {"data": {}})
    return {
        "{rings}": did("POST", RINGS.format("encrypt"), PLAIN)["ciphertext"],
        "{tokens}": did("POST", TOKENS.format("encrypt"), PLAIN)["ciphertext"],
    }


@pytest.fixture(scope="module")
def token_with(ask, did):
    """A token that has these policies of ours, and none besides."""

    def token_with(*names):
        for name in names:
            did("PUT", f"sys/policies/acl/{name}", {"policy": (FOLDER / f"{name}.hcl").read_text()})
        asked = {"policies": list(names), "no_default_policy": True, "ttl": "10m"}
        return ask("POST", "auth/token/create", asked)[1]["auth"]["client_token"]

    return token_with


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("policy", ALLOWED)
def test_a_policy_allows_what_its_role_needs_and_nothing_else(ask, token_with, ciphertexts, policy, request_name):
    method, path, body = REQUESTS[request_name]
    if body is not None and body.get("ciphertext") in ciphertexts:
        body = {**body, "ciphertext": ciphertexts[body["ciphertext"]]}
    status, _ = ask(method, path.format(new=secrets.token_hex(6)), body, token_with(policy))
    if request_name in ALLOWED[policy]:
        assert status < 300
    else:
        assert status == 403


def test_every_file_is_held_to_what_it_allows():
    assert {path.stem for path in FOLDER.glob("*.hcl")} == set(ALLOWED)


class TestRings:
    """The same with what Streamveil itself does."""

    @pytest.fixture
    def client(self, own, token_with):
        with ExitStack() as open_clients:

            def client(*policies):
                settings = VaultSettings(url=own.url, auth="token", token=token_with(*policies))
                return open_clients.enter_context(VaultClient(settings))

            yield client

    @pytest.fixture
    def place(self):
        return RingPlace.of(f"r{secrets.token_hex(6)}")

    def test_an_operator_creates_rotates_rewraps_and_retires(self, client, place):
        operator = client("operator")
        create_ring(operator, place)
        rotate_ring(operator, place)
        operator.rotate_transit_key(place.wrapping_key)
        rewrap_ring(operator, place)
        assert list(retire_version(operator, place, 1).active()) == [2]
        assert place.name in ring_names(operator)

    def test_a_service_and_a_resolver_open_a_ring_and_an_operator_does_not(self, client, place):
        create_ring(client("operator"), place)
        assert VaultRing(client("service"), place).versions == (1,)
        assert VaultRing(client("resolver"), place).versions == (1,)
        with pytest.raises(VaultRefused):
            VaultRing(client("operator"), place)

    @pytest.mark.parametrize("policy", ["service", "resolver", "tokenize-transit", "detokenize-transit"])
    def test_nobody_else_changes_a_ring(self, client, place, policy):
        create_ring(client("operator"), place)
        other = client(policy)
        for change in (create_ring, rotate_ring, rewrap_ring):
            with pytest.raises(VaultRefused):
                change(other, place if change is not create_ring else RingPlace.of(f"{place.name}x"))
        assert list(read_ring(client("operator"), place).active()) == [1]


class TestTransitTokens:
    def test_who_makes_tokens_takes_none_back_and_the_other_way_round(self, own, ciphertexts, token_with):
        def client(*policies):
            return VaultClient(VaultSettings(url=own.url, auth="token", token=token_with(*policies)))

        with client("tokenize-transit") as maker, client("detokenize-transit") as taker:
            tokens = maker.encrypt("streamveil-tokens", [b"a", b"b"], context=b"EMAIL", key_version=1)
            assert taker.decrypt("streamveil-tokens", tokens, context=b"EMAIL") == [b"a", b"b"]
            with pytest.raises(VaultRefused):
                maker.decrypt("streamveil-tokens", tokens, context=b"EMAIL")
            with pytest.raises(VaultRefused):
                taker.encrypt("streamveil-tokens", [b"a"], context=b"EMAIL", key_version=1)
