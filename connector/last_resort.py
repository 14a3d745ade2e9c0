"""What is shown of an error that nobody foresaw: the name of its class.

Its text and its traceback may hold a record. Each process does this for itself.
"""

from __future__ import annotations

import sys
import threading

import typer


def install() -> None:
    """Have errors that no caller can catch, those of other threads among them, shown by `show`."""
    sys.unraisablehook = lambda unraisable: show(unraisable.exc_type)
    threading.excepthook = lambda failure: show(failure.exc_type)


def show(error: type[BaseException] | None) -> None:
    """Name the class of an error on standard error."""
    typer.echo(f"streamveil: an unforeseen error: {error.__name__ if error else 'unknown'}", err=True)
