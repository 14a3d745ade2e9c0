"""Apache Kafka's own jars, fetched once and kept outside the source tree.

They lie flat in `$XDG_CACHE_HOME/streamveil` (`~/.cache/streamveil`). The directory appears by one rename
when it is complete, so its presence is the stamp: a later start reads no Maven metadata, an interrupted
download leaves nothing that could be taken for the whole, and two processes may fetch at the same time.

`python -m connector.loopback.jars` fetches them ahead of time, with a progress bar.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from connector.loopback.errors import LoopbackError
from connector.loopback.maven import MavenSettings, load_settings

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

KAFKA_VERSION = "4.2.1"
LOG4J_VERSION = "2.25.4"

# Resolved apart: joined, they settle on a kafka-clients that the broker does not start with.
_WANTED = (
    ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
)
_ATTEMPTS = 3
_REQUEST_TIMEOUT_S = 30
_PARALLEL_DOWNLOADS = 8

Report = Callable[[int, int], None]
"""Told how many jars are there, and how many are wanted."""


def kafka_jars(report: Report | None = None) -> Path:
    """The directory that holds the jars of a Kafka broker, for `java -cp DIRECTORY/*`.

    Returns at once when they are there. Else downloads 43 MB from Maven Central, or from its mirror in the
    user's Maven settings, and blocks until done. Raises `LoopbackError` when they cannot be had.
    """
    directory = _cache() / f"kafka-{KAFKA_VERSION}-log4j-{LOG4J_VERSION}"
    if directory.is_dir():
        return directory
    settings = load_settings()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _fetch(directory, settings, report or (lambda done, wanted: None))
        except LoopbackError:
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return directory


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamveil"


def _fetch(directory: Path, settings: MavenSettings, report: Report) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=directory.parent) as staging:
        complete = Path(staging) / "jars"
        complete.mkdir()
        for jar in _download(Path(staging) / "repository", settings, report):
            shutil.copy(jar, complete)
        _put_in_place(complete, directory)


def _download(repository: Path, settings: MavenSettings, report: Report) -> Sequence[Path]:
    try:
        from jgo.maven import MavenContext  # optional: part of the extra `local`
    except ImportError:
        raise LoopbackError("Kafka on loopback needs streamveil[local]: pip install 'streamveil[local]'") from None
    context = MavenContext(
        repo_cache=repository,
        local_repos=[settings.local_repository],
        remote_repos={"central": settings.central} if settings.central else None,
        timeout=_REQUEST_TIMEOUT_S,
    )
    try:
        artifacts = [artifact for wanted in _WANTED for artifact in _resolve(context, *wanted)]
        return _download_all(artifacts, report)
    except LoopbackError:
        raise
    except Exception as error:  # jgo passes on whatever its HTTP client and its XML parser raise
        raise LoopbackError(
            f"Apache Kafka's jars cannot be fetched ({type(error).__name__}): a Maven repository must be "
            "reachable, Maven Central or the mirror that ~/.m2/settings.xml names for it"
        ) from None


def _resolve(context: MavenContext, group: str, artifact: str, version: str) -> Sequence[Artifact]:
    """The artifact and what it needs at run time, found from POMs alone."""
    from jgo.parse import Coordinate

    coordinate = Coordinate(groupId=group, artifactId=artifact, version=version, scope="compile")
    wanted, needed = context.resolver.resolve([context.create_dependency(coordinate)])
    return [dependency.artifact for dependency in wanted] + [
        dependency.artifact for dependency in needed if dependency.scope in ("compile", "runtime")
    ]


def _download_all(artifacts: Sequence[Artifact], report: Report) -> Sequence[Path]:
    jars: list[Path] = []
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        for jar in pool.map(lambda artifact: artifact.resolve(), artifacts):
            if not zipfile.is_zipfile(jar):
                raise LoopbackError(f"{jar.name} did not arrive whole (from {jar.parent})")
            jars.append(jar)
            report(len(jars), len(artifacts))
    return jars


def _put_in_place(complete: Path, directory: Path) -> None:
    try:
        complete.rename(directory)
    except OSError:
        if not directory.is_dir():  # else another process was first, with the same jars
            raise LoopbackError(f"cannot write {directory}") from None


def main() -> None:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"Fetching Apache Kafka {KAFKA_VERSION}", total=None)
        try:
            kafka_jars(lambda done, wanted: progress.update(task, completed=done, total=wanted))
        except LoopbackError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
