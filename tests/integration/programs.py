"""The real program as users run it: `streamveil run CONNECTOR.json` as a process of its own."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from connector.loopback.kafka import Broker
from registry.devserver import DevRegistry

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60.0


class Program:
    """A running `streamveil run`. What it writes, standard output and standard error, is added to one file."""

    def __init__(self, document: Path, log_level: str = "info") -> None:
        self._said = document.with_suffix(".log")
        with self._said.open("ab") as out:
            self._from = out.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "connector.cli", "run", str(document)],
                cwd=_ROOT,
                stdout=out,
                stderr=out,
                env={**os.environ, "STREAMVEIL_LOG_LEVEL": log_level},
            )

    def exit_status(self) -> int:
        """Waits for its end."""
        return self.process.wait(_PATIENCE_S)

    def stop(self) -> int:
        """Asks it to stop, and returns its exit status."""
        self.process.terminate()
        return self.exit_status()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> bytes:
        """What this process has written, without that of earlier ones."""
        return self._said.read_bytes()[self._from :]


@contextmanager
def program(document: Path, log_level: str = "info") -> Iterator[Program]:
    """A program that is gone at the end of the block, however the block ends."""
    running = Program(document, log_level)
    try:
        yield running
    finally:
        running.kill()


def connector_file(
    directory: Path, broker: Broker, registry: DevRegistry, source: str, config: Mapping[str, str]
) -> Path:
    """A configuration of a connector that is named as its source topic, with the folder's key ring `ring`."""
    common = {
        "topics": source,
        "bootstrap.servers": broker.bootstrap_servers,
        "schema.registry.url": registry.url,
        "errors.deadletterqueue.topic.replication.factor": "1",
        "keys": "ring",
        "keys.ring.provider": "file",
        "keys.ring.path": str(_ring(directory)),
    }
    path = directory / "connector.json"
    path.write_text(json.dumps({"name": source, "config": {**common, **config}}))
    return path


def _ring(directory: Path) -> Path:
    path = directory / "ring.json"
    if path.exists():
        return path
    path.touch(mode=0o600)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    path.write_text(json.dumps({"current": 1, "versions": {"1": key}}))
    return path
