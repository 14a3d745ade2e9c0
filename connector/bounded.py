"""A bound on calls that do not keep their own timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def within(seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns or raises; `TimeoutError` when it takes longer than that.

    A call that is given up goes on in a thread of its own, which keeps what it was given alive and does not keep the
    process from exiting. So it must be harmless if it succeeds later.
    """
    done = threading.Event()
    results: list[Any] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function(*arguments))
        except BaseException as error:  # handed to the caller
            errors.append(error)
        done.set()

    threading.Thread(target=call, name=getattr(function, "__name__", "call"), daemon=True).start()
    if not done.wait(seconds):
        raise TimeoutError
    if errors:
        raise errors[0]
    return results[0]
