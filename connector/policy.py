"""What to do about what coverage finds. Every default is the one that stops."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OnUncovered(StrEnum):
    """A sensitive leaf that nothing protects."""

    FAIL = "fail"
    DEADLETTER = "deadletter"
    DROP_FIELD = "drop-field"


class OnUnclassified(StrEnum):
    """A value without a schema and without declared tags."""

    WARN = "warn"
    FAIL = "fail"


class OnUntagged(StrEnum):
    """A chain that selects by tags and a schema that shows none."""

    FAIL = "fail"
    WARN = "warn"


class OnEcho(StrEnum):
    """A raw key or header that equals a sensitive value of its own record."""

    REJECT = "reject"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Policy:
    uncovered: OnUncovered = OnUncovered.FAIL
    unclassified: OnUnclassified = OnUnclassified.WARN
    untagged: OnUntagged = OnUntagged.FAIL
    echo: OnEcho = OnEcho.REJECT
