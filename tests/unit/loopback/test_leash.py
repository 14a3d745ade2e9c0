"""A loopback server ends with the process that started it, and leaves no files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.loopback.leash import Leash

STARTER = """
import subprocess, sys, time
from pathlib import Path
from connector.loopback.leash import Leash

leash = Leash(Path(sys.argv[1]))
server = subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=subprocess.DEVNULL)
leash.hold(server.pid)
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    directory.mkdir()
    (directory / "log").touch()
    return directory


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def runs(group: int) -> bool:
    """A killed process counts until it is reaped, for an orphan by the system's init."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def in_time(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happened()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_does_not_outlive_the_process_that_started_it(files: Path, death: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(files)], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        group = int(starter.stdout.readline())
        assert runs(group)
        starter.send_signal(death)

    assert in_time(lambda: not runs(group))
    assert in_time(lambda: not files.exists())


def test_closing_ends_the_server_and_removes_its_files(files: Path, server: subprocess.Popen[bytes]) -> None:
    leash = Leash(files)
    leash.hold(server.pid)

    leash.close()

    assert server.wait(timeout=5) == -signal.SIGKILL
    assert not files.exists()


def test_a_process_that_was_let_go_is_left_alone(files: Path, server: subprocess.Popen[bytes]) -> None:
    leash = Leash(files)
    leash.hold(server.pid)
    leash.let_go()

    leash.close()

    assert server.poll() is None
