"""Domains that are known to have too few values for a cipher over their texts: it could be tabulated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

TOO_SMALL = frozenset({"cvv", "cvv2", "cvc", "cvc2", "csc", "pin", "zip5"})
"""Last words of domains, tags and fields whose values are known to be fewer than a million."""


def refusal_of(names: Iterable[str]) -> str | None:
    """Why values of these domains, tags or paths cannot be encrypted over their alphabet; None where they can."""
    small = next((name for name in names if _last_word(name) in TOO_SMALL), None)
    return small and f"{small} has fewer than a million values, too few to encrypt: Hmac or MaskField protect it"


def _last_word(name: str) -> str:
    """`PII.CARD.CVV`, `card_cvv` and `cardCvv` end in cvv."""
    words: Sequence[str] = re.findall(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z]+[0-9]*|[0-9]+", name)
    return words[-1].lower() if words else ""
