"""How long a call may take."""

from __future__ import annotations

import time


class Deadline:
    """A moment on the monotonic clock that a whole call shares, however many requests it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; zero or less once it has passed."""
        return self._end - time.monotonic()
