"""Tokenize and Detokenize of the field x, as tests configure them."""

from __future__ import annotations

from typing import Any

from transforms.detokenize import Detokenize
from transforms.tokenize import Tokenize


def tokenize(**options: Any) -> Tokenize:
    """`_` in an option's name stands for a dot; None leaves it out."""
    return Tokenize.model_validate(_options(options))


def detokenize(**options: Any) -> Detokenize:
    return Detokenize.model_validate(_options(options))


def _options(options: dict[str, Any]) -> dict[str, Any]:
    given = {"fields": "x", "key": "ring", "domain": "D"} | {k.replace("_", "."): v for k, v in options.items()}
    return {name: value for name, value in given.items() if value is not None}
