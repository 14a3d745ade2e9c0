"""`streamveil dev`: the development servers alone, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import threading

from rich.console import Console

from connector.loopback.servers import servers


def serve(console: Console) -> None:
    """Starts the servers, prints where they answer and what a connector for them looks like, and waits."""
    stopping = threading.Event()
    with servers(console) as running:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        connector = {
            "name": "first",
            "config": {
                "topics": "customers",
                "bootstrap.servers": running.bootstrap_servers,
                "schema.registry.url": running.registry_url,
                "vault.token": "${env:VAULT_TOKEN}",
                "keys": "pseudonyms",
                "keys.pseudonyms.provider": "vault",
                "transforms": "pseudonym,mask",
                "transforms.pseudonym.type": "Hmac",
                "transforms.pseudonym.tags": "EMAIL",
                "transforms.pseudonym.key": "pseudonyms",
                "transforms.mask.type": "MaskField",
                "transforms.mask.tags": "PII",
            },
        }
        console.print("Vault for this shell, and a key ring in it:")
        for line in (
            f"export VAULT_ADDR={running.vault_url}",
            f"export VAULT_TOKEN={running.vault_token}",
            "streamveil keys create pseudonyms",
        ):
            console.print(f"  {line}", soft_wrap=True, highlight=False)
        console.print("A connector for them (`streamveil run CONNECTOR.json`):")
        console.print_json(json.dumps(connector))
        console.print("Ctrl-C stops them; their data go with them.")
        stopping.wait()
