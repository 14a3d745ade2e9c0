"""FF1 by column, against itself one value at a time and against the `fastfpe` wheel (Rust), in the same run.

    python benchmarks/ff1.py

A column is a batch of 10,000 values, as the connector hands it over. The tweak is empty, or each value has its own of
10 bytes. Times are CPU seconds, each the best of several rounds in turn; all three must give the same ciphertexts.
Exit status 1 when 16 digits run below 0.7 of fastfpe's speed or below 4 times the speed of one value at a time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastfpe import ff1 as fastfpe
from rich.console import Console
from rich.table import Table

from transforms.ff1 import FF1

KEY = bytes(range(32))
DIGITS = "0123456789"
ALPHANUMERIC = DIGITS + "abcdefghijklmnopqrstuvwxyz"
BATCH = 10_000
ALONE = 500
ROUNDS = 7


@dataclass(frozen=True)
class Case:
    name: str
    alphabet: str
    length: int
    own_tweaks: bool


CASES = [
    Case("16 digits", DIGITS, 16, own_tweaks=False),
    Case("16 digits, own tweaks", DIGITS, 16, own_tweaks=True),
    Case("9 digits", DIGITS, 9, own_tweaks=False),
    Case("22 alphanumeric", ALPHANUMERIC, 22, own_tweaks=False),
]


def texts_of(case: Case) -> list[str]:
    """Distinct texts that look random, the same in each run."""
    radix = len(case.alphabet)
    texts = []
    for seed in range(BATCH):
        number = pow(5, seed + 1000, 2**127 - 1)
        texts.append("".join(case.alphabet[number // radix**place % radix] for place in range(case.length)))
    return texts


def measure(case: Case) -> tuple[float, float, float]:
    """CPU seconds a value: by column, one at a time, fastfpe."""
    texts = texts_of(case)
    tweaks = [seed.to_bytes(10, "big") for seed in range(BATCH)] if case.own_tweaks else [b""] * BATCH
    ff1, key = FF1(KEY, case.alphabet), KEY.hex()
    hex_tweaks = [tweak.hex() for tweak in tweaks]

    def by_column() -> list[str]:
        return ff1.encrypt(texts, tweaks if case.own_tweaks else b"")

    def one_at_a_time() -> list[str]:
        pairs = zip(texts[:ALONE], tweaks[:ALONE], strict=True)
        return [ff1.encrypt([text], tweak)[0] for text, tweak in pairs]

    def rust() -> list[str]:
        pairs = zip(texts, hex_tweaks, strict=True)
        return [fastfpe.encrypt(key, tweak, case.alphabet, text) for text, tweak in pairs]

    best = [float("inf")] * 3
    for _ in range(ROUNDS):
        for at, run in enumerate((by_column, one_at_a_time, rust)):
            best[at] = min(best[at], seconds(run))
    if not (by_column() == rust() and one_at_a_time() == rust()[:ALONE]):
        sys.exit(f"{case.name}: the ciphertexts differ")
    return best[0] / BATCH, best[1] / ALONE, best[2] / BATCH


def seconds(run: Callable[[], list[str]]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    table = Table("case", "by column/s", "one at a time/s", "fastfpe/s", "column : one", "column : fastfpe")
    slow = False
    for case in CASES:
        column, alone, rust = measure(case)
        speeds = [f"{1 / each:,.0f}" for each in (column, alone, rust)]
        table.add_row(case.name, *speeds, f"{alone / column:.1f}", f"{rust / column:.2f}")
        slow |= case.length == 16 and (alone / column < 4 or rust / column < 0.7)
    Console(width=110).print(table)
    sys.exit(slow)


if __name__ == "__main__":
    main()
