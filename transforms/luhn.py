"""The check digit of card numbers (ISO/IEC 7812-1, annex B), by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def check_digits(payloads: Sequence[str], offset: int = 0) -> list[str]:
    """The check digit of each payload, plus `offset` modulo 10. Payloads are ASCII digits, of any lengths, not none.

    From the right, every other digit is doubled, the last one first; the check digit completes the sum of all
    digits of the results to a multiple of ten.
    """
    width = max(map(len, payloads))
    padded = "".join([payload.rjust(width, "0") for payload in payloads])  # zeros on the left change no sum
    digits = (np.frombuffer(padded.encode("ascii"), np.uint8) - ord("0")).reshape(len(payloads), width)
    doubled = digits[:, ::-2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + digits[:, -2::-2].sum(axis=1)
    return list(((offset + 10 - total % 10) % 10 + ord("0")).astype(np.uint8).tobytes().decode("ascii"))
