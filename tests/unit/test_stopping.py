"""A task that is asked to stop does, whatever it is doing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ABOUT_TO_WAIT = """
import os, signal, threading
from connector.service import stop_at_signals

stopping = threading.Event()
stop_at_signals(stopping)
with stopping._cond:  # as `Event.wait` has it
    os.kill(os.getpid(), signal.SIGTERM)
print(stopping.wait(30))
"""


def test_a_signal_right_before_a_wait_is_not_a_deadlock() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ABOUT_TO_WAIT],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "True\n"
