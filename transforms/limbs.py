"""Columns of whole numbers of any size: exact arithmetic with numpy, on limbs.

A limb holds as many digits of the radix as fit 32 bits, so that a product of two and a carry fit 64. A column of
numbers is a list of limbs, the least significant first, and each limb is an array with one entry for each number.
Sixteen decimal digits, halved, take one limb each; a 34-character IBAN's halves take three.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Limb = npt.NDArray[np.uint64]

_WORD = 2**32


class Limbs:
    """Arithmetic modulo powers of a radix from 2 to 65,536."""

    __slots__ = ("_base", "_digits", "radix")

    def __init__(self, radix: int) -> None:
        self.radix = radix
        self._digits = 1
        while radix ** (self._digits + 1) <= _WORD:
            self._digits += 1
        self._base = radix**self._digits

    def sizes(self, length: int) -> list[int]:
        """The digits in each limb of numbers below radix^length. Only the last limb may have fewer."""
        full, rest = divmod(length, self._digits)
        return [self._digits] * full + [rest] * (rest > 0)

    def to_words(self, limbs: Sequence[Limb], count: int) -> list[Limb]:
        """The numbers, which must fit, in `count` words of 32 bits, the least significant first."""
        words: list[Limb] = []
        for limb in reversed(limbs):
            carry = limb
            for at, word in enumerate(words):
                product = word * self._base + carry
                words[at] = product % _WORD
                carry = product // _WORD
            if len(words) < count:
                words.append(carry)
        return words + [np.zeros_like(limbs[0])] * (count - len(words))

    def from_words(self, words: Sequence[Limb], length: int) -> list[Limb]:
        """The numbers that these words of 32 bits make, the most significant first, mod radix^length."""
        limbs = []
        bound = _WORD ** len(words)
        for size in self.sizes(length):
            base = self.radix**size
            remainder = np.zeros_like(words[0])
            quotients = []
            for word in words:
                dividend = remainder * _WORD + word
                quotient = dividend // base
                remainder = dividend - quotient * base
                quotients.append(quotient)
            limbs.append(remainder)
            bound = -(-bound // base)  # the quotients are below it: words that it leaves no room for are zero
            words = quotients[-_words_below(bound) :]
        return limbs

    def add(self, left: Sequence[Limb], right: Sequence[Limb], length: int) -> list[Limb]:
        """left + right mod radix^length, for both below radix^length."""
        limbs = []
        carry: npt.NDArray[np.bool_] | bool = False
        for x, y, size in zip(left, right, self.sizes(length), strict=True):
            base = self.radix**size
            total = x + y + carry
            carry = total >= base
            # Below the base, total - base wraps around to a number larger than any total.
            limbs.append(np.minimum(total, total - base))
        return limbs

    def subtract(self, left: Sequence[Limb], right: Sequence[Limb], length: int) -> list[Limb]:
        """left - right mod radix^length, for both below radix^length."""
        limbs = []
        borrow: npt.NDArray[np.bool_] | bool = False
        for x, y, size in zip(left, right, self.sizes(length), strict=True):
            taken = y + borrow
            difference = x - taken
            borrow = x < taken
            limbs.append(np.minimum(difference, difference + self.radix**size))
        return limbs


def _words_below(bound: int) -> int:
    """The words of 32 bits that hold any number below the bound; at least one."""
    return max(1, -(-(bound - 1).bit_length() // 32))
