"""What linting says, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connector.binding import Protection
from connector.explain import Explanation
from connector.plan import Link

_MOST_NAMED = 5


class Remark(NamedTuple):
    """One warning: its code, the configuration key it is about, what is the case, and what to do about it."""

    code: str
    where: str
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.code}: {self.where}: {self.message}. {self.advice}."


@dataclass(frozen=True, slots=True)
class Subject:
    """The configuration that is linted; where schemas were given, with what the chain does to them."""

    protection: Protection
    explanation: Explanation | None = None

    @property
    def links(self) -> Sequence[Link]:
        return self.protection.links


Rule = Callable[[Subject], Iterator[Remark]]


def key_of(link: Link, option: str = "") -> str:
    """The configuration key of a transform or of one of its options."""
    return f"transforms.{link.alias}.{option}" if option else f"transforms.{link.alias}"


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(dict.fromkeys(names))
    shown = ", ".join(every[:_MOST_NAMED])
    return shown if len(every) <= _MOST_NAMED else f"{shown} and {len(every) - _MOST_NAMED} more"
