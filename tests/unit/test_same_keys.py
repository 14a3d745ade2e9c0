"""Encrypting gives back what decrypting was given, if both have one key, whatever it is called in each."""

from __future__ import annotations

import pytest

from connector.binding import Protection, bind_and_judge
from connector.plan import Link
from connector.unopened_ring import UnopenedRing
from tests.unit.chains import avro, record_of
from tests.unit.tokens import detokenize, tokenize
from transforms.fpe import Fpe, FpeDecrypt
from transforms.keys import KeyRing
from transforms.tokenize import Tokenize
from transforms.transform import Transform
from vault.keyring import Ring

ONE, TWO, THREE = (bytes([number]) * 32 for number in (1, 2, 3))
KEYS: dict[str, KeyRing] = {
    "ring": Ring({1: ONE}, 1),
    "namesake": Ring({7: ONE, 8: TWO}, 8),
    "stranger": Ring({1: THREE}, 1),
    "doubled": Ring({1: THREE, 2: THREE}, 2),
    "unopened": UnopenedRing([]),
}


def tokens(key: str, version: str | None = None) -> Tokenize:
    return tokenize(key=key, format="digits", key_version=version)


def values(key: str, version: str | None = "1") -> Transform:
    return detokenize(key=key, format="digits", key_version=version)


def problem(*transforms: Transform) -> str:
    links = tuple(Link(f"t{number}", transform) for number, transform in enumerate(transforms))
    found = bind_and_judge(Protection(links, keys=KEYS), avro(record_of("string")), "topic").problem
    return found.message if found is not None else ""


@pytest.mark.parametrize(
    ("reads", "writes"),
    [
        pytest.param(("namesake", "7"), ("ring", None), id="another name and version"),
        pytest.param(("namesake", None), ("ring", None), id="one of several versions"),
        pytest.param(("doubled", "1"), ("doubled", "2"), id="two versions of one ring"),
    ],
)
def test_a_chain_that_decrypts_and_encrypts_with_one_key_is_refused(
    reads: tuple[str, str | None], writes: tuple[str, str | None]
) -> None:
    assert "share a key" in problem(values(*reads), tokens(*writes))


def test_so_is_one_of_fpe() -> None:
    options = {"fields": "x", "domain": "D", "alphabet": "digits"}
    decrypt = FpeDecrypt.model_validate({**options, "key": "namesake", "key.version": "7"})

    assert "share a key" in problem(decrypt, Fpe.model_validate({**options, "key": "ring"}))


@pytest.mark.parametrize(("key", "version"), [("stranger", "1"), ("unopened", "1"), ("namesake", "8")])
def test_other_keys_may_follow_each_other(key: str, version: str) -> None:
    assert problem(values(key, version), tokens("ring")) == ""


def test_the_same_key_for_two_domains_is_two_keys() -> None:
    other = detokenize(key="namesake", format="digits", key_version="7", domain="E")

    assert problem(other, tokens("ring")) == ""


def test_tokenizing_twice_with_one_key_is_no_way_back() -> None:
    assert problem(tokens("ring"), tokens("namesake", "7")) == ""
