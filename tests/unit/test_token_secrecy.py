"""Tokens give away neither keys nor values: not by what transforms show of themselves, nor by what goes wrong."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from connector.running import StageFailed
from tests.unit.chains import KEYS, avro, bound, record_of, run, values
from tests.unit.tokens import detokenize, tokenize
from transforms.outcome import Code, Unavailable
from transforms.token_siv import Sealer

PLANTED = "planted-4c5fe1@example.com"


def test_a_sealer_shows_no_key_and_is_neither_pickled_nor_copied() -> None:
    sealer = Sealer(1, "D", lambda _: bytes(range(64)))
    sealer.seal([b""], 1)
    assert repr(sealer) == "<sealer of 1 version(s)>"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(sealer)


@pytest.mark.parametrize("format_", ["token", "digits", "email"])
def test_no_plan_shows_a_key(format_: str) -> None:
    plan = bound(avro(record_of("string")), tokenize(format=format_), detokenize(format=format_))
    keys = [KEYS["ring"].subkey(purpose, "D", 64) for purpose in ("token", "token-email", "token-digits")]
    shown = repr(plan) + repr(plan.stages)
    assert not any(form in shown for key in keys for form in (key.hex(), repr(key)[2:-1], repr(key[:32])[2:-1]))


def test_a_value_that_does_not_come_back_as_its_type_is_rejected_without_being_shown() -> None:
    token = values("string", [PLANTED], tokenize())[0]
    claim = {"transform": "Tokenize", "key": "ring", "version": 1, "domain": "D", "type": {"type": "int"}}
    shape = avro(record_of("string", **{"streamveil:protected": [claim]}))
    assert run(shape, [{"x": token}], detokenize()) == [Code.WRONG_TYPE]


class Failing:
    """A server whose client fails with the value in the error."""

    def writing_version(self, key: str) -> int:
        return 1

    def encrypt(self, key: str, plaintexts: object, *, context: bytes, version: int) -> list[str | None]:
        raise RuntimeError(f"{plaintexts}")

    def decrypt(self, key: str, ciphertexts: object, *, context: bytes) -> list[bytes | None]:
        raise Unavailable("Vault does not answer")


def test_what_a_server_fails_with_is_not_shown() -> None:
    with pytest.raises(StageFailed) as failed:
        values("string", [PLANTED], tokenize(mode="transit", key=None, vault_transit_key="k"), transit=Failing())
    assert PLANTED not in "".join(traceback.format_exception(failed.value))
