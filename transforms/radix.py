"""Texts as numbers in the radix of an alphabet (NIST SP 800-38G §4.1, §4.5), one by one and by column.

A character's place in the alphabet is its digit; the first digit of a text is the most significant.
One by one the numbers are Python ints, by column they are limbs (limbs.py); both of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.limbs import Limb, Limbs

_Digits = npt.NDArray[np.unsignedinteger[Any]]


class Alphabet:
    """The 2 to 65,536 distinct code points that stand for the digits 0, 1, 2, and so on."""

    __slots__ = ("_characters", "_codec", "_codes", "_digit", "_digits", "_limbs", "radix")

    def __init__(self, characters: str) -> None:
        self.radix = len(characters)
        self._characters = characters
        self._digit = {character: digit for digit, character in enumerate(characters)}
        if not 2 <= self.radix <= 65_536:
            raise ValueError(f"an alphabet has 2 to 65536 characters, not {self.radix}")
        if len(self._digit) != self.radix:
            raise ValueError("an alphabet must not hold a character twice")
        points = [ord(character) for character in characters]
        narrow = max(points) < 256
        self._codec = "latin-1" if narrow else "utf-32-le"
        self._codes = np.array(points, dtype="u1" if narrow else "<u4")
        # By code point: its digit, or the radix when it is foreign; points past the end are clipped to the last.
        self._digits: _Digits = np.full(max(points) + 2, self.radix, np.min_scalar_type(self.radix))
        self._digits[self._codes] = range(self.radix)
        self._limbs = Limbs(self.radix)

    def covers(self, text: str) -> bool:
        """Whether every character of the text is in the alphabet."""
        return self._digit.keys() >= set(text)

    def number(self, text: str) -> int:
        """NUM_radix(X), §4.5 algorithm 1. The alphabet must cover the text."""
        number = 0
        for character in text:
            number = number * self.radix + self._digit[character]
        return number

    def text(self, number: int, length: int) -> str:
        """STR^length_radix(x), §4.5 algorithm 3. The number must be below radix^length."""
        characters = []
        for _ in range(length):
            number, digit = divmod(number, self.radix)
            characters.append(self._characters[digit])
        return "".join(reversed(characters))

    def columns(self, texts: Sequence[str], u: int, v: int) -> tuple[list[Limb], list[Limb]] | None:
        """The numbers of the first u and of the last v characters of texts that all have u + v.

        None when a text has a character outside the alphabet.
        """
        # An encoding error would carry the text: what the codec lacks is left out, and the length shows it.
        errors = "ignore" if self._codec == "latin-1" else "surrogatepass"
        data = "".join(texts).encode(self._codec, errors)
        if len(data) != len(texts) * (u + v) * self._codes.itemsize:
            return None
        codes = np.frombuffer(data, self._codes.dtype)
        digits = self._digits.take(codes, mode="clip").reshape(len(texts), u + v)
        if digits.max() >= self.radix:
            return None
        return self._gather(digits[:, :u]), self._gather(digits[:, u:])

    def texts(self, first: Sequence[Limb], last: Sequence[Limb], *, u: int, v: int) -> list[str]:
        """The inverse of `columns`."""
        digits: _Digits = np.empty((u + v, len(first[0])), self._digits.dtype)
        self._spread(first, digits[:u])
        self._spread(last, digits[u:])
        text = self._codes.take(digits.T).tobytes().decode(self._codec, "surrogatepass")
        return [text[at : at + u + v] for at in range(0, len(text), u + v)]

    def _gather(self, digits: _Digits) -> list[Limb]:
        limbs = []
        end = digits.shape[1]
        for size in self._limbs.sizes(end):
            weights = np.array([self.radix**place for place in reversed(range(size))], np.uint64)
            limbs.append(digits[:, end - size : end].astype(np.uint64) @ weights)
            end -= size
        return limbs

    def _spread(self, limbs: Sequence[Limb], digits: _Digits) -> None:
        """The inverse of `_gather`, into an array that has a row for each digit."""
        place = len(digits)
        for limb, size in zip(limbs, self._limbs.sizes(place), strict=True):
            for _ in range(size):
                place -= 1
                quotient = limb // self.radix
                digits[place] = limb - quotient * self.radix
                limb = quotient
