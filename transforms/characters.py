"""Options that name single characters: those that may stay readable because they are no letters and no digits."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

_HARMLESS = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "Zs"})
"""General categories of Unicode: punctuation, signs, spaces. What is left out can spell something: letters and
numbers, the marks on them, symbols such as circled letters, and characters that have no meaning of their own."""


def _stands_between(characters: str) -> str:
    if any(unicodedata.category(character) not in _HARMLESS and character != "\t" for character in characters):
        raise ValueError("expected punctuation, signs and spaces, no letters or digits")
    return characters


def _is_one(text: str) -> str:
    if len(text) != 1 or not text.isprintable():
        raise ValueError("expected one printable character")
    return text


Between = Annotated[str, AfterValidator(_stands_between)]
"""Characters that stand between letters and digits. None is a letter or a digit, in any script."""

OneCharacter = Annotated[str, AfterValidator(_is_one)]
