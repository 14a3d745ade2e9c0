"""How a Vault that is sealed, or was restarted, shows itself."""

import httpx

from tests.realvault.server import RealVault


def test_a_healthy_vault_says_so_to_everyone(ask):
    status, health = ask("GET", "sys/health", token="")
    assert status == 200
    assert (health["initialized"], health["sealed"], health["standby"]) == (True, False, False)


def test_a_sealed_vault_is_a_503_for_tokens_good_and_bad(own, ask):
    ask("POST", "secret/data/kept", {"data": {"n": 1}})
    own.seal()
    try:
        for path, token in [("secret/data/kept", None), ("auth/token/lookup-self", None), ("secret/data/kept", "bad")]:
            assert ask("GET", path, token=token) == (503, {"errors": ["Vault is sealed"]})
        assert ask("GET", "sys/health")[0] == 503
        status, seal = ask("GET", "sys/seal-status")
        assert (status, seal["sealed"], seal["t"], seal["n"]) == (200, True, 1, 1)
    finally:
        own.unseal()
    assert ask("GET", "secret/data/kept")[1]["data"]["data"] == {"n": 1}


def test_sealing_and_unsealing_are_requests_as_well(own, ask):
    assert ask("PUT", "sys/seal", token="nobody")[0] == 403
    assert ask("PUT", "sys/seal")[0] == 204
    assert ask("PUT", "sys/unseal", {"key": "00"})[0] == 400
    status, seal = ask("PUT", "sys/unseal", {"key": own.unseal_key})
    assert (status, seal["sealed"]) == (200, False)
    assert ask("GET", "auth/token/lookup-self")[0] == 200


def test_a_restart_keeps_address_keys_secrets_and_tokens(own, ask):
    ask("POST", "transit/keys/kept", {})
    ciphertext = ask("POST", "transit/encrypt/kept", {"plaintext": "eA=="})[1]["data"]["ciphertext"]
    ask("POST", "secret/data/restarted", {"data": {"n": 1}})
    token = ask("POST", "auth/token/create", {"policies": ["default"], "ttl": "10m"})[1]["auth"]["client_token"]
    own.stop()
    own.start()
    assert ask("POST", "transit/decrypt/kept", {"ciphertext": ciphertext})[1]["data"] == {"plaintext": "eA=="}
    assert ask("GET", "secret/data/restarted")[1]["data"]["data"] == {"n": 1}
    assert ask("GET", "auth/token/lookup-self", token=token)[0] == 200


def test_what_was_acknowledged_survives_a_kill():
    with RealVault() as vault:
        written = []
        with httpx.Client(trust_env=False, headers={"X-Vault-Token": vault.root_token}) as http:
            for number in range(20):
                http.post(f"{vault.url}/v1/secret/data/n{number}", json={"data": {"n": number}}).raise_for_status()
            vault.kill()
            vault.start()
            for number in range(20):
                answer = http.get(f"{vault.url}/v1/secret/data/n{number}").raise_for_status()
                written.append(answer.json()["data"]["data"]["n"])
        assert written == list(range(20))
