"""FF1 gives the answers that NIST published (SP 800-38G, FF1 samples 1 to 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from transforms.ff1 import FF1

SAMPLES = json.loads(Path(__file__).with_name("ff1_nist.json").read_text())["samples"]
CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=[f"sample {s['sample']}" for s in SAMPLES])
# One value alone takes another way through the code than a column that is worth numpy.
alone_and_by_column = pytest.mark.parametrize("count", [1, 500], ids=["alone", "by column"])


def ff1_of(sample: dict[str, Any]) -> FF1:
    return FF1(bytes.fromhex(sample["key"]), CHARACTERS[: sample["radix"]])


def test_all_nine_samples_are_here() -> None:
    assert [sample["sample"] for sample in SAMPLES] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


@every_sample
@alone_and_by_column
def test_encrypts_as_published(sample: dict[str, Any], count: int) -> None:
    texts, tweak = [sample["plaintext"]] * count, bytes.fromhex(sample["tweak"])
    assert ff1_of(sample).encrypt(texts, tweak) == [sample["ciphertext"]] * count


@every_sample
@alone_and_by_column
def test_decrypts_as_published(sample: dict[str, Any], count: int) -> None:
    texts, tweak = [sample["ciphertext"]] * count, bytes.fromhex(sample["tweak"])
    assert ff1_of(sample).decrypt(texts, tweak) == [sample["plaintext"]] * count


@alone_and_by_column
def test_each_sample_of_a_key_keeps_its_own_tweak_in_one_call(count: int) -> None:
    plain, tweaked = SAMPLES[0], SAMPLES[1]
    assert plain["key"] == tweaked["key"]
    texts = [plain["plaintext"], tweaked["plaintext"]] * count
    tweaks = [bytes.fromhex(plain["tweak"]), bytes.fromhex(tweaked["tweak"])] * count
    assert ff1_of(plain).encrypt(texts, tweaks) == [plain["ciphertext"], tweaked["ciphertext"]] * count
