"""Standard output for tables."""

from __future__ import annotations

from rich.console import Console

_UNWRAPPED = 10_000


def console() -> Console:
    """Standard output; where it is no terminal nothing is wrapped."""
    out = Console()
    return out if out.is_terminal else Console(width=_UNWRAPPED)
