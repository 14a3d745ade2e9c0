"""FF1, format-preserving encryption (NIST SP 800-38G, algorithms 7 and 8), by column.

A text over an alphabet becomes another text of the same length over the same alphabet. Values of one length are
encrypted together: one AES call for each of the ten rounds, however many values there are.

The algorithm, step by step, is in ff1_rounds.py; how texts become numbers and back in radix.py; the arithmetic on
columns of numbers in limbs.py. This file has the interface: what is accepted, and how a mix of lengths is sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from transforms.ff1_rounds import Layout, by_length, feistel_ints, feistel_limbs, heads_of
from transforms.radix import Alphabet

SMALLEST_DOMAIN = 1_000_000
"""Fewest texts of one length: radix^length is at least this (SP 800-38G Rev. 1 draft, §5)."""


class NotEncryptable(ValueError):
    """A text is too short for its radix, or has a character outside the alphabet.

    `index` is its place in the call. The message says lengths and the radix, never the text.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"text {index}: {reason}")
        self.index = index


class FF1:
    """FF1 with one key and one alphabet.

    key: an AES key of 16, 24 or 32 bytes.
    alphabet: 2 to 65,536 distinct characters (code points); the place of a character is its numeral.

    Raises ValueError, which shows neither, when either is unfit. Keeps nothing from call to call, so threads may
    share it.
    """

    __slots__ = ("_alphabet", "_cipher", "min_length")

    min_length: int
    """Characters in the shortest text that is accepted: the first length with a million texts."""

    def __init__(self, key: bytes, alphabet: str) -> None:
        if len(key) not in (16, 24, 32):
            raise ValueError(f"an AES key has 16, 24 or 32 bytes, not {len(key)}")
        # ECB is here the bare block cipher CIPH_K, of which FF1 is made; no text is encrypted with it.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - see above
        self._alphabet = Alphabet(alphabet)
        self.min_length = 1
        while self._alphabet.radix**self.min_length < SMALLEST_DOMAIN:
            self.min_length += 1

    def encrypt(self, texts: Sequence[str], tweak: bytes | Sequence[bytes] = b"") -> list[str]:
        """The ciphertext of each text, in order, of the same length and over the same alphabet.

        texts: any mix of lengths. tweak: one for all texts, or as many as texts, of any lengths.

        Raises NotEncryptable for the first text that is not accepted, ValueError for a wrong number of tweaks.
        """
        return self._run(texts, tweak, decrypt=False)

    def decrypt(self, texts: Sequence[str], tweak: bytes | Sequence[bytes] = b"") -> list[str]:
        """The inverse of `encrypt` under the same key, alphabet and tweaks. The same contract."""
        return self._run(texts, tweak, decrypt=True)

    def unencryptable(self, texts: Sequence[str]) -> list[int]:
        """The indexes, ascending, of the texts that `encrypt` and `decrypt` do not accept.

        For use after NotEncryptable; a call that succeeds has no need of it.
        """
        return [index for index, text in enumerate(texts) if self._fault(text)]

    def __repr__(self) -> str:
        return f"FF1(radix={self._alphabet.radix})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("FF1 holds a key: it cannot be pickled or copied")

    def _fault(self, text: str) -> str | None:
        if len(text) < self.min_length:
            return f"radix {self._alphabet.radix} and length {len(text)} make fewer than {SMALLEST_DOMAIN} texts"
        return None if self._alphabet.covers(text) else "a character is not in the alphabet"

    def _refuse(self, texts: Sequence[str]) -> NoReturn:
        index, reason = next((i, fault) for i, text in enumerate(texts) if (fault := self._fault(text)))
        raise NotEncryptable(index, reason)

    def _run(self, texts: Sequence[str], tweak: bytes | Sequence[bytes], *, decrypt: bool) -> list[str]:
        if not isinstance(tweak, bytes) and len(tweak) != len(texts):
            raise ValueError(f"{len(tweak)} tweaks for {len(texts)} texts")
        groups = by_length(texts)
        if any(length < self.min_length for length in groups):
            self._refuse(texts)
        if len(groups) == 1:
            return self._run_column(texts, tweak, decrypt=decrypt) or self._refuse(texts)
        results = [""] * len(texts)
        for places in groups.values():
            tweaks = tweak if isinstance(tweak, bytes) else [tweak[place] for place in places]
            column = self._run_column([texts[place] for place in places], tweaks, decrypt=decrypt)
            for place, result in zip(places, column or self._refuse(texts), strict=True):
                results[place] = result
        return results

    def _run_column(self, texts: Sequence[str], tweak: bytes | Sequence[bytes], *, decrypt: bool) -> list[str] | None:
        """`_run` for texts of one length. None when a text has a character outside the alphabet."""
        alphabet = self._alphabet
        layout = Layout.of(alphabet.radix, len(texts[0]))
        ciph = self._cipher.encryptor().update
        heads = heads_of(ciph, layout, [tweak] if isinstance(tweak, bytes) else tweak)
        u, v = layout.u, layout.v
        if len(texts) < layout.few:
            if not all(alphabet.covers(text) for text in texts):
                return None
            lefts = [alphabet.number(text[:u]) for text in texts]
            rights = [alphabet.number(text[u:]) for text in texts]
            pairs = zip(*feistel_ints(ciph, layout, heads, lefts, rights, decrypt=decrypt), strict=True)
            return [alphabet.text(left, u) + alphabet.text(right, v) for left, right in pairs]
        halves = alphabet.columns(texts, u, v)
        if halves is None:
            return None
        return alphabet.texts(*feistel_limbs(ciph, layout, heads, *halves, decrypt=decrypt), u=u, v=v)
