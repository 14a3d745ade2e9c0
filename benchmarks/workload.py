"""The pinned workload: customers of about 180 bytes, and the connector that protects them.

Changing anything here makes new figures incomparable with old ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOPIC = "benchmark"
PARTITIONS = 6
RECORDS = 1_000_000
BATCH_RECORDS = 10_000
KEY_RING = "benchmark"
EMAIL_DOMAIN = "EMAIL"
NUMBERS_DOMAIN = "numbers"

_ADDRESS = {
    "type": "record",
    "name": "Address",
    "fields": [
        {"name": "street", "type": "string", "confluent:tags": ["ADDRESS"]},
        {"name": "zip", "type": "string"},
    ],
}
CUSTOMER: dict[str, Any] = {
    "type": "record",
    "name": "Customer",
    "namespace": "demo",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": "string"},
        {"name": "email", "type": "string", "confluent:tags": ["EMAIL"]},
        {"name": "ssn", "type": "string"},
        {"name": "card", "type": "string"},
        {"name": "birth_date", "type": {"type": "int", "logicalType": "date"}},
        {"name": "city", "type": "string"},
        {"name": "balance", "type": "double"},
        {"name": "note", "type": ["null", "string"], "default": None, "confluent:tags": ["NOTE"]},
        {"name": "address", "type": _ADDRESS},
    ],
}

_TRANSFORMS = {
    "transforms": "mask,pseudonym,trim",
    "transforms.mask.type": "MaskField",
    "transforms.mask.fields": "note,address.street",
    "transforms.pseudonym.type": "Hmac",
    "transforms.pseudonym.fields": "email",
    "transforms.pseudonym.key": KEY_RING,
    "transforms.trim.type": "ReplaceField",
    "transforms.trim.exclude": "city",
}
_ENCRYPTION = {
    "transforms": "mask,pseudonym,trim,encrypt",
    "transforms.encrypt.type": "Fpe",
    "transforms.encrypt.fields": "ssn,card",
    "transforms.encrypt.key": KEY_RING,
    "transforms.encrypt.domain": NUMBERS_DOMAIN,
}


def customer(number: int) -> dict[str, Any]:
    """One customer, as fastavro takes it once logical types are left out: the birth date is days since 1970."""
    first, last = f"first{number % 997}", f"last{number % 1009}"
    return {
        "id": number,
        "name": f"{first} {last}",
        "email": f"{first}.{last}.{number}@mail{number % 13}.example.com",
        "ssn": f"{number % 899 + 100:03d}-{number % 97 + 1:02d}-{number % 10_000:04d}",
        "card": f"4000{number:012d}",
        "birth_date": number % 20_000,
        "city": f"city-of-{number % 499}",
        "balance": number / 64,
        "note": f"called on day {number % 365}, wants to be called again on day {number % 366} or later"
        if number % 2
        else None,
        "address": {"street": f"{number % 200 + 1} Long Street of {number % 499}", "zip": f"{number % 100_000:05d}"},
    }


def connector(
    name: str, bootstrap_servers: str, registry_url: str, key_file: Path, *, fpe: bool = False
) -> dict[str, Any]:
    """The connector; its name is that of one run, so that each has a group, a transactional id and a sink of its own.

    With `fpe` it also encrypts the two numbers. The baselines read the same file, to run with the same settings of
    Kafka's clients.
    """
    config = {
        "topics": TOPIC,
        "sink.topic.format": sink_of(name),
        "bootstrap.servers": bootstrap_servers,
        "schema.registry.url": registry_url,
        "batch.max.records": str(BATCH_RECORDS),
        "keys": KEY_RING,
        f"keys.{KEY_RING}.provider": "file",
        f"keys.{KEY_RING}.path": str(key_file),
        **_TRANSFORMS,
        **(_ENCRYPTION if fpe else {}),
    }
    return {"name": name, "config": config}


def sink_of(name: str) -> str:
    """The sink of one run."""
    return f"{TOPIC}.{name}"


def without_logical_types(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the same bytes on the wire, whose dates are ints."""

    def strip(attributes: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in attributes.items() if name != "logicalType"}

    stripped: dict[str, Any] = json.loads(json.dumps(schema), object_hook=strip)
    return stripped
