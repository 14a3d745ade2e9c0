"""The published vectors: right by the standard library alone, and what the transform answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from connector.shapes import avro_root, shape_of
from registry.schema.plain_input import from_plain
from registry.schema.tags import TagRules
from tests.unit.rings import RingOf
from transforms.hmac import Hmac
from transforms.outcome import Code, Rejected
from transforms.transform import Bound, ColumnStep, Context

PUBLISHED = json.loads((Path(__file__).parents[2] / "docs/vectors/hmac.json").read_text())
RING_KEY = base64.b64decode(PUBLISHED["ring_key_base64"])
VECTORS = PUBLISHED["vectors"]


def hkdf(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, an empty salt and 32 bytes of output, which is one block."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def bound(schema: Any, **options: Any) -> Bound:
    rules = TagRules()
    record = {"type": "record", "name": "R", "fields": [{"name": "f", "type": schema}]}
    transform = Hmac.model_validate({"key": "ring", "fields": "f", **options})
    shape = shape_of(None, avro_root("value", record, rules), rules)
    return transform.bind(shape, Context(keys={"ring": RingOf(RING_KEY)}))


def apply(schema: Any, value: Any, **options: Any) -> Any:
    record = {"type": "record", "name": "R", "fields": [{"name": "f", "type": schema}]}
    place = avro_root("value", record, TagRules()).type.fields[0]
    (step,) = bound(schema, **options).steps
    assert isinstance(step, ColumnStep)
    return step.apply([from_plain(place)(value)])[0]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_a_vector_can_be_recomputed_with_the_standard_library(vector: dict[str, Any]) -> None:
    subkey = hkdf(RING_KEY, b"streamveil/v1/hmac/" + vector["domain"].encode())
    digest = hmac.new(subkey, bytes.fromhex(vector["input_hex"]), hashlib.sha256).digest()[: vector["bits"] // 8]
    encoded = digest.hex() if vector["encoding"] == "hex" else base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert vector["output"] == encoded


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_the_transform_gives_the_vectors_output(vector: dict[str, Any]) -> None:
    options = {"domain": vector["domain"], "bits": str(vector["bits"]), "encoding": vector["encoding"]}
    assert apply(vector["schema"], vector["value"], **options) == vector["output"]


@pytest.mark.parametrize("schema", ["float", "double", {"type": "array", "items": "double"}])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_rfc_8785_cannot_write_rejects_the_record(schema: Any, value: str) -> None:
    plain = [value] if isinstance(schema, dict) else value
    assert apply(schema, plain, domain="d") == Rejected(Code.OUT_OF_RANGE)


def test_a_union_whose_branches_become_equal_becomes_one_branch() -> None:
    shape = bound(["null", "string", "long"], domain="d").shape
    assert shape is not None
    (place,) = shape.value.type.fields
    assert (place.type.kind, place.null) == ("string", 0)
    assert apply(["null", "string", "long"], 7, domain="d") == apply("long", 7, domain="d")
    assert apply(["null", "string", "long"], "x", domain="d") == apply("string", "x", domain="d")


def test_two_domains_never_give_the_same_pseudonym() -> None:
    assert apply("string", "ada", domain="a") != apply("string", "ada", domain="b")


@pytest.mark.parametrize("bits", ["120", "264", "129"])
def test_bits_are_whole_bytes_from_128_to_256(bits: str) -> None:
    with pytest.raises(ValueError, match="bits"):
        Hmac.model_validate({"key": "ring", "fields": "f", "bits": bits})
