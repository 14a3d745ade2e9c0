"""`key.converter` and `value.converter`: what the bytes of keys and values are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from connector.config.reading import Reading

Format = Literal["avro", "json", "string", "bytes"]

JAVA_CONVERTERS: Mapping[str, Format] = MappingProxyType(
    {
        "io.confluent.connect.avro.AvroConverter": "avro",
        "org.apache.kafka.connect.json.JsonConverter": "json",
        "org.apache.kafka.connect.storage.StringConverter": "string",
        "org.apache.kafka.connect.converters.ByteArrayConverter": "bytes",
    }
)
"""Classes of Connect, and the format that each stands for."""

_FORMATS = ("avro", "json", "string", "bytes")


@dataclass(frozen=True, slots=True)
class Converters:
    """The format of keys and of values."""

    key: Format = "string"
    value: Format = "avro"

    @property
    def use_registry(self) -> bool:
        return "avro" in (self.key, self.value)


def read_converters(reading: Reading) -> Converters:
    """Both converters. Where a side's format cannot be told, the default stands in for it."""
    return Converters(_read(reading, "key", "string"), _read(reading, "value", "avro"))


def _read(reading: Reading, side: str, default: Format) -> Format:
    key = f"{side}.converter"
    text = reading.plain(key)
    if text is None:
        format_ = default
    elif text in _FORMATS:
        format_ = cast(Format, text)
    elif text in JAVA_CONVERTERS:
        format_ = JAVA_CONVERTERS[text]
    else:
        reading.wrong(key, f"one of {', '.join(_FORMATS)}, or Connect's class for it", reading.shown(key))
        format_ = default
    _check_schemas_enable(reading, side, json=format_ == "json", by_class=text in JAVA_CONVERTERS)
    return format_


def _check_schemas_enable(reading: Reading, side: str, *, json: bool, by_class: bool) -> None:
    """JSON is plain here. Connect's class would expect a schema in each record unless it is told otherwise."""
    key = f"{side}.converter.schemas.enable"
    text = reading.plain(key)
    if text is None:
        if json and by_class and not reading.has(key):
            reading.wrong(key, "false: JSON with a schema in each record is not read", "nothing")
    elif not json:
        reading.wrong(key, f"to be absent: it belongs to {side}.converter=json")
    elif text.strip().lower() != "false":
        reading.wrong(key, "false: JSON with a schema in each record is not read", reading.shown(key))
