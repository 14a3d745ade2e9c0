"""The development servers together: real Kafka and the development schema registry, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from connector.loopback.jars import kafka_jars
from connector.loopback.kafka import Broker
from registry.devserver import DevRegistry


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers answer."""

    bootstrap_servers: str
    registry_url: str


@contextmanager
def servers(console: Console, registry_file: Path | None = None) -> Iterator[Servers]:
    """Both servers, for as long as the context is open. The first time on a machine Kafka's jars are fetched.

    With a file the registry keeps its schemas there. Raises `connector.loopback.errors.LoopbackError` when Kafka cannot
    be had or does not start, `registry.devfile.RegistryFileError` where the file cannot be used.
    """
    _fetch_jars(console)
    with ExitStack() as running:
        with console.status("Starting Kafka and the schema registry"):
            registry = running.enter_context(DevRegistry(file=registry_file))
            broker = running.enter_context(Broker())
        ready = Servers(broker.bootstrap_servers, registry.url)
        console.print(f"Kafka at {ready.bootstrap_servers}, schema registry at {ready.registry_url}")
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
