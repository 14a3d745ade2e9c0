"""Records as lines of plain JSON: a value alone, or an object of `key` and `value`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.converters import CONVERTERS
from connector.record import Failure
from registry.codec import Encoded
from registry.schema.plain import NotPlain, to_plain
from registry.schema.plain_input import from_plain
from registry.schema.tree import Shape
from transforms.outcome import Code

_JSON = CONVERTERS["json"]
_STAGE = "value.converter"


@dataclass(slots=True, repr=False)
class Records:
    """Records as physical values; `rows` says which line each was. Lines that are none are in `malformed`."""

    keys: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    malformed: dict[int, Failure] = field(default_factory=dict)


class LineReader:
    """Reads lines as records of a shape; `keyed` lines hold a key beside the value."""

    def __init__(self, shape: Shape, *, keyed: bool) -> None:
        self._key = from_plain(shape.key)
        self._value = from_plain(shape.value)
        self._keyed = keyed

    def read(self, lines: Sequence[bytes]) -> Records:
        """Every line, as a record or as malformed."""
        records = Records()
        parsed, broken = _JSON.decode(lines)
        for row, plain in enumerate(parsed):
            if row in broken:
                records.malformed[row] = _malformed()
                continue
            try:
                key, value = self._record(plain)
            except NotPlain as misfit:
                records.malformed[row] = _malformed(misfit.path)
            except RecursionError:
                records.malformed[row] = _malformed()
            else:
                records.keys.append(key)
                records.values.append(value)
                records.rows.append(row)
        return records

    def _record(self, plain: Any) -> tuple[Any, Any]:
        if not self._keyed:
            return None, self._value(plain)
        if not isinstance(plain, dict) or plain.keys() != {"key", "value"}:
            raise NotPlain("", "an object of key and value")
        return self._key_of(plain["key"]), self._value(plain["value"])

    def _key_of(self, plain: Any) -> Any:
        try:
            return self._key(plain)
        except NotPlain as misfit:
            raise NotPlain(f"key.{misfit.path}" if misfit.path else "key", "another key") from None


def _malformed(path: str = "") -> Failure:
    return Failure(Code.MALFORMED, _STAGE, path)


def line_writer(shape: Shape, *, keyed: bool) -> Callable[[Sequence[Any], Sequence[Any]], Encoded]:
    """A function from keys and values of a shape to lines, without their line ends."""
    key_of, value_of = to_plain(shape.key), to_plain(shape.value)

    def plain(key: Any, value: Any) -> Any:
        plain_value = None if value is None else value_of(value)
        return {"key": None if key is None else key_of(key), "value": plain_value} if keyed else plain_value

    def write(keys: Sequence[Any], values: Sequence[Any]) -> Encoded:
        bad: dict[int, str] = {}
        records: list[Any] = []
        for row, (key, value) in enumerate(zip(keys, values, strict=True)):
            try:
                records.append(plain(key, value))
            except (NotPlain, RecursionError) as misfit:
                records.append(None)
                bad[row] = type(misfit).__name__
        lines, more = _JSON.encode(records, b"")
        return Encoded([line or b"null" for line in lines], {**more, **bad})

    return write
