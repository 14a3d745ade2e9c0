"""Arithmetic on columns of limbs gives what Python's integers give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.limbs import Limb, Limbs

RADIXES = st.one_of(st.sampled_from([2, 10, 36, 256, 1625, 1626, 65_535, 65_536]), st.integers(2, 65_536))
LENGTHS = st.integers(1, 60)


def column(values: Sequence[int], sizes: Sequence[int]) -> list[Limb]:
    """Each value in limbs below these sizes, the least significant first."""
    limbs = []
    for size in sizes:
        limbs.append(np.array([value % size for value in values], np.uint64))
        values = [value // size for value in values]
    assert not any(values)
    return limbs


def values_of(limbs: Sequence[Limb], sizes: Sequence[int]) -> list[int]:
    values = [0] * len(limbs[0])
    for limb, size in zip(reversed(limbs), reversed(sizes), strict=True):
        values = [value * size + int(entry) for value, entry in zip(values, limb, strict=True)]
    return values


def below(bound: int) -> st.SearchStrategy[list[int]]:
    """Three numbers, often at the ends of the range."""
    number = st.one_of(st.sampled_from([0, bound - 1]), st.integers(0, bound - 1))
    return st.lists(number, min_size=3, max_size=3)


@given(data=st.data(), radix=RADIXES, length=LENGTHS)
def test_sums_and_differences_are_modulo_the_power_of_the_radix(data: st.DataObject, radix: int, length: int) -> None:
    limbs = Limbs(radix)
    bases = [radix**size for size in limbs.sizes(length)]
    left, right = data.draw(below(radix**length)), data.draw(below(radix**length))
    total = limbs.add(column(left, bases), column(right, bases), length)
    difference = limbs.subtract(column(left, bases), column(right, bases), length)
    assert values_of(total, bases) == [(x + y) % radix**length for x, y in zip(left, right, strict=True)]
    assert values_of(difference, bases) == [(x - y) % radix**length for x, y in zip(left, right, strict=True)]


@given(data=st.data(), radix=RADIXES, length=LENGTHS, spare=st.integers(0, 2))
def test_numbers_become_words_of_32_bits(data: st.DataObject, radix: int, length: int, spare: int) -> None:
    limbs = Limbs(radix)
    numbers = data.draw(below(radix**length))
    count = -(-(radix**length - 1).bit_length() // 32) + spare
    words = limbs.to_words(column(numbers, [radix**size for size in limbs.sizes(length)]), count)
    assert values_of(words, [2**32] * count) == numbers


@given(data=st.data(), radix=RADIXES, length=LENGTHS, count=st.integers(1, 30))
def test_words_of_32_bits_become_numbers_modulo_the_power_of_the_radix(
    data: st.DataObject, radix: int, length: int, count: int
) -> None:
    limbs = Limbs(radix)
    numbers = data.draw(below(2 ** (32 * count)))
    words = column(numbers, [2**32] * count)
    result = limbs.from_words(words[::-1], length)
    bases = [radix**size for size in limbs.sizes(length)]
    assert all((limb < base).all() for limb, base in zip(result, bases, strict=True))
    assert values_of(result, bases) == [number % radix**length for number in numbers]


@given(radix=RADIXES, length=LENGTHS)
def test_a_limb_holds_as_many_digits_as_fit_32_bits(radix: int, length: int) -> None:
    sizes = Limbs(radix).sizes(length)
    assert sum(sizes) == length
    assert all(radix**size <= 2**32 for size in sizes)
    assert all(radix ** (size + 1) > 2**32 for size in sizes[:-1])
