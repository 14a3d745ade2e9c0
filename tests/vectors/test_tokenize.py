"""The published vectors: right by the standards that they are made of, written out, and what the transforms answer."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from connector.shapes import avro_root, shape_of
from registry.schema.plain_input import from_plain
from registry.schema.tags import TagRules
from tests.unit.test_ff1_properties import expected
from tests.vectors import aes_siv
from transforms.detokenize import Detokenize
from transforms.lineage import PROTECTED
from transforms.token_options import TokenOptions
from transforms.tokenize import Tokenize
from transforms.transform import ColumnStep, Context
from vault.keyring import Ring

PUBLISHED = json.loads((Path(__file__).parents[2] / "docs/vectors/tokenize.json").read_text())
VECTORS = PUBLISHED["vectors"]
KEYS = {int(version): base64.b64decode(key) for version, key in PUBLISHED["ring"]["versions"].items()}

every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])


def subkey(vector: dict[str, Any], purpose: str, length: int) -> bytes:
    """RFC 5869 with SHA-256 and an empty salt: one block of 32 bytes after the other."""
    extracted = hmac.digest(bytes(32), KEYS[vector["version"]], "sha256")
    info, block, out = f"streamveil/v1/{purpose}/{vector['domain']}".encode(), b"", b""
    for number in range(1, length // 32 + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), "sha256")
        out += block
    return out


def sealed(vector: dict[str, Any], purpose: str, format_: int) -> bytes:
    value = bytes.fromhex(vector["input_hex"]) + b"\x80"
    padded = value.ljust(-(-len(value) // 16) * 16, b"\0")
    header = bytes([format_]) + vector["version"].to_bytes(2, "big")
    return header + aes_siv.encrypt(subkey(vector, purpose, 64), [vector["domain"].encode(), header], padded)


def recomputed(vector: dict[str, Any]) -> str:
    match vector["options"].get("format", "token"):
        case "token":
            return "tok_" + base64.urlsafe_b64encode(sealed(vector, "token", 1)).decode().rstrip("=")
        case "digits":
            digits = bytes.fromhex(vector["input_hex"]).decode()
            return expected(subkey(vector, "token-digits", 32), "0123456789", digits, b"")
        case _:
            text = base64.b32encode(sealed(vector, "token-email", 2)).decode().rstrip("=").lower()
            labels = [text[at : at + 63] for at in range(64, len(text), 63)]
            return f"{text[:64]}@{'.'.join([*labels, vector['options'].get('email.domain', 'example.invalid')])}"


def apply(model: type[TokenOptions], vector: dict[str, Any], schema: Any, value: Any, **attrs: Any) -> Any:
    rules = TagRules()
    record = {"type": "record", "name": "R", "fields": [{"name": "f", "type": schema, **attrs}]}
    options = {"key": "ring", "fields": "f", "domain": vector["domain"], **vector["options"]}
    if model is Tokenize:
        options["key.version"] = str(vector["version"])
    shape = shape_of(None, avro_root("value", record, rules), rules)
    (step,) = model.model_validate(options).bind(shape, Context(keys={"ring": Ring(KEYS, None)})).steps
    assert isinstance(step, ColumnStep)
    return step.apply([value])[0]


def physical(vector: dict[str, Any]) -> Any:
    record = {"type": "record", "name": "R", "fields": [{"name": "f", "type": vector["schema"]}]}
    return from_plain(avro_root("value", record, TagRules()).type.fields[0])(vector["value"])


@every_vector
def test_a_token_can_be_recomputed_by_the_standards(vector: dict[str, Any]) -> None:
    assert recomputed(vector) == vector["token"]


@every_vector
def test_tokenize_gives_the_vectors_token(vector: dict[str, Any]) -> None:
    assert apply(Tokenize, vector, vector["schema"], physical(vector)) == vector["token"]


@every_vector
def test_detokenize_gives_the_vectors_value_where_the_schema_tells_how_it_was_made(vector: dict[str, Any]) -> None:
    lineage = {"transform": "Tokenize", "step": "t", "key": "ring", "version": vector["version"]}
    lineage |= {"domain": vector["domain"], "mode": "local", "format": vector["options"].get("format", "token")}
    if vector["schema"] != "string":
        lineage["type"] = vector["schema"] if isinstance(vector["schema"], dict) else {"type": vector["schema"]}
    found = apply(Detokenize, vector, "string", vector["token"], **{PROTECTED: [lineage]})
    assert found == physical(vector)


def test_there_is_a_vector_for_each_format_and_for_a_second_version() -> None:
    assert {vector["options"].get("format", "token") for vector in VECTORS} == {"token", "digits", "email"}
    assert {vector["version"] for vector in VECTORS} == {1, 2}
