"""A connector as a service: from its configuration to exit statuses, in one process or in several."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from connector.loopback.kafka import Broker
from tests.integration.conftest import TopicFactory
from tests.integration.workers import all_committed, eventually, seed, values_by_partition

_RUN = """
import sys
from pathlib import Path
from connector.config import Need, load
from connector.service import run
sys.exit(run(load(Path(sys.argv[1]), need=Need.SERVICE)))
"""


_SECRET = "planted-password"


@contextmanager
def _service(
    directory: Path, broker: Broker, source: str, tasks: int, program: str = _RUN
) -> Iterator[subprocess.Popen[bytes]]:
    config = {
        "name": source,
        "topics": source,
        "tasks.max": str(tasks),
        "bootstrap.servers": broker.bootstrap_servers,
        "key.converter": "string",
        "value.converter": "string",
        "batch.max.records": "500",
        "kafka.sasl.password": "${env:SERVICE_PASSWORD}",
    }
    document = directory / "connector.json"
    document.write_text(json.dumps({"name": source, "config": config}))
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(document)],
            cwd=Path(__file__).parents[2],
            stderr=log,
            env={**os.environ, "SERVICE_PASSWORD": _SECRET},
        )
    try:
        yield process
    finally:
        for one in [*psutil.Process(process.pid).children(), process] if process.poll() is None else []:
            one.kill()
        process.wait()


def _tasks_of(running: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes of the tasks: a service has one more child, with which Python keeps count of what they share."""
    children = psutil.Process(running.pid).children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


@pytest.mark.parametrize("tasks", [1, 3])
def test_its_tasks_share_the_partitions_and_sigterm_ends_them_all_cleanly(
    broker: Broker, topic: TopicFactory, tmp_path: Path, tasks: int
) -> None:
    source = topic(partitions=6)
    sent = seed(broker.bootstrap_servers, source, 6, 30_000)
    with _service(tmp_path, broker, source, tasks) as running:
        eventually(lambda: all_committed(broker.bootstrap_servers, source, 6), "everything is committed")
        eventually(lambda: (tmp_path / "log").read_text().count('"started"') == tasks, "all tasks have started")
        running.terminate()
        assert running.wait(30) == 0

    assert values_by_partition(broker.bootstrap_servers, f"{source}.protected") == sent


def test_when_one_task_fails_all_end_and_the_exit_status_says_so(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with _service(tmp_path, broker, topic(partitions=2), 2) as running:
        eventually(lambda: (tmp_path / "log").read_text().count('"started"') == 2, "both tasks have started")
        _tasks_of(running)[0].kill()
        assert running.wait(30) == 1


def test_tasks_do_not_outlive_a_parent_that_is_killed(broker: Broker, topic: TopicFactory, tmp_path: Path) -> None:
    with _service(tmp_path, broker, topic(partitions=2), 2) as running:
        eventually(lambda: (tmp_path / "log").read_text().count('"started"') == 2, "both tasks have started")
        tasks = _tasks_of(running)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert len(tasks) == 2
        eventually(lambda: not any(task.is_running() and task.status() != "zombie" for task in tasks), "all are gone")


def test_each_task_seals_itself_and_leaves_no_core_dump(broker: Broker, topic: TopicFactory, tmp_path: Path) -> None:
    with _service(tmp_path, broker, topic(partitions=2), 2) as running:
        eventually(lambda: (tmp_path / "log").read_text().count('"started"') == 2, "both tasks have started")
        assert [task.rlimit(psutil.RLIMIT_CORE) for task in _tasks_of(running)] == [(0, 0), (0, 0)]


def test_a_variable_with_a_secret_reaches_the_tasks_and_no_other_process(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with _service(tmp_path, broker, topic(partitions=2), 2) as running:
        eventually(lambda: (tmp_path / "log").read_text().count('"started"') == 2, "both tasks have started")
        others = set(psutil.Process(running.pid).children(recursive=True)) - set(_tasks_of(running))
        assert len(others) == 1
        assert not [name for other in others for name, text in other.environ().items() if _SECRET in text]


_UNFORESEEN = """
import connector.service
from connector.service import protecting_pipeline

def fail(connector, closing):
    closing.callback(unforeseen)
    return protecting_pipeline(connector, closing)

def unforeseen():
    raise RuntimeError("cannot handle ada@example.com")
"""


def test_an_error_in_a_task_that_nobody_foresaw_is_a_class_name(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    (tmp_path / "failing.py").write_text(_UNFORESEEN)
    program = f"import sys; sys.path.insert(1, {str(tmp_path)!r}); from failing import fail\n" + _RUN.replace(
        "Need.SERVICE)", "Need.SERVICE), fail"
    )
    with _service(tmp_path, broker, topic(partitions=2), 2, program) as running:
        eventually(lambda: (tmp_path / "log").read_text().count('"started"') == 2, "both tasks have started")
        running.terminate()
        assert running.wait(30) == 1

    assert (tmp_path / "log").read_text().count("streamveil: an unforeseen error: RuntimeError\n") == 2
    assert "ada@example.com" not in (tmp_path / "log").read_text()


_ONE_DOES_NOT_START = """
from multiprocessing.context import SpawnProcess
start, left = SpawnProcess.start, [True]

def start_one(process):
    if not left:
        raise OSError("no more processes")
    left.pop()
    start(process)

SpawnProcess.start = start_one
"""


def test_when_a_task_cannot_be_started_those_that_were_end_too(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with _service(tmp_path, broker, topic(partitions=2), 2, _ONE_DOES_NOT_START + _RUN) as running:
        assert running.wait(30) == 1


def test_a_source_that_does_not_exist_stops_the_connector(broker: Broker, tmp_path: Path) -> None:
    source = f"never-made-{time.monotonic_ns()}"
    with _service(tmp_path, broker, source, 1) as running:
        assert running.wait(30) == 1

    assert f"the source topic {source} does not exist" in (tmp_path / "log").read_text()
