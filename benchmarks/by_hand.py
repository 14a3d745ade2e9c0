"""The same chain as a good programmer writes it by hand, record by record: fastavro, `hmac`, for FPE a Rust wheel."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro

from benchmarks.workload import CUSTOMER, without_logical_types
from registry.wire import PREFIX_LENGTH


def sink_schema() -> dict[str, Any]:
    """The customer without the city."""
    return {**CUSTOMER, "fields": [field for field in CUSTOMER["fields"] if field["name"] != "city"]}


Protect = Callable[[bytes], bytes]
"""From payload to payload."""


def chain(hmac_key: bytes, prefix: bytes, encrypt: Callable[[str], str] | None = None) -> Protect:
    """The chain. `prefix` are the first five bytes of what it writes, `encrypt` is for numbers without separators.

    Its schemas say nothing of logical types: fastavro would make a date object of each birth date, and an int again.
    """
    source = fastavro.parse_schema(without_logical_types(CUSTOMER))
    sink = fastavro.parse_schema(without_logical_types(sink_schema()))
    read, write, digest = fastavro.schemaless_reader, fastavro.schemaless_writer, hmac.digest

    def protect(payload: bytes) -> bytes:
        framed = BytesIO(payload)
        framed.seek(PREFIX_LENGTH)
        record: Any = read(framed, source)
        if record["note"] is not None:
            record["note"] = ""
        record["address"]["street"] = ""
        record["email"] = digest(hmac_key, record["email"].encode(), "sha256").hex()
        if encrypt is not None:
            record["card"] = encrypt(record["card"])
            ssn = encrypt(record["ssn"].replace("-", ""))
            record["ssn"] = f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}"
        out = BytesIO()
        out.write(prefix)
        write(out, sink, record)  # the city is in the record still, and in the sink's schema no more
        return out.getvalue()

    return protect


def ff1(key: bytes) -> Callable[[str], str]:
    """FF1 of decimal digits under AES-256, without a tweak. Needs the extra `bench`."""
    from fastfpe import ff1 as rust

    encrypt, hex_key = rust.encrypt, key.hex()

    def encrypted(digits: str) -> str:
        text: str = encrypt(hex_key, "", "0123456789", digits)
        return text

    return encrypted
