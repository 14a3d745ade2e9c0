"""The published vectors: right by FF1 numeral by numeral and HKDF from the standard library, and what Fpe answers."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from connector.shapes import avro_root, shape_of
from registry.schema.tags import TagRules
from tests.unit.rings import RingOf
from tests.unit.test_ff1_properties import expected
from transforms.fpe import Fpe, FpeDecrypt
from transforms.transform import ColumnStep, Context

PUBLISHED = json.loads((Path(__file__).parents[2] / "docs/vectors/fpe.json").read_text())
RING_KEY = base64.b64decode(PUBLISHED["ring_key_base64"])
VECTORS = PUBLISHED["vectors"]


def subkey(domain: str) -> bytes:
    """RFC 5869 with SHA-256, an empty salt and 32 bytes of output, which is one block."""
    extracted = hmac.digest(bytes(32), RING_KEY, "sha256")
    return hmac.digest(extracted, f"streamveil/v1/fpe/{domain}".encode() + b"\x01", "sha256")


def apply(model: type[Fpe], vector: dict[str, Any], value: Any) -> Any:
    rules = TagRules()
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": vector["schema"]}]}
    transform = model.model_validate({"key": "ring", "fields": "f", "domain": vector["domain"], **vector["options"]})
    shape = shape_of(None, avro_root("value", schema, rules), rules)
    (step,) = transform.bind(shape, Context(keys={"ring": RingOf(RING_KEY)})).steps
    assert isinstance(step, ColumnStep)
    return step.apply([value])[0]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_what_is_encrypted_can_be_recomputed_by_the_standard(vector: dict[str, Any]) -> None:
    body = vector["body"]
    for _ in range(vector["applied"]):
        body = expected(subkey(vector["domain"]), vector["characters"], body, bytes.fromhex(vector["tweak_hex"]))
    assert body == vector["encrypted_body"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_the_transform_gives_the_vectors_output(vector: dict[str, Any]) -> None:
    assert apply(Fpe, vector, vector["value"]) == vector["output"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_the_inverse_gives_the_vectors_value(vector: dict[str, Any]) -> None:
    assert apply(FpeDecrypt, vector, vector["output"]) == vector["value"]


def test_there_is_a_vector_for_each_kind_of_format() -> None:
    used = {name for vector in VECTORS for name in vector["options"]}
    assert used == {"alphabet", "separators", "keep.first", "keep.last", "luhn"}
