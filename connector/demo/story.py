"""`streamveil demo`: customers are protected on real Kafka, the connector is killed in the middle, all is counted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from connector.config import Need, load
from connector.demo.customers import PARTITIONS, RECORDS, SINK, TOPIC, Encoder, connector, schema
from connector.demo.reading import Contents, Reader, compare
from connector.demo.report import decoded, show_count, show_explanation, show_records, show_resolved
from connector.demo.vault import prepare_vault
from connector.loopback.errors import LoopbackError
from connector.loopback.leash import Leash
from connector.loopback.servers import Servers, servers
from registry.client import RegistryClient
from registry.settings import RegistrySettings
from registry.wire import prefix

KILL_AFTER = RECORDS // 3
_PATIENCE_S = 60.0


class DemoFailed(Exception):
    """The demo could not be told to its end. Says why."""


@dataclass(slots=True)
class Run:
    """What happened: how many records the sink had at the kill, and how long the connector worked in all."""

    killed_at: int = 0
    seconds: float = 0.0
    exit_status: int | None = None


def tell(console: Console, *, keep: bool) -> None:
    """The whole demo. Blocks; with `keep` the servers go on until Ctrl-C. Raises `DemoFailed`."""
    # Ends the connector, and removes the keys, even if this process is killed.
    leash = Leash(Path(tempfile.mkdtemp(prefix="streamveil-demo-")))
    try:
        with servers(console) as running:
            _tell(console, running, leash)
            if keep:
                console.print("The servers go on until Ctrl-C.")
                _until_interrupted()
    except LoopbackError as problem:
        raise DemoFailed(str(problem)) from None
    finally:
        leash.close()


def _tell(console: Console, running: Servers, leash: Leash) -> None:
    folder = leash.directory
    path = folder / "connector.json"
    token = _secret_file(folder, f"token={prepare_vault(running)}\n")
    servers = running.bootstrap_servers, running.registry_url, running.vault_url
    audit = folder / "audit.jsonl"
    path.write_text(json.dumps(connector(*servers, f"${{file:{token}:token}}", str(audit))))
    with RegistryClient(RegistrySettings.model_validate({"url": running.registry_url})) as registry:
        prefixes = {version: prefix(registry.register(f"{TOPIC}-value", schema(version))) for version in (1, 2)}
        with _progress(console) as progress:
            _seed(running, Encoder(prefixes), progress)
            run = _run(running, path, leash, progress)
        source, sink = (_contents(running, topic) for topic in (TOPIC, SINK))
        show_explanation(console, load(path, need=Need.SERVICE))
        show_records(console, registry, source, sink)
        show_resolved(console, _resolved(path, [each["email"] for each in decoded(registry, sink)]), audit)
    count = compare(source, sink)
    show_count(console, count)
    console.print(
        f"The connector was killed (SIGKILL) when the sink had {run.killed_at:,} records, started again, and then "
        f"stopped cleanly with exit status {run.exit_status}."
    )
    console.print(f"Throughput, both starts included: {RECORDS / run.seconds:,.0f} records/s.")
    if not count.proven:
        raise DemoFailed("the count does not add up")


def _secret_file(folder: Path, content: str) -> Path:
    """A properties file that nobody else may read; it goes with the demo."""
    path = folder / "secrets.properties"
    path.touch(mode=0o600)
    path.write_text(content)
    return path


def _seed(running: Servers, encoder: Encoder, progress: Progress) -> None:
    admin = AdminClient({"bootstrap.servers": running.bootstrap_servers})
    for future in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
        future.result()
    settings = {
        "bootstrap.servers": running.bootstrap_servers,
        "enable.idempotence": True,
        "linger.ms": 50,
        "log_level": 3,
    }
    producer = Producer({**settings, "compression.type": "lz4"})
    task = progress.add_task("Seeding customers", total=RECORDS)
    for number in range(RECORDS):
        key, value = f"customer-{number}".encode(), encoder.encode(number)
        while True:
            try:
                producer.produce(TOPIC, value, key, partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
            progress.update(task, completed=number)
    if producer.flush(_PATIENCE_S):
        raise DemoFailed("Kafka did not take all customers")
    progress.update(task, completed=RECORDS)


def _run(running: Servers, path: Path, leash: Leash, progress: Progress) -> Run:
    """Runs the connector, kills it, runs it again, and reads the sink meanwhile."""
    run = Run()
    log = leash.directory / "connector.log"
    task = progress.add_task("Protecting", total=RECORDS)
    reader = Reader(running.bootstrap_servers, SINK)
    began = time.monotonic()
    with _started(path, log, leash) as process:
        _follow(reader, process, log, progress, task, until=KILL_AFTER)
        process.kill()
        process.wait()
        run.killed_at = reader.contents.records
    if run.killed_at >= RECORDS:
        raise DemoFailed("the connector was done before it could be killed")
    progress.update(task, description="Killed; protecting again")
    with _started(path, log, leash) as process:
        _follow(reader, process, log, progress, task, until=RECORDS)
        run.seconds = time.monotonic() - began
        process.send_signal(signal.SIGTERM)
        run.exit_status = process.wait(_PATIENCE_S)
    reader.close()
    return run


def _resolved(path: Path, tokens: list[str]) -> list[dict[str, str]]:
    """What stands for these tokens, as somebody is told who may know."""
    command = [sys.executable, "-m", "connector.cli", "resolve", str(path), "--reason", "the demo shows the way back"]
    done = subprocess.run(command, input="\n".join(tokens), capture_output=True, text=True, timeout=_PATIENCE_S)  # noqa: S603 - our own
    if done.returncode:
        raise DemoFailed(f"the tokens could not be resolved:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _contents(running: Servers, topic: str) -> Contents:
    """What a topic holds in the end, read anew: the reader that watched the sink might have missed something."""
    try:
        return Reader(running.bootstrap_servers, topic).read_to_end()
    except TimeoutError:
        raise DemoFailed(f"topic {topic} could not be read to its end") from None


def _follow(
    reader: Reader, process: subprocess.Popen[bytes], log: Path, progress: Progress, task: object, *, until: int
) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while reader.contents.records < until:
        reader.read()
        progress.update(task, completed=reader.contents.records)  # type: ignore[arg-type]  # rich's TaskID is an int
        if process.poll() is not None or time.monotonic() > give_up:
            tail = log.read_text(errors="replace")[-2000:]
            raise DemoFailed(f"the connector ended or got stuck; its log ends with:\n{tail}")


@contextmanager
def _started(path: Path, log: Path, leash: Leash) -> Iterator[subprocess.Popen[bytes]]:
    """The connector as a process of its own, as a user would run it."""
    command = [sys.executable, "-m", "connector.cli", "run", str(path)]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)  # noqa: S603 - our own
        leash.hold(process.pid)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            leash.let_go()


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _until_interrupted() -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    stopping.wait()
