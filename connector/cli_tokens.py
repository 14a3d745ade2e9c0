"""`streamveil resolve` and `streamveil forget`: what they take, and what they print.

The exit status is 0 when done, 1 when refused; 4 when `forget --check` finds that the log still holds something.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

if TYPE_CHECKING:
    from connector.token_commands import TokenCommands

_REFUSED, _PENDING = 1, 4
_LONGEST_LINE = 64 * 1024

ConnectorFile = Annotated[
    Path, typer.Argument(metavar="CONNECTOR.json", help="The connector's configuration.", show_default=False)
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: the audit has it.", show_default=False)]
Most = Annotated[int, typer.Option("--max", metavar="N", min=1, help="With more lines than this nothing is done.")]


def resolve(
    connector: ConnectorFile,
    reason: Reason,
    most: Most = 1000,
    domain: Annotated[
        str | None,
        typer.Option(metavar="D", help="The domain of the tokens, where the chain does not say.", show_default=False),
    ] = None,
    key_version: Annotated[
        int | None, typer.Option(metavar="V", min=1, help="The version of the ring, for digits.", show_default=False)
    ] = None,
) -> None:
    """Give tokens back as values: one a line on standard input, as many JSON objects on standard output.

    Nothing is printed before the audit has a record of it.
    """
    tokens = _lines(sys.stdin.buffer, most)
    with _commands(connector, reason) as commands:
        for answer in commands.resolve(tokens, domain, key_version):
            typer.echo(answer.line())


def forget(
    connector: ConnectorFile,
    reason: Reason,
    most: Most = 1000,
    check: Annotated[
        bool, typer.Option("--check", help="Read no subjects: complete earlier requests.", show_default=False)
    ] = False,
) -> None:
    """Erase the mappings of subjects, one a line on standard input: their tokens of mode=vault resolve no more."""
    subjects = [] if check else _lines(sys.stdin.buffer, most)
    with _commands(connector, reason) as commands:
        report = commands.forget(subjects)
    typer.echo(f"erased {report.erased}, still in the log {report.pending}")
    raise typer.Exit(_PENDING if check and report.pending else 0)


def _lines(stream: BinaryIO, most: int) -> list[str]:
    """The lines that are not empty. Ends the process where there are too many, or one cannot be read."""
    lines: list[str] = []
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        text = _text(line)
        if text is None:
            _refuse(f"line {number} of the input is not UTF-8 of less than {_LONGEST_LINE} bytes")
        if text:
            lines.append(text)
        if len(lines) > most:
            _refuse(f"the input has more than {most} lines, which --max={most} refuses")
    if not lines:
        _refuse("the input has no lines")
    return lines


def _text(line: bytes) -> str | None:
    try:
        return line.rstrip(b"\r\n").decode() if len(line) < _LONGEST_LINE else None
    except UnicodeDecodeError:
        return None


@contextmanager
def _commands(connector: Path, reason: str) -> Iterator[TokenCommands]:
    from connector.config import ConfigErrors, Need, load
    from connector.failures import Setback, advice
    from connector.record import Stop
    from connector.token_commands import TokenCommands
    from transforms.outcome import Unavailable

    try:
        with TokenCommands(load(connector, need=Need.SERVICE), reason) as commands:
            yield commands
    except Setback as setback:
        why = advice(setback.code, setback.name)
    except (ConfigErrors, Stop, Unavailable) as problem:
        why = str(problem)
    else:
        return
    _refuse(why)


def _refuse(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(_REFUSED)
