"""What makes tokens of the bytes that go into them, and what reads them again, by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from transforms.outcome import Rejected

Make = Callable[[list[bytes]], list[str | Rejected]]
"""One token for each value, in order; `Rejected` where there can be none."""
Read = Callable[[list[str]], list[bytes | Rejected]]
"""One value for each token, in order; `Rejected` where it is none."""

Given = TypeVar("Given")


def beside(given: Sequence[Given | Rejected], apply: Callable[[list[Given]], Sequence[Any]]) -> list[Any]:
    """What `apply` makes of the values that are not rejected, in their places beside the others."""
    results = iter(apply([value for value in given if not isinstance(value, Rejected)]))
    return [value if isinstance(value, Rejected) else next(results) for value in given]
