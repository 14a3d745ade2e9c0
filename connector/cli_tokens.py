"""`streamveil resolve` and `streamveil forget`: what they take, and what they say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from connector.config import ConfigErrors, Connector, Need, load

_REFUSED, _PENDING = 1, 4
_LONGEST_LINE = 64 * 1024

ConnectorFile = Annotated[
    Path, typer.Argument(metavar="CONNECTOR.json", help="The connector's configuration.", show_default=False)
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why: it goes into the audit.", show_default=False)]
Most = Annotated[int, typer.Option("--max", metavar="N", min=1, help="More lines than this are refused.")]


def resolve(
    connector: ConnectorFile,
    reason: Reason,
    most: Most = 1000,
    domain: Annotated[
        str | None, typer.Option(metavar="D", help="The domain of the tokens: the chain's.", show_default=False)
    ] = None,
    key_version: Annotated[
        int | None, typer.Option(metavar="V", min=1, help="The ring's version, for digits.", show_default=False)
    ] = None,
) -> None:
    """Give back the values of tokens: one a line on standard input, a JSON object for each on standard output.

    The audit has it first.
    """
    tokens = _lines(sys.stdin.buffer, most)
    with _opened(connector, reason) as done:
        resolver = done.resolver(domain, key_version)
        done.audit.write("resolve", domains=resolver.domains(), count=len(tokens), sha256=done.digest(tokens))
        for answer in resolver.resolve(tokens):
            typer.echo(answer.line())


def forget(
    connector: ConnectorFile,
    reason: Reason,
    most: Most = 1000,
    check: Annotated[
        bool, typer.Option("--check", help="Read no subjects: complete earlier requests.", show_default=False)
    ] = False,
) -> None:
    """Erase the mappings of subjects, one a line on standard input, so that their tokens resolve no more."""
    subjects = [] if check else _lines(sys.stdin.buffer, most)
    with _opened(connector, reason) as done:
        forgetting = done.forgetting()
        if subjects:
            forgetting.request(subjects)
        report = forgetting.complete()
    typer.echo(f"subjects requested now: {len(subjects)}")
    typer.echo(f"subjects erased now: {report.erased}")
    typer.echo(f"subjects whose mappings the log still holds, unreadable by resolve: {report.pending}")
    raise typer.Exit(_PENDING if check and report.pending else 0)


def _lines(stream: BinaryIO, most: int) -> list[str]:
    """The lines that are not empty. Ends the process where there are too many, or one that cannot be read."""
    lines: list[str] = []
    while line := stream.readline(_LONGEST_LINE):
        try:
            text = line.rstrip(b"\r\n").decode()
        except UnicodeDecodeError:
            text = None
        if text is None or len(line) == _LONGEST_LINE:
            _refuse(f"line {len(lines) + 1} of the input is not UTF-8 of less than {_LONGEST_LINE} bytes")
        if text:
            lines.append(text)
        if len(lines) > most:
            _refuse(f"the input has more than {most} lines; --max allows more")
    if not lines:
        _refuse("the input has no lines")
    return lines


@contextmanager
def _opened(path: Path, reason: str) -> Iterator[object]:
    yield path, reason


def _refuse(why: str) -> None:
    typer.echo(why, err=True)
    raise typer.Exit(_REFUSED)
