"""The published vectors of mode=vault: right by HMAC, HKDF and AES-GCM alone, and what the transform makes."""

from __future__ import annotations

import base64
import copy
import hmac
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from transforms.token_vault import Mapped, Mapper, Subjects, is_token, open_mapping, read_mapping
from transforms.transform import Along
from vault.keyring import Ring

PUBLISHED = json.loads((Path(__file__).parents[2] / "docs/vectors/mapping.json").read_text())
VECTORS = PUBLISHED["vectors"]
KEYS = {int(version): base64.b64decode(key) for version, key in PUBLISHED["ring"]["versions"].items()}
RING = Ring(KEYS, 2)
FINGERPRINTS = {RING.fingerprint(version): (RING, version) for version in KEYS}

every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])


def subkey(version: int, info: str) -> bytes:
    """RFC 5869 with SHA-256 and an empty salt; one block is enough."""
    extracted = hmac.digest(bytes(32), KEYS[version], "sha256")
    return hmac.digest(extracted, f"streamveil/v1/{info}".encode() + b"\1", "sha256")


def unpadded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def opened_by_hand(vector: dict[str, Any], key: str, value: bytes) -> str:
    """What `docs/transforms/Tokenize.md` says of a mapping, with a bare AES-GCM. It raises for a tag that is wrong."""
    domain = vector["domain"].encode()
    fingerprint = subkey(vector["version"], "fingerprint")[:8]
    head = b"\1" + fingerprint + len(domain).to_bytes(2, "big") + domain
    assert value.startswith(head)
    nonce, sealed, tag = value[len(head) :][:12], value[len(head) + 12 : -16], value[-16:]
    own = hmac.digest(subkey(vector["version"], f"token-mapping/{vector['domain']}"), key.encode(), "sha256")
    cipher = Cipher(algorithms.AES(own), modes.GCM(nonce, tag)).decryptor()
    cipher.authenticate_additional_data(head + key.encode())
    padded = cipher.update(sealed) + cipher.finalize()
    assert len(padded) % 16 == 0
    return padded[: padded.rindex(b"\x80")].decode()


def made(vector: dict[str, Any]) -> tuple[str, Along]:
    mapper = Mapper(RING, vector["domain"], vector["version"])
    (token,) = mapper.tokens([vector["value"].encode()])
    assert isinstance(token, Mapped)
    return str.__str__(token), mapper.mapping(token, Subjects(RING).digests(vector["subject"].encode()))


@every_vector
def test_a_token_and_its_subject_can_be_recomputed_by_the_standards(vector: dict[str, Any]) -> None:
    header = b"\3" + vector["version"].to_bytes(2, "big")
    digest = hmac.digest(
        subkey(vector["version"], f"token-vault/{vector['domain']}"), vector["value"].encode(), "sha256"
    )
    assert vector["token"] == f"tok_{unpadded(header + digest)}"
    subject = hmac.digest(subkey(vector["version"], "token-subject/"), vector["subject"].encode(), "sha256")
    assert vector["subject_hex"] == subject.hex()
    assert vector["key"] == f"{vector['token']}.{unpadded(subject)}"
    assert opened_by_hand(vector, vector["key"], bytes.fromhex(vector["mapping_hex"])) == vector["value"]


@every_vector
def test_the_transform_makes_the_published_token_and_a_mapping_that_the_standards_open(vector: dict[str, Any]) -> None:
    token, along = made(vector)

    assert (token, along.key.decode()) == (vector["token"], vector["key"])
    assert bytes.fromhex(vector["subject_hex"]) in along.subjects
    assert opened_by_hand(vector, along.key.decode(), along.value) == vector["value"]


@every_vector
def test_the_published_mapping_is_opened(vector: dict[str, Any]) -> None:
    key, value = vector["key"].encode(), bytes.fromhex(vector["mapping_hex"])

    said = read_mapping(key, value)
    assert said is not None
    assert (said.token, said.subject.hex(), said.domain) == (vector["token"], vector["subject_hex"], vector["domain"])
    assert open_mapping(FINGERPRINTS.get, key, value) == vector["value"].encode()


@every_vector
def test_a_mapping_is_of_its_token_subject_domain_and_key_alone(vector: dict[str, Any]) -> None:
    key, value = vector["key"].encode(), bytearray.fromhex(vector["mapping_hex"])

    another_token = VECTORS[1 - VECTORS.index(vector) % 2]["token"].encode() + key[key.index(b".") :]
    another_subject = key[:-43] + unpadded(bytes(32)).encode()
    assert open_mapping(FINGERPRINTS.get, another_token, bytes(value)) is None
    assert open_mapping(FINGERPRINTS.get, another_subject, bytes(value)) is None
    assert open_mapping({}.get, key, bytes(value)) is None
    for at in (0, 8, 11, len(value) - 1):
        changed = bytes(value[:at]) + bytes([value[at] ^ 1]) + bytes(value[at + 1 :])
        assert open_mapping(FINGERPRINTS.get, key, changed) is None


def test_tokens_of_this_kind_are_told_from_others() -> None:
    assert all(is_token(vector["token"]) for vector in VECTORS)
    others = json.loads((Path(__file__).parents[2] / "docs/vectors/tokenize.json").read_text())["vectors"]
    assert not any(is_token(vector["token"]) for vector in others)
    assert not is_token("tok_")
    assert not is_token("anything")


def test_neither_a_value_nor_a_key_can_be_seen_or_copied() -> None:
    mapper = Mapper(RING, "names", 1)
    (token,) = mapper.tokens([b"planted-value"])
    assert isinstance(token, Mapped)
    along = mapper.mapping(token, Subjects(RING).digests(b"42"))
    for thing in (token, mapper, along, Subjects(RING)):
        assert "planted" not in f"{thing!r}{thing}"
    for thing in (token, mapper, Subjects(RING)):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        with pytest.raises(TypeError):
            copy.deepcopy(thing)
