"""Numbers as Java's `toString` writes them, which is what Kafka Connect's text has in it."""

from __future__ import annotations

import math
from decimal import Decimal

from registry.schema.plain import shortest_float32

_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7


def double_text(value: float) -> str:
    """`Double.toString`: digits and a point between 0.001 and 10 million, else a power of ten (`1.0E10`)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - neither NaN nor infinite
    shown = "".join(map(str, digits))
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{exponent + len(shown) - 1}"


def float_text(value: float) -> str:
    """`Float.toString` of a 32-bit value."""
    return double_text(shortest_float32(value))


def decimal_text(unscaled: int, scale: int) -> str:
    """`BigDecimal.toString`."""
    return str(Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale)))
