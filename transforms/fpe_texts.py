"""Fpe on texts: a column of them with one call of the cipher.

Separators are taken out of the whole column at once, and put back by form: most columns have few forms, such as
`xxx-xx-xxxx`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from transforms.ff1 import FF1, NotEncryptable
from transforms.luhn import check_digits
from transforms.outcome import Code, Rejected

LONGEST = 256
"""Characters of the longest value, separators included."""

_NUL = "\0"


@dataclass(frozen=True, slots=True)
class Format:
    """What of a value is not encrypted.

    first, last: how many characters stay at the ends, separators not counted. luhn: whether the last digit is a check
    digit, made anew; wrong_check: that it is always wrong after encryption.
    """

    separators: str = ""
    first: int = 0
    last: int = 0
    luhn: bool = False
    wrong_check: bool = False


class TextCipher:
    """Encrypts or decrypts columns of texts. A value that cannot be is `Rejected`."""

    def __init__(self, ff1: FF1, form: Format, *, decrypts: bool) -> None:
        self._ff1 = ff1
        self._form = form
        self._decrypts = decrypts
        codes = [ord(separator) for separator in form.separators]
        self._strip: Mapping[int, int | None] = dict.fromkeys(codes)
        self._outline = _Outline({code: code for code in codes})

    def __call__(self, texts: Sequence[str]) -> list[str | Rejected]:
        """As many as texts, in their order."""
        if not texts:
            return []
        bare = _translated(texts, self._strip) if self._strip else texts
        faults = self._misfits(texts, bare)
        if not faults:
            try:
                return list(self._refill(texts, self._encrypted(bare)))
            except NotEncryptable:
                foreign = self._ff1.unencryptable(self._bodies(bare))
                faults = dict.fromkeys(foreign, Code.NOT_IN_ALPHABET)
        rest = iter(self([text for row, text in enumerate(texts) if row not in faults]))
        return [Rejected(faults[row]) if row in faults else next(rest) for row in range(len(texts))]

    def _misfits(self, texts: Sequence[str], bare: Sequence[str]) -> dict[int, Code]:
        """Why values cannot be encrypted, by row; except that a character is foreign, which the cipher finds."""
        form = self._form
        shortest = self._ff1.min_length + form.first + form.last + form.luhn
        if max(map(len, texts)) > LONGEST or min(map(len, bare)) < shortest:
            long = {row: Code.TOO_LONG for row, text in enumerate(texts) if len(text) > LONGEST}
            return {row: Code.TOO_SHORT for row, text in enumerate(bare) if len(text) < shortest} | long
        return wrong_checks(bare, int(form.wrong_check and self._decrypts)) if form.luhn else {}

    def _encrypted(self, bare: Sequence[str]) -> Sequence[str]:
        """Texts without separators, encrypted but for what stays. Raises NotEncryptable."""
        form = self._form
        run = self._ff1.decrypt if self._decrypts else self._ff1.encrypt
        if not form.first and not form.last:
            results = run(self._bodies(bare))
        else:
            first, end = form.first, -form.last or None
            kept = [(text[:first], text[end:] if end else "") for text in bare]
            tweaks = [(prefix + suffix).encode("utf-8", "surrogatepass") for prefix, suffix in kept]
            bodies = zip(kept, run(self._bodies(bare), tweaks), strict=True)
            results = [prefix + body + suffix for (prefix, suffix), body in bodies]
        if not form.luhn:
            return results
        checks = check_digits(results, int(form.wrong_check and not self._decrypts))
        return [text + check for text, check in zip(results, checks, strict=True)]

    def _bodies(self, bare: Sequence[str]) -> Sequence[str]:
        """What is encrypted of each text."""
        first, last = self._form.first, self._form.last + self._form.luhn
        return [text[first : len(text) - last] for text in bare] if first or last else bare

    def _refill(self, texts: Sequence[str], results: Sequence[str]) -> Sequence[str]:
        """The results with the separators of the texts in their places."""
        if sum(map(len, texts)) == sum(map(len, results)):
            return results
        fills: dict[str, Callable[[str], str]] = {}
        out = []
        for outline, result in zip(_translated(texts, self._outline), results, strict=True):
            if (fill := fills.get(outline)) is None:
                fill = fills[outline] = _filling(outline.replace(_NUL, "x"))
            out.append(fill(result))
        return out


def wrong_checks(texts: Sequence[str], offset: int) -> dict[int, Code]:
    """Texts, not none, that do not end in their check digit plus `offset`, or are not all digits; by row."""
    if not (everything := "".join(texts)).isascii() or not everything.isdigit():
        return {row: Code.NOT_IN_ALPHABET for row, t in enumerate(texts) if not (t.isascii() and t.isdigit())}
    expected = check_digits([text[:-1] for text in texts], offset)
    return {row: Code.CHECK_DIGIT for row, text in enumerate(texts) if text[-1] != expected[row]}


class _Outline(dict[int, int]):
    """For str.translate: separators stay, and NUL, which stands between texts; all else becomes an x."""

    def __missing__(self, code: int) -> int:
        return ord("x") if code else 0


def _translated(texts: Sequence[str], table: Mapping[int, Any]) -> Sequence[str]:
    """str.translate of each text. One long text is translated faster than many."""
    together = _NUL.join(texts).translate(table).split(_NUL)
    return together if len(together) == len(texts) else [text.translate(table) for text in texts]


def _filling(outline: str) -> Callable[[str], str]:
    """A function from a text without separators to the text in this outline."""
    slices: list[slice] = []
    template = []
    position = start = 0
    for character in f"{outline}{_NUL}":
        if character == "x":
            position += 1
            continue
        if position > start:
            slices.append(slice(start, position))
            template.append("%s")
            start = position
        template.append("%%" if character == "%" else character)
    pieces: Any = itemgetter(*slices)
    form = "".join(template[:-1])
    return lambda text: form % pieces(text)
