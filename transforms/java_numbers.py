"""Numbers as Java reads, writes and narrows them: `Integer.parseInt`, `Double.parseDouble`, `Double.toString`, casts.

Java writes the shortest digits that read back as the same number, but at least two of them, and has an exponent
below 10^-3 and from 10^7 on. (JDK 18 and older sometimes write one digit more than needed; here it is never more.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

from registry.schema.plain import float32
from transforms.outcome import Code

_WHOLE = re.compile(r"[+-]?\d+")  # decimal digits of every script, as in Java
_LONGEST = 4000  # digits; beyond, Python refuses to make an int of a text
_HEX = r"0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+"
_DECIMAL = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_REAL = re.compile(rf"(?P<sign>[+-]?)(?:(?P<named>NaN|Infinity)|(?:(?P<hex>{_HEX})|(?P<decimal>{_DECIMAL}))[fFdD]?)")
_TRIMMED = "".join(map(chr, range(0x21)))


class NotANumber(ValueError):
    """A text that Java's parsers refuse, or a whole number beyond its type. Does not show the text."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


def parse_whole(text: str, bits: int) -> int:
    """`Byte.parseByte` to `Long.parseLong`. Raises `NotANumber`, also beyond the range of that many bits."""
    if not _WHOLE.fullmatch(text) or len(text) > _LONGEST or max(text) > "\uffff":
        raise NotANumber(Code.NOT_A_NUMBER)
    number = int(text)
    if wrapped(number, bits) != number:
        raise NotANumber(Code.OUT_OF_RANGE)
    return number


def parse_double(text: str) -> float:
    """`Double.parseDouble`: decimal or hexadecimal, blanks around, infinite beyond the range. Raises `NotANumber`."""
    found = _REAL.fullmatch(text.strip(_TRIMMED))
    if found is None:
        raise NotANumber(Code.NOT_A_NUMBER)
    if found["hex"]:
        try:
            number = float.fromhex(found["hex"])
        except OverflowError:
            number = math.inf
    else:
        number = float(found["named"] or found["decimal"])
    return -number if found["sign"] == "-" else number


def parse_float(text: str) -> float:
    """`Float.parseFloat`, as a 32-bit value. Raises `NotANumber`."""
    return rounded32(parse_double(text))


def rounded32(number: float) -> float:
    """`(float) number`: infinite beyond the range of 32 bits."""
    try:
        return float32(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def wrapped(number: int, bits: int) -> int:
    """The low bits of an integer, in two's complement."""
    half = 1 << (bits - 1)
    return (number + half) % (2 * half) - half


def truncated(number: float, bits: int) -> int:
    """A double made a whole number: 32 and 64 bits saturate, fewer are the low bits of 32; NaN is 0."""
    if math.isnan(number):
        return 0
    top = 1 << ((64 if bits == 64 else 32) - 1)
    whole = max(-top, min(top - 1, int(max(-1e20, min(1e20, number)))))
    return wrapped(whole, bits)


def double_text(number: float) -> str:
    """`Double.toString`."""
    return _text(number, repr(number), lambda text: float(text) == number)


def float_text(number: float) -> str:
    """`Float.toString` of a 32-bit value."""
    if not math.isfinite(number):
        return double_text(number)
    shortest = next(text for digits in range(9) if rounded32(float(text := f"{number:.{digits}e}")) == number)
    return _text(number, shortest, lambda text: rounded32(float(text)) == number)


def _text(number: float, shortest: str, reads_back: Callable[[str], bool]) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    digits, exponent = _digits(shortest)
    if len(digits) == 1 and reads_back(two := f"{number:.1e}"):
        digits, exponent = _digits(two)
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        plain = f"{Decimal(f'{digits}e{exponent - len(digits) + 1}'):f}"
        return sign + (plain if "." in plain else plain + ".0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _digits(text: str) -> tuple[str, int]:
    """The significant digits of a number's text, and the power of ten of the first of them."""
    number = Decimal(text)
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0") or "0"
    return digits, number.adjusted()
