"""The command line as its users meet it: a folder with a configuration and schemas, what a command says and returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from connector.cli import app

CUSTOMER: dict[str, Any] = {
    "type": "record",
    "name": "Customer",
    "namespace": "demo",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "email", "type": "string", "confluent:tags": ["EMAIL"]},
        {"name": "phones", "type": {"type": "array", "items": ["null", "string"]}, "confluent:tags": ["PII"]},
        {"name": "birth_date", "type": {"type": "int", "logicalType": "date"}},
        {"name": "balance", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}},
        {"name": "segment", "type": "string"},
    ],
}
HMAC = {"type": "Hmac", "tags": "EMAIL", "key": "pseudonyms"}
MASK = {"type": "MaskField", "tags": "PII"}
TRIM = {"type": "org.apache.kafka.connect.transforms.ReplaceField$Value", "exclude": "segment"}
PSEUDONYMS = {"keys": "pseudonyms", "keys.pseudonyms.provider": "env", "keys.pseudonyms.variable": "TEST_RING"}


class Folder:
    """A folder in which a user works."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: Any) -> str:
        """Write a JSON file, or text as it is; gives the path as one types it."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.path / name).write_text(text)
        return str(self.path / name)

    def connector(self, chain: dict[str, dict[str, str]], **keys: str) -> str:
        """A configuration with these transforms, by alias, and what they need; `__` in other keys stands for a dot."""
        config = {"transforms": ",".join(chain), **PSEUDONYMS}
        config |= {f"transforms.{alias}.{name}": v for alias, options in chain.items() for name, v in options.items()}
        config |= {key.replace("__", "."): value for key, value in keys.items()}
        return self.write("connector.json", {"name": "customers", "config": config})

    def schema(self, *fields: dict[str, Any]) -> str:
        """An Avro schema of the customer with further fields."""
        return self.write("customer.avsc", {**CUSTOMER, "fields": [*CUSTOMER["fields"], *fields]})


def streamveil(*arguments: str, lines: Sequence[Any] = ()) -> Result:
    """Run a command; `lines` are what stands on its standard input, JSON unless they are text."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    return CliRunner().invoke(app, list(arguments), input="".join(f"{text}\n" for text in texts))
