"""What a process does for the secrets that it will hold, before it has any.

A core dump or a debugger would show keys and records. An environment variable is handed to every child and shown by
many a diagnostic, so that those that held secrets go once they are read.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterable

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
    """Take environment variables away from this process and from the children that it starts later.

    Their values are overwritten, because the memory that they came in is what `/proc/<pid>/environ` goes on showing.
    """
    getenv = ctypes.CDLL(None).getenv
    getenv.argtypes, getenv.restype = [ctypes.c_char_p], ctypes.c_void_p
    for name in names:
        address = getenv(os.fsencode(name))
        if address:
            ctypes.memset(address, 0, len(ctypes.string_at(address)))
        os.environ.pop(name, None)
