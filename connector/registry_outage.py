"""A registry that does not answer, remembered for a moment."""

from __future__ import annotations

import math
from collections.abc import Callable

from transforms.outcome import Unavailable

_SECONDS = 0.5


class RegistryAway(Unavailable):
    """The schema registry does not answer: records whose schemas are not known yet must wait."""

    def __init__(self) -> None:
        super().__init__("the schema registry does not answer")


class Outage:
    """Lets one question in vain stand for all that a batch would ask: each would wait for the client's deadline."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = -math.inf

    def check(self) -> None:
        """Raises `RegistryAway` where the last question was in vain a moment ago."""
        if self._clock() < self._until:
            raise RegistryAway

    def noticed(self) -> RegistryAway:
        """To be raised where a question was in vain."""
        self._until = self._clock() + _SECONDS
        return RegistryAway()
