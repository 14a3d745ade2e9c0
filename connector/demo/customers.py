"""The demo's customers: made up, the same in every run, in two versions of a schema with tagged fields."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import fastavro

TOPIC = "customers"
SINK = f"{TOPIC}.protected"
RING = "demo"
PARTITIONS = 6
RECORDS = 100_000

_FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Tony", "Frances", "Niklaus", "Radia", "Ken")
_LAST = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Hoare", "Allen", "Wirth", "Perlman", "Thompson")
_STREETS = ("Main Street", "Station Road", "Mill Lane", "Church Street", "Park Avenue")


def _field(name: str, type_: Any, *tags: str, **attrs: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **attrs, **({"confluent:tags": list(tags)} if tags else {})}


_ADDRESS = {
    "type": "record",
    "name": "Address",
    "fields": [_field("street", "string", "PII.ADDRESS"), _field("zip", "string")],
}
_VERSION_1 = [
    _field("id", "long"),
    _field("name", "string", "PII.NAME"),
    _field("email", "string", "PII.EMAIL"),
    _field("ssn", "string", "PII.SSN"),
    _field("card", "string", "PCI"),
    _field("birth_date", {"type": "int", "logicalType": "date"}, "PII.BIRTH"),
    _field("balance", "double"),
    _field("address", _ADDRESS),
]
_PHONE = _field("phone", ["null", "string"], "PII.PHONE", default=None)


def schema(version: int) -> str:
    """The schema of version 1, or of version 2, which has a phone number as well."""
    fields = _VERSION_1 if version == 1 else [*_VERSION_1, _PHONE]
    return json.dumps({"type": "record", "name": "Customer", "namespace": "demo", "fields": fields})


def version_of(number: int) -> int:
    """Producers move to version 2 halfway."""
    return 1 if number < RECORDS // 2 else 2


def customer(number: int) -> dict[str, Any]:
    """One customer, as plain values of the schema's physical types."""
    first, last = _FIRST[number % 10], _LAST[number // 10 % 10]
    record: dict[str, Any] = {
        "id": number,
        "name": f"{first} {last}",
        "email": f"{first}.{last}.{number}@example.com".lower(),
        "ssn": f"{number % 899 + 100:03d}-{number % 97 + 1:02d}-{number % 10000:04d}",
        "card": f"4000{number:012d}",
        "birth_date": number % 20_000,
        "balance": number / 100,
        "address": {"street": f"{number % 200 + 1} {_STREETS[number % 5]}", "zip": f"{number % 100_000:05d}"},
    }
    if version_of(number) == 2:
        record["phone"] = f"+1 555 {number % 10_000_000:07d}" if number % 3 else None
    return record


class Encoder:
    """Customers as payloads in the wire format. `prefixes` has the first five bytes for each version."""

    def __init__(self, prefixes: dict[int, bytes]) -> None:
        self._prefixes = prefixes
        self._schemas: dict[int, Any] = {
            version: fastavro.parse_schema(_without_logical(json.loads(schema(version)))) for version in prefixes
        }

    def encode(self, number: int) -> bytes:
        version = version_of(number)
        out = BytesIO()
        fastavro.schemaless_writer(out, self._schemas[version], customer(number))
        return self._prefixes[version] + out.getvalue()


def _without_logical(parsed: dict[str, Any]) -> dict[str, Any]:
    """The dates are days already."""
    for field in parsed["fields"]:
        if isinstance(field["type"], dict):
            field["type"].pop("logicalType", None)
    return parsed


def connector(
    bootstrap_servers: str, registry_url: str, vault_url: str, vault_token: str, audit_file: str
) -> dict[str, Any]:
    """The connector that protects them. `vault_token` is what stands at `vault.token`."""
    return {
        "name": "demo",
        "config": {
            "topics": TOPIC,
            "bootstrap.servers": bootstrap_servers,
            "schema.registry.url": registry_url,
            "worker.id": "demo",
            "batch.max.records": "2000",
            "vault.url": vault_url,
            "vault.auth": "token",
            "vault.token": vault_token,
            "audit.file": audit_file,
            "keys": RING,
            f"keys.{RING}.provider": "vault",
            "transforms": "token,pseudonym,mask,drop",
            "transforms.token.type": "Tokenize",
            "transforms.token.tags": "PII.EMAIL",
            "transforms.token.key": RING,
            "transforms.pseudonym.type": "Hmac",
            "transforms.pseudonym.tags": "PII.SSN",
            "transforms.pseudonym.key": RING,
            "transforms.pseudonym.bits": "128",
            "transforms.mask.type": "MaskField",
            "transforms.mask.tags": "PII.NAME,PII.ADDRESS,PII.BIRTH,PII.PHONE",
            "transforms.drop.type": "ReplaceField",
            "transforms.drop.exclude.tags": "PCI",
        },
    }
