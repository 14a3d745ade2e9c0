"""What Fpe costs beside its cipher: separators, kept characters, check digits, integers.

    python -m benchmarks.fpe

A column is a batch of 10,000 values, as the connector hands it over. Times are CPU microseconds a value, each the best
of several rounds; `FF1 alone` encrypts the same characters without a format.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from transforms.ff1 import FF1
from transforms.fpe_integers import IntegerCipher
from transforms.fpe_texts import Format, TextCipher
from transforms.luhn import check_digits

BATCH = 10_000
ROUNDS = 15
SEPARATORS = " -./()+"
FF = FF1(bytes(range(32)), "0123456789")
DIGITS = [str(pow(5, seed + 1000, 2**127 - 1))[-16:] for seed in range(BATCH)]
"""Distinct texts of 16 digits that look random, the same in each run."""


def measure(run: Callable[[], object]) -> float:
    """CPU microseconds a value."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best / BATCH * 1e6


def texts() -> list[tuple[str, Format, list[str], list[str]]]:
    """A name, the format, the column, and what of it is encrypted."""
    heads = [digits[:15] for digits in DIGITS]
    cards = [head + check for head, check in zip(heads, check_digits(heads), strict=True)]
    dashed = [f"{d[:3]}-{d[3:5]}-{d[5:9]}" for d in DIGITS]
    mixed = [f"{d[: at % 7]} {d[at % 7 : 9]}" for at, d in enumerate(DIGITS)]
    plain = Format(SEPARATORS)
    return [
        ("16 digits", plain, DIGITS, DIGITS),
        ("123-45-6789", plain, dashed, [d[:9] for d in DIGITS]),
        ("9 digits, a space anywhere", plain, mixed, [d[:9] for d in DIGITS]),
        ("16 digits, luhn", Format(SEPARATORS, luhn=True), cards, heads),
        ("16 digits, 2 and 4 kept", Format(SEPARATORS, 2, 4), DIGITS, [d[2:12] for d in DIGITS]),
    ]


def main() -> int:
    table = Table("column", "Fpe", "FF1 alone", "beside it")
    for name, form, column, bodies in texts():
        cipher = TextCipher(FF, form, decrypts=False)
        ours, alone = measure(lambda: cipher(column)), measure(lambda: FF.encrypt(bodies))  # noqa: B023 - called here
        table.add_row(name, f"{ours:.2f}", f"{alone:.2f}", f"{ours - alone:.2f}")
    for name, largest, size in (("long of 16 digits", 2**63 - 1, 16), ("int of 10 digits", 2**31 - 1, 10)):
        numbers = [10 ** (size - 1) + int(digits[: size - 1]) % (largest - 10 ** (size - 1)) for digits in DIGITS]
        walker = IntegerCipher(FF, Format(), largest, decrypts=False)
        table.add_row(name, f"{measure(lambda: walker(numbers)):.2f}", "", "")  # noqa: B023 - called here
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
