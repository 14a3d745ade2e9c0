"""What the demo keeps in Vault: a key ring that nobody has used before, and a token that may use it and no more."""

from __future__ import annotations

import httpx

from connector.demo.customers import RING
from connector.loopback.servers import Servers
from vault.client import VaultClient
from vault.ring_document import RingPlace
from vault.ring_keeping import create_ring
from vault.settings import VaultSettings

_POLICY = f"""
path "secret/data/streamveil/rings/{RING}" {{ capabilities = ["read"] }}
path "transit/keys/streamveil-rings" {{ capabilities = ["read"] }}
path "transit/decrypt/streamveil-rings" {{ capabilities = ["update"] }}
path "auth/token/lookup-self" {{ capabilities = ["read"] }}
"""


def prepare_vault(running: Servers) -> str:
    """Makes the ring as `streamveil keys create` does; the token for the connector, which may only read it."""
    root = {"vault.url": running.vault_url, "vault.auth": "token", "vault.token": running.vault_token}
    with VaultClient(VaultSettings.model_validate(root)) as client:
        create_ring(client, RingPlace.of(RING))
    headers = {"X-Vault-Token": running.vault_token}
    with httpx.Client(base_url=f"{running.vault_url}/v1/", headers=headers, trust_env=False) as http:
        http.put("sys/policies/acl/demo", json={"policy": _POLICY}).raise_for_status()
        made = http.post("auth/token/create", json={"policies": ["demo"], "ttl": "1h"}).raise_for_status()
    return str(made.json()["auth"]["client_token"])
