"""What a process does for the secrets that it will hold, before it has any.

A core dump or a debugger would show keys and records. An environment variable is handed to every child and shown by
many a diagnostic, so that those that held secrets go once they are read.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_PR_SET_DUMPABLE = 4
"""prctl(2), linux/prctl.h."""


def seal_process() -> None:
    """Forbid core dumps of this process and, on Linux, that others of the same user read or trace it.

    Children inherit the limit on core dumps; each one that holds secrets calls this for itself.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


def forget_variables(names: Iterable[str]) -> None:
    """Take environment variables away from this process and from the children that it starts later."""
    for name in names:
        os.environ.pop(name, None)


@contextmanager
def hidden_variables(names: Iterable[str]) -> Iterator[None]:
    """Children that start within the block do not get these environment variables."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
