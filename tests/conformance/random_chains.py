"""Random chains over random tagged schemas, with a canary in every sensitive leaf."""

from __future__ import annotations

import base64
import struct
from io import BytesIO
from random import Random
from typing import Any

import fastavro

from connector.config import Connector, Need, load
from connector.config.errors import ConfigErrors

SENSITIVE = ("PII", "PCI.CARD", "SECRET")


class Planting:
    """One random schema, one record of it, and the canaries that its sensitive leaves hold."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._types = 0
        self.canaries: list[Any] = []
        self.names: list[str] = []
        self.schema, self.record = self._make_record(2)

    def payload(self, schema_id: int) -> bytes:
        out = BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(self.schema), self.record)
        return b"\x00" + schema_id.to_bytes(4, "big") + out.getvalue()

    def found_in(self, raw: bytes) -> bool:
        """Whether any canary is in these bytes in any of its forms."""
        return any(form in raw for canary in self.canaries for form in forms(canary))

    def _make_record(self, depth: int) -> tuple[dict[str, Any], dict[str, Any]]:
        self._types += 1
        name = f"R{self._types}"
        fields: list[dict[str, Any]] = []
        record: dict[str, Any] = {}
        for index in range(self._random.randint(1, 5)):
            field_name = f"f{self._types}_{index}"
            tags = [self._random.choice(SENSITIVE)] if self._random.random() < 0.6 else []
            schema, value, default = self._make(depth, bool(tags))
            field: dict[str, Any] = {"name": field_name, "type": schema, "doc": "a field"}
            if tags:
                field["confluent:tags"] = tags
                if default is not None:
                    field |= {"default": default, "doc": f"such as {default}", "example": default}
            fields.append(field)
            record[field_name] = value
            self.names.append(field_name)
        return {"type": "record", "name": name, "fields": fields}, record

    def _make(self, depth: int, tagged: bool) -> tuple[Any, Any, Any]:
        kinds = ["string", "string", "digits", "long", "bytes", "double", "nullable"]
        kinds += ["record", "array", "map"] if depth else []
        match self._random.choice(kinds):
            case "string":
                return "string", self._plant(self._text(), tagged), self._plant(self._text(), tagged)
            case "digits":
                return "string", self._plant(str(self._random.randrange(10**19, 10**20)), tagged), None
            case "long":
                return "long", self._plant(self._random.randrange(2**60, 2**63), tagged), None
            case "bytes":
                return "bytes", self._plant(self._random.randbytes(12), tagged), None
            case "double":
                return "double", self._plant(self._random.random() * 1e17, tagged), None
            case "nullable":
                value = None if self._random.random() < 0.2 else self._plant(self._text(), tagged)
                return ["null", "string"], value, None
            case "record":
                schema, value = self._nested(depth, tagged)
                return schema, value, None
            case "array":
                values = [self._plant(self._text(), tagged) for _ in range(self._random.randint(0, 3))]
                return {"type": "array", "items": "string"}, values, None
            case _:
                keys = [self._plant(self._text(), tagged) for _ in range(self._random.randint(0, 2))]
                return (
                    {"type": "map", "values": "string"},
                    {key: self._plant(self._text(), tagged) for key in keys},
                    None,
                )

    def _nested(self, depth: int, tagged: bool) -> tuple[Any, Any]:
        schema, value = self._make_record(depth - 1)
        if tagged:  # the tag of the place around holds for every leaf inside
            self._plant_all(value)
        return schema, value

    def _plant_all(self, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._plant_all(key if len(key) > 10 else inner)
                self._plant_all(inner)
        elif isinstance(value, list):
            for inner in value:
                self._plant_all(inner)
        elif value is not None:
            self._plant(value, True)

    def _text(self) -> str:
        return "c" + self._random.randbytes(10).hex()

    def _plant(self, value: Any, tagged: bool) -> Any:
        if tagged:
            self.canaries.append(value)
        return value


def forms(canary: Any) -> list[bytes]:
    """The ways in which a value could show: its own bytes and text, in hex, in base64."""
    match canary:
        case bytes():
            raw = [canary]
        case int():
            raw = [str(canary).encode(), canary.to_bytes(8, "big"), _varint(canary)]
        case float():
            raw = [repr(canary).encode(), struct.pack("<d", canary)]
        case _:
            raw = [str(canary).encode()]
    found = []
    for form in raw:
        # The first characters of base64 depend on what goes before; those of the middle are the same in one of three.
        encoded = [base64.b64encode(b"\x00" * shift + form)[4:-4] for shift in range(3)]
        found += [form, form.hex().encode(), form.hex().upper().encode(), *encoded]
        found += [text.translate(bytes.maketrans(b"+/", b"-_")) for text in encoded]
    return [form for form in found if len(form) >= 7]


def _varint(number: int) -> bytes:
    zigzag = number << 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def connector(random: Random, names: list[str]) -> Connector | None:
    """A random chain of 1 to 6 transforms; None where the configuration itself is refused."""
    count = random.randint(1, 6)
    config: dict[str, str] = {
        "transforms": ",".join(f"t{index}" for index in range(count)),
        "predicates": "p",
        "predicates.p.type": "HasHeaderKey",
        "predicates.p.name": "h",
        "key.converter": "avro",
        "keys": "ring",
        "keys.ring.provider": "env",
        "keys.ring.variable": "RANDOM_CHAINS_RING",
        "policy.on.untagged": "warn",
        "policy.on.uncovered": random.choice(["deadletter", "drop-field", "drop-field"]),
    }
    for index in range(count):
        options = _transform(random, names)
        config |= {f"transforms.t{index}.{key}": value for key, value in options.items()}
        if random.random() < 0.15:
            config |= {
                f"transforms.t{index}.predicate": "p",
                f"transforms.t{index}.negate": random.choice(["true", "false"]),
            }
    try:
        return load({"name": "random", "config": config}, need=Need.CHAIN)
    except ConfigErrors:
        return None


def _transform(random: Random, names: list[str]) -> dict[str, str]:
    name = random.choice(names)
    some = ",".join(random.sample(names, random.randint(1, min(3, len(names)))))
    selected = random.choice(
        [{"tags": "*"}, {"tags": random.choice(SENSITIVE)}, {"fields": f"**.{name}"}, {"fields": some}]
    )
    return random.choice(
        [
            {"type": "MaskField", **selected},
            {"type": "MaskField", **selected, "replacement": random.choice(["x", "7"])},
            {"type": "MaskField", **selected, "keep.first": "2", "keep.last": "2"},
            {"type": "Hmac", **selected, "key": "ring", "domain": "d"},
            {"type": "Hmac", "tags": "*", "key": "ring", "encoding": "base64url", "bits": "128", "domain": "d"},
            {"type": "Fpe", **selected, "key": "ring", "domain": "f", "alphabet": "alphanumeric"},
            {"type": "Fpe", "fields": name, "key": "ring", "domain": "f", "alphabet": "digits"},
            {"type": "FpeDecrypt", **selected, "key": "ring", "domain": "f", "alphabet": "alphanumeric"},
            {"type": "FpeDecrypt", "fields": name, "key": "ring", "domain": "f", "alphabet": "digits"},
            {"type": "Tokenize", **selected, "key": "ring", "domain": "t"},
            {"type": "Tokenize", "fields": name, "key": "ring", "domain": "t", "format": "digits"},
            {"type": "Tokenize", "fields": name, "key": "ring", "domain": "t", "format": "email"},
            {"type": "Tokenize", **selected, "key": "ring", "domain": "t", "mode": "vault", "subject.field": name},
            {"type": "Detokenize", **selected, "key": "ring", "domain": "t"},
            {"type": "Detokenize", "fields": name, "key": "ring", "domain": "t", "format": "digits"},
            {"type": "Detokenize", "fields": name, "key": "ring", "domain": "t", "format": "email"},
            {"type": "ReplaceField", "exclude": some},
            {"type": "ReplaceField", "include": some},
            {"type": "ReplaceField", "exclude.tags": random.choice(["*", *SENSITIVE])},
            {"type": "ReplaceField", "renames": f"{name}:renamed"},
            {"type": "Cast$Value", "spec": f"{name}:string"},
            {"type": "Flatten$Value", "delimiter": "_"},
            {"type": "HoistField$Value", "field": "hoisted"},
            {"type": "ExtractField$Value", "field": name},
            {"type": "ValueToKey", "fields": some},
            {"type": "HeaderFrom$Value", "fields": name, "headers": "h", "operation": random.choice(["move", "copy"])},
            {"type": "InsertField$Value", "static.field": "origin", "static.value": "here"},
            {"type": "SetSchemaMetadata$Value", "schema.name": "other.Name"},
            {"type": "DropHeaders", "headers": "h"},
        ]
    )
