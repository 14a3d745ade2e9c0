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
                "transforms": "mask",
                "transforms.mask.type": "MaskField",
                "transforms.mask.tags": "PII",
            },
        }
        console.print("A connector for them (`streamveil run CONNECTOR.json`):")
        console.print_json(json.dumps(connector))
        console.print("Ctrl-C stops them; their data go with them.")
        stopping.wait()
