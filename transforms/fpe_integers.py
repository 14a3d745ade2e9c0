"""Fpe on integers: they keep their number of digits and fit their type.

FF1 permutes the texts of as many digits, of which some are no such integer: they begin with 0, or are too large for
the type. Cycle-walking applies the permutation again until the result is one. It ends, because a permutation's cycle
comes back to the value that it started from, and it is a permutation of the integers alone, so it can be undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from transforms.ff1 import FF1, SMALLEST_DOMAIN
from transforms.fpe_texts import Format, wrong_checks
from transforms.luhn import check_digits
from transforms.outcome import Code, Rejected


@dataclass(frozen=True, slots=True, repr=False)
class _Split:
    """The digits of an integer: those that stay, those that are walked, and the range in which these may lie.

    The bounds have as many digits as `body`, so they compare as texts.
    """

    prefix: str
    body: str
    suffix: str
    low: str
    high: str


class IntegerCipher:
    """Encrypts or decrypts columns of integers from 0 to `largest`. A value that cannot be is `Rejected`.

    The cipher's alphabet is the ten digits. Of the format the separators mean nothing.
    """

    def __init__(self, ff1: FF1, form: Format, largest: int, *, decrypts: bool) -> None:
        self._run = ff1.decrypt if decrypts else ff1.encrypt
        self._form = form
        self._largest = largest
        self._given_offset = int(form.wrong_check and decrypts)
        self._made_offset = int(form.wrong_check and not decrypts)

    def __call__(self, numbers: Sequence[int]) -> list[int | Rejected]:
        """As many as numbers, in their order."""
        out: list[int | Rejected] = [Rejected(Code.OUT_OF_RANGE)] * len(numbers)
        digits = {row: str(number) for row, number in enumerate(numbers) if 0 <= number <= self._largest}
        splits: dict[int, _Split] = {}
        for row, split in self._splits(digits):
            if isinstance(split, _Split):
                splits[row] = split
            else:
                out[row] = Rejected(split)
        for row, result in zip(splits, self._encrypted(list(splits.values())), strict=True):
            out[row] = result
        return out

    def _splits(self, digits: Mapping[int, str]) -> Iterator[tuple[int, _Split | Code]]:
        """How the digits of each row are split, or why they cannot be encrypted."""
        form = self._form
        fixed = form.first + form.last + form.luhn
        long = {row: text for row, text in digits.items() if len(text) > fixed}
        yield from ((row, Code.TOO_SHORT) for row in digits.keys() - long.keys())
        wrong: Mapping[int, Code] = {}
        if form.luhn and long:
            wrong = wrong_checks(list(long.values()), self._given_offset)
        for at, (row, text) in enumerate(long.items()):
            yield row, wrong.get(at) or self._split(text, len(text) - fixed)

    def _split(self, digits: str, size: int) -> _Split | Code:
        first = self._form.first
        prefix, body = digits[:first], digits[first : first + size]
        suffix = "" if self._form.luhn else digits[first + size :]
        low, high = self._bounds(prefix, size, suffix)
        if high - low + 1 < SMALLEST_DOMAIN:
            return Code.TOO_SHORT
        if not low <= int(body) <= high:  # so near the type's largest that not every check digit fits
            return Code.OUT_OF_RANGE
        return _Split(prefix, body, suffix, str(low).zfill(size), str(high).zfill(size))

    def _bounds(self, prefix: str, size: int, suffix: str) -> tuple[int, int]:
        """The least and the greatest number that `size` digits between these may make; any check digit must fit."""
        after = len(suffix) + self._form.luhn
        whole = len(prefix) + size + after
        smallest, largest = 10 ** (whole - 1), min(10**whole - 1, self._largest)
        around = int(prefix or 0) * 10 ** (size + after)
        least, most = around + int(suffix or 0), around + (9 if self._form.luhn else int(suffix or 0))
        low = -((least - smallest) // 10**after)
        return max(low, 0), min((largest - most) // 10**after, 10**size - 1)

    def _encrypted(self, splits: list[_Split]) -> list[int]:
        bodies = self._walked(splits)
        results = [split.prefix + body + split.suffix for split, body in zip(splits, bodies, strict=True)]
        if self._form.luhn and results:
            checks = check_digits(results, self._made_offset)
            results = [text + check for text, check in zip(results, checks, strict=True)]
        return list(map(int, results))

    def _walked(self, splits: list[_Split]) -> list[str]:
        bodies = [split.body for split in splits]
        tweaks = [(split.prefix + split.suffix).encode() for split in splits]
        walking = list(range(len(splits)))
        while walking:
            steps = self._run([bodies[row] for row in walking], [tweaks[row] for row in walking])
            for row, body in zip(walking, steps, strict=True):
                bodies[row] = body
            walking = [row for row in walking if not splits[row].low <= bodies[row] <= splits[row].high]
        return bodies
