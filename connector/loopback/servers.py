"""The development servers together, on loopback: real Kafka, a schema registry and a Vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, TaskID

from connector.loopback.jars import kafka_jars
from connector.loopback.kafka import Broker
from registry.devserver import DevRegistry
from vault.devserver import DevVault


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers answer, and the token that may do everything in Vault."""

    bootstrap_servers: str
    registry_url: str
    vault_url: str
    vault_token: str = field(repr=False)


@contextmanager
def servers(console: Console) -> Iterator[Servers]:
    """All three, for as long as the context is open. The first time on a machine Kafka's jars are fetched.

    Raises `connector.loopback.errors.LoopbackError` when Kafka cannot be had or does not start.
    """
    _fetch_jars(console)
    with ExitStack() as running:
        with console.status("Starting Kafka, the schema registry and Vault"):
            registry = running.enter_context(DevRegistry())
            vault = running.enter_context(DevVault())
            broker = running.enter_context(Broker())
        ready = Servers(broker.bootstrap_servers, registry.url, vault.url, vault.root_token)
        console.print(f"Kafka at {ready.bootstrap_servers}, schema registry at {ready.registry_url}")
        console.print(f"Vault at {ready.vault_url}")
        yield ready


def _fetch_jars(console: Console) -> None:
    with Progress(console=console, transient=True) as progress:
        task: TaskID | None = None

        def report(done: int, wanted: int) -> None:
            nonlocal task
            if task is None:
                task = progress.add_task("Fetching Kafka", total=wanted)
            progress.update(task, completed=done, total=wanted)

        kafka_jars(report)
