"""The pinned workload through Streamveil and through its two baselines, in the same run on the same broker.

Starts Kafka and the development registry on loopback. `docs/benchmarks.md` says what is compared, and how.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report, topics, workload
from benchmarks.measuring import Headway, Measured, Stuck, measure
from connector.loopback.leash import Leash
from connector.loopback.servers import Servers, servers
from registry.client import RegistryClient
from registry.settings import RegistrySettings
from registry.wire import prefix

_COMMANDS = {
    report.STREAMVEIL: ("connector.cli", "run"),
    report.BY_HAND: ("benchmarks.baseline", report.BY_HAND),
    report.PASSTHROUGH: ("benchmarks.baseline", report.PASSTHROUGH),
}


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    records: Annotated[int, typer.Option(help="How many records.", min=50_000)] = workload.RECORDS,
    quick: Annotated[bool, typer.Option("--quick", help="100,000 records: whether it runs, not how fast.")] = False,
    fpe: Annotated[bool, typer.Option("--fpe", help="FF1 on two fields as well; by hand with fastfpe.")] = False,
    rounds: Annotated[int, typer.Option(help="How often each is run, in turn; medians count.", min=1)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON document.")] = False,
) -> None:
    """Measure Streamveil beside passthrough and the same chain written by hand."""
    console = Console(stderr=as_json)
    total = 100_000 if quick else records
    leash = Leash(Path(tempfile.mkdtemp(prefix="streamveil-benchmark-")))
    with closing(leash), servers(console) as running:
        _seed(running, total, console)
        figures = report.document(_all_rounds(running, leash, total, rounds, fpe, console), total, fpe=fpe)
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    console.print(report.table(figures))
    for verdict in report.verdicts(figures):
        console.print(verdict, soft_wrap=True)


def _seed(running: Servers, total: int, console: Console) -> None:
    with RegistryClient(RegistrySettings.model_validate({"url": running.registry_url})) as registry:
        schema_id = registry.register(f"{workload.TOPIC}-value", json.dumps(workload.CUSTOMER))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Seeding", total=total)
        topics.seed(
            running.bootstrap_servers, prefix(schema_id), total, lambda done: progress.update(task, completed=done)
        )


def _all_rounds(running: Servers, leash: Leash, total: int, rounds: int, fpe: bool, console: Console) -> report.Rounds:
    """Each contender in turn, so that whatever else the machine does falls on all of them."""
    folder = leash.directory
    key_file = folder / "key-ring.json"
    key_file.touch(mode=0o600)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    key_file.write_text(json.dumps({"current": 1, "versions": {"1": key}}))
    measured: dict[str, list[Measured]] = defaultdict(list)
    for number in range(1, rounds + 1):
        for name, command in _COMMANDS.items():
            run = f"{name}-{number}"
            path = folder / f"{run}.json"
            servers_at = running.bootstrap_servers, running.registry_url
            path.write_text(json.dumps(workload.connector(run, *servers_at, key_file, fpe=fpe)))
            with console.status(f"Round {number}: {name}"):
                measured[name].append(_run(running, run, (*command, str(path)), leash, total))
    return measured


def _run(running: Servers, run: str, command: Sequence[str], leash: Leash, total: int) -> Measured:
    """One contender, once; afterwards its sink is counted and deleted."""
    sink = workload.sink_of(run)
    log = leash.directory / f"{run}.log"
    topics.create(running.bootstrap_servers, sink)
    headway = Headway(running.bootstrap_servers, f"streamveil-{run}", workload.TOPIC, workload.PARTITIONS)
    try:
        measured = measure([sys.executable, "-m", *command], log, leash, headway, total)
    except Stuck as problem:
        raise SystemExit(f"{run}: {problem}; its log ends with:\n{log.read_text(errors='replace')[-2000:]}") from None
    finally:
        headway.close()
    counted = topics.count_committed(running.bootstrap_servers, sink)
    topics.delete(running.bootstrap_servers, sink)
    if counted != total:
        raise SystemExit(f"{run}: {total} records in the source, {counted} in the sink")
    return measured


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
