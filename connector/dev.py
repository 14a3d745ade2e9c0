"""`streamveil dev`: the development servers alone, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

from rich.console import Console

from connector.loopback.servers import servers


def serve(console: Console, registry_file: Path | None) -> None:
    """Starts the servers, prints where they answer and what a connector for them looks like, and waits.

    With a file the registry has its schemas from there, and keeps them. Raises `RegistryFileError` where it cannot.
    """
    stopping = threading.Event()
    with servers(console, registry_file) as running:
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
        kept = "what Kafka has goes with them" if registry_file else "their data go with them"
        console.print(f"Ctrl-C stops them; {kept}.")
        stopping.wait()
