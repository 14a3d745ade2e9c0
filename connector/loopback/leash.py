"""Ends a loopback server when the process that started it is gone, however it went.

A process cannot clean up after its own SIGKILL. So a second, tiny process waits at a pipe whose other end
only the starter holds; the operating system closes that end in every case. (Linux's parent-death signal is no
substitute: it fires when the starting *thread* ends, and other systems do not have it.)
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_NOTHING = 0
_REMOVE_TIMEOUT_S = 5.0


class Leash:
    """Kills the process group it holds, and removes `directory`, once this process ends or calls `close`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._watcher = subprocess.Popen(  # noqa: S603  this file, run by this interpreter
            [sys.executable, "-I", "-S", __file__, str(directory)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C at the terminal must not end the watcher first
        )

    def hold(self, group: int) -> None:
        """From now on the process group `group` ends with this process."""
        self._tell(group)

    def let_go(self) -> None:
        """The group that was held has ended: its number may soon be another's."""
        self._tell(_NOTHING)

    def close(self) -> None:
        """Blocks until the group is killed and the directory gone."""
        assert self._watcher.stdin is not None  # noqa: S101  tells mypy what PIPE means
        self._watcher.stdin.close()
        self._watcher.wait()

    def _tell(self, group: int) -> None:
        assert self._watcher.stdin is not None  # noqa: S101  tells mypy what PIPE means
        self._watcher.stdin.write(f"{group}\n")
        self._watcher.stdin.flush()


def _watch(directory: Path) -> None:
    held = _NOTHING
    for line in sys.stdin:
        held = int(line)
    if held != _NOTHING:
        with suppress(ProcessLookupError):
            os.killpg(held, signal.SIGKILL)
    _remove(directory)


def _remove(directory: Path) -> None:
    """A process that has just been killed may write one more file: once the directory is gone, it cannot."""
    deadline = time.monotonic() + _REMOVE_TIMEOUT_S
    shutil.rmtree(directory, ignore_errors=True)
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
