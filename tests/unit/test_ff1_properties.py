"""What FF1 promises for every key, alphabet, length and tweak, and what it refuses.

The expected ciphertexts come from `reference`, which is written from SP 800-38G §5.1 and works on one text, numeral
by numeral. FF1 itself takes one way for a few values and another for a column; both are held to it.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.ff1 import FF1, NotEncryptable

DIGITS = "0123456789"
KEY = bytes(range(32))
COLUMN = 300
"""Enough values for the way by column, at every length tested here."""


def reference(key: bytes, radix: int, tweak: bytes, x: Sequence[int], *, decrypt: bool = False) -> list[int]:
    """FF1 on numerals, algorithm 7 or 8 to the letter."""

    def num(numerals: Sequence[int]) -> int:
        value = 0
        for numeral in numerals:
            value = value * radix + numeral
        return value

    def string(value: int, m: int) -> list[int]:
        return [value // radix**place % radix for place in range(m - 1, -1, -1)]

    def encrypt(mode: modes.CBC | modes.ECB, data: bytes) -> bytes:
        return Cipher(algorithms.AES(key), mode).encryptor().update(data)

    n, t = len(x), len(tweak)
    u = n // 2
    v = n - u
    a, b_half = list(x[:u]), list(x[u:])
    bits = 0
    while 2**bits < radix**v:
        bits += 1
    b = (bits + 7) // 8
    d = 4 * ((b + 3) // 4) + 4
    p = (
        b"\x01\x02\x01"
        + radix.to_bytes(3, "big")
        + b"\x0a"
        + bytes([u % 256])
        + n.to_bytes(4, "big")
        + t.to_bytes(4, "big")
    )

    def f(i: int, half: Sequence[int]) -> int:
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + num(half).to_bytes(b, "big")
        r = encrypt(modes.CBC(bytes(16)), p + q)[-16:]
        s = r
        j = 1
        while len(s) < d:
            s += encrypt(modes.ECB(), bytes(one ^ other for one, other in zip(r, j.to_bytes(16, "big"), strict=True)))
            j += 1
        return int.from_bytes(s[:d], "big")

    for i in reversed(range(10)) if decrypt else range(10):
        m = u if i % 2 == 0 else v
        if decrypt:
            a, b_half = string((num(b_half) - f(i, a)) % radix**m, m), a
        else:
            a, b_half = b_half, string((num(a) + f(i, b_half)) % radix**m, m)
    return a + b_half


def expected(key: bytes, alphabet: str, text: str, tweak: bytes) -> str:
    numerals = [alphabet.index(character) for character in text]
    return "".join(alphabet[numeral] for numeral in reference(key, len(alphabet), tweak, numerals))


def shortest(radix: int) -> int:
    return next(length for length in range(1, 21) if radix**length >= 10**6)


RADIXES = st.one_of(
    st.sampled_from([2, 3, 10, 16, 26, 36, 62, 255, 256, 257, 1000, 65_535, 65_536]), st.integers(2, 65_536)
)
KEYS = st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
TWEAKS = st.binary(max_size=70)


@st.composite
def alphabets(draw: st.DrawFn) -> str:
    """Distinct code points in any order: of one byte, or from all of Unicode (NUL, surrogates, emoji)."""
    radix = draw(RADIXES)
    points = range(256) if radix <= 256 and draw(st.booleans()) else range(0x110000)
    return "".join(map(chr, Random(draw(st.integers(0, 2**32))).sample(points, radix)))


@st.composite
def texts_over(draw: st.DrawFn, alphabet: str, most: int) -> list[str]:
    """Up to `most` texts, of lengths from the shortest that is accepted; the lowest and the highest numerals often."""
    numerals = st.one_of(st.sampled_from([0, len(alphabet) - 1]), st.integers(0, len(alphabet) - 1))
    low = shortest(len(alphabet))
    text = st.integers(low, low + 60).flatmap(lambda length: st.lists(numerals, min_size=length, max_size=length))
    return ["".join(alphabet[n] for n in t) for t in draw(st.lists(text, min_size=1, max_size=most))]


@given(data=st.data(), key=KEYS, alphabet=alphabets(), tweak=TWEAKS)
def test_a_value_alone_is_encrypted_as_the_standard_says(
    data: st.DataObject, key: bytes, alphabet: str, tweak: bytes
) -> None:
    [text] = data.draw(texts_over(alphabet, 1))
    assert FF1(key, alphabet).encrypt([text], tweak) == [expected(key, alphabet, text, tweak)]


@given(data=st.data(), key=KEYS, alphabet=alphabets(), tweak=TWEAKS)
def test_a_column_is_encrypted_as_the_standard_says(
    data: st.DataObject, key: bytes, alphabet: str, tweak: bytes
) -> None:
    texts = data.draw(texts_over(alphabet, 2))
    ciphertexts = [expected(key, alphabet, text, tweak) for text in texts]
    assert FF1(key, alphabet).encrypt(texts * COLUMN, tweak) == ciphertexts * COLUMN


@pytest.mark.parametrize("radix", [2, 10, 36, 62, 256, 1626, 65_535, 65_536])
@pytest.mark.parametrize("numeral", ["lowest", "highest"])
def test_extreme_numbers_of_every_size_are_encrypted_as_the_standard_says(radix: int, numeral: str) -> None:
    """Each length up to several limbs, all numerals 0 or radix - 1: where a carry or a word would be lost."""
    alphabet = "".join(map(chr, range(radix)))
    ff1 = FF1(KEY, alphabet)
    for length in range(ff1.min_length, 70):
        text = alphabet[0 if numeral == "lowest" else -1] * length
        ciphertext = expected(KEY, alphabet, text, b"")
        assert ff1.encrypt([text]) == [ciphertext]
        assert ff1.encrypt([text] * COLUMN) == [ciphertext] * COLUMN


@pytest.mark.parametrize("length", [255, 256, 511, 512, 513, 1000])
def test_long_texts_are_encrypted_as_the_standard_says(length: int) -> None:
    text = "".join(Random(length).choices(DIGITS, k=length))
    ciphertext = expected(KEY, DIGITS, text, b"card")
    ff1 = FF1(KEY, DIGITS)
    assert ff1.encrypt([text], b"card") == [ciphertext]
    assert ff1.encrypt([text] * 2 * COLUMN, b"card") == [ciphertext] * 2 * COLUMN


@pytest.mark.parametrize("points", [[0x0], [0xFF], [0x100], [0xD800, 0xDC00], [0xFFFF], [0x10FFFF]])
@pytest.mark.parametrize("count", [1, COLUMN])
def test_any_code_point_can_be_in_an_alphabet(points: list[int], count: int) -> None:
    """Those at the ends of what encodings tell apart, and the halves of a surrogate pair, which stay two characters."""
    characters = "".join(map(chr, points))
    ff1 = FF1(KEY, DIGITS + characters)
    texts = [DIGITS + characters * 3] * count
    assert ff1.decrypt(ff1.encrypt(texts)) == texts


@given(data=st.data(), key=KEYS, alphabet=alphabets())
def test_decrypting_gives_back_what_was_encrypted(data: st.DataObject, key: bytes, alphabet: str) -> None:
    texts = data.draw(texts_over(alphabet, 8))
    tweaks = data.draw(st.lists(TWEAKS, min_size=len(texts), max_size=len(texts)))
    ff1 = FF1(key, alphabet)
    assert ff1.decrypt(ff1.encrypt(texts, tweaks), tweaks) == texts
    texts, tweaks = texts * COLUMN, tweaks * COLUMN
    assert ff1.decrypt(ff1.encrypt(texts, tweaks), tweaks) == texts


@given(data=st.data(), alphabet=alphabets())
def test_a_ciphertext_has_the_length_and_the_characters_of_its_text(data: st.DataObject, alphabet: str) -> None:
    texts = data.draw(texts_over(alphabet, 8))
    ciphertexts = FF1(KEY, alphabet).encrypt(texts)
    assert [len(text) for text in ciphertexts] == [len(text) for text in texts]
    assert set("".join(ciphertexts)) <= set(alphabet)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_a_mix_of_lengths_and_tweaks_equals_one_value_at_a_time(seed: int) -> None:
    random = Random(seed)
    texts = ["".join(random.choices(DIGITS, k=random.choice([6, 9, 16, 17, 80]))) for _ in range(2 * COLUMN)]
    tweaks = [random.randbytes(random.choice([0, 4, 10, 11, 12, 27, 28, 40])) for _ in texts]
    ff1 = FF1(KEY, DIGITS)
    one_by_one = [ff1.encrypt([text], tweak)[0] for text, tweak in zip(texts, tweaks, strict=True)]
    assert ff1.encrypt(texts, tweaks) == one_by_one
    assert ff1.decrypt(one_by_one, tweaks) == texts


def test_six_digits_are_permuted() -> None:
    """All million six-digit texts become each other, none twice, and go back."""
    texts = [f"{number:06d}" for number in range(10**6)]
    ff1 = FF1(KEY, DIGITS)
    ciphertexts = ff1.encrypt(texts, b"card")
    assert sorted(ciphertexts) == texts
    assert ff1.decrypt(ciphertexts, b"card") == texts


@pytest.mark.parametrize("tweak", [b"", b"\x00", b"card\x00", b"cart"])
def test_another_tweak_does_not_decrypt(tweak: bytes) -> None:
    ff1 = FF1(KEY, DIGITS)
    assert ff1.decrypt(ff1.encrypt(["4111111111111111"], b"card"), tweak) != ["4111111111111111"]


def test_another_key_does_not_decrypt() -> None:
    ciphertexts = FF1(KEY, DIGITS).encrypt(["4111111111111111"])
    assert FF1(KEY[::-1], DIGITS).decrypt(ciphertexts) != ["4111111111111111"]


def test_the_order_of_the_alphabet_is_part_of_the_cipher() -> None:
    text = "4111111111111111"
    assert FF1(KEY, DIGITS).encrypt([text]) != FF1(KEY, DIGITS[::-1]).encrypt([text])


def test_one_tweak_serves_all_texts_as_if_it_were_given_for_each() -> None:
    texts = [f"{number:016d}" for number in range(COLUMN)]
    ff1 = FF1(KEY, DIGITS)
    assert ff1.encrypt(texts, b"card") == ff1.encrypt(texts, [b"card"] * COLUMN)


def test_no_texts_give_no_texts() -> None:
    ff1 = FF1(KEY, DIGITS)
    assert ff1.encrypt([]) == []
    assert ff1.encrypt([], []) == []
    assert ff1.decrypt([], b"card") == []


@pytest.mark.parametrize(
    ("radix", "shortest_length"),
    [(2, 20), (10, 6), (26, 5), (31, 5), (32, 4), (36, 4), (99, 4), (100, 3), (999, 3), (1000, 2), (65_536, 2)],
)
def test_the_shortest_text_has_at_least_a_million_fellows(radix: int, shortest_length: int) -> None:
    alphabet = "".join(map(chr, range(radix)))
    ff1 = FF1(KEY, alphabet)
    assert ff1.min_length == shortest_length
    assert ff1.unencryptable([alphabet[0] * shortest_length, alphabet[0] * (shortest_length - 1)]) == [1]


ENCRYPT_AND_DECRYPT = pytest.mark.parametrize("run", [FF1.encrypt, FF1.decrypt], ids=["encrypt", "decrypt"])
Run = Callable[[FF1, Sequence[str]], list[str]]


@ENCRYPT_AND_DECRYPT
@pytest.mark.parametrize("before", [0, 3, COLUMN])
def test_a_text_that_is_too_short_is_refused_by_its_index_length_and_radix(run: Run, before: int) -> None:
    with pytest.raises(NotEncryptable, match=f"^text {before}: radix 10 and length 5 ") as caught:
        run(FF1(KEY, DIGITS), ["4111111111111111"] * before + ["94107", "1"])
    assert caught.value.index == before
    assert "94107" not in str(caught.value)


@ENCRYPT_AND_DECRYPT
@pytest.mark.parametrize("alphabet", [DIGITS + "?", DIGITS + "\u0660\U0001f511"], ids=["one byte", "all of Unicode"])
@pytest.mark.parametrize("foreign", ["x", "\x00", " ", "\xff", "\u0661", "\udc00", "\U0010ffff"])
@pytest.mark.parametrize("before", [0, 3, COLUMN])
def test_a_character_outside_the_alphabet_is_refused_by_its_index(
    run: Run, alphabet: str, foreign: str, before: int
) -> None:
    bad = f"41111111{foreign}1111111"
    with pytest.raises(NotEncryptable, match=f"^text {before}: a character is not in the alphabet$") as caught:
        run(FF1(KEY, alphabet), ["4111111111111111"] * before + [bad, bad])
    assert caught.value.index == before


def test_the_first_bad_text_is_named_whatever_is_wrong_with_a_later_one() -> None:
    ff1 = FF1(KEY, DIGITS)
    with pytest.raises(NotEncryptable, match=r"^text 1: a character"):
        ff1.encrypt(["4111111111111111", "41111111x", "123", "4111x11111111111"])
    with pytest.raises(NotEncryptable, match=r"^text 0: radix"):
        ff1.encrypt(["123", "41111111x"])


@pytest.mark.parametrize("count", [1, COLUMN])
def test_a_refusal_carries_no_other_exception_that_could_hold_the_text(count: int) -> None:
    with pytest.raises(NotEncryptable) as caught:
        FF1(KEY, DIGITS).encrypt(["4111\u0661\udc00x111111"] * count)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_unencryptable_texts_are_listed_and_the_others_can_be_encrypted() -> None:
    texts = ["4111111111111111", "", "12345", "123456", "12345\u0661", "1234567"]
    ff1 = FF1(KEY, DIGITS)
    bad = ff1.unencryptable(texts)
    assert bad == [1, 2, 4]
    good = [text for index, text in enumerate(texts) if index not in bad]
    assert ff1.decrypt(ff1.encrypt(good)) == good


@pytest.mark.parametrize("tweaks", [[], [b"a"], [b"a", b"b", b"c"]])
def test_tweaks_that_are_not_as_many_as_the_texts_are_refused(tweaks: list[bytes]) -> None:
    with pytest.raises(ValueError, match=f"^{len(tweaks)} tweaks for 2 texts$"):
        FF1(KEY, DIGITS).encrypt(["4111111111111111", "5500000000000004"], tweaks)


@pytest.mark.parametrize("size", [0, 15, 17, 31, 33, 64])
def test_a_key_that_is_not_an_aes_key_is_refused_by_its_size(size: int) -> None:
    with pytest.raises(ValueError, match=f"16, 24 or 32 bytes, not {size}$"):
        FF1(bytes(size), DIGITS)


@pytest.mark.parametrize("size", [0, 1, 65_537])
def test_an_alphabet_of_a_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"2 to 65536 characters, not {size}$"):
        FF1(KEY, "".join(map(chr, range(size))))


@pytest.mark.parametrize("alphabet", ["00", "0123456789a0", "\U0001f511a\U0001f511"])
def test_an_alphabet_with_a_character_twice_is_refused(alphabet: str) -> None:
    with pytest.raises(ValueError, match="must not hold a character twice"):
        FF1(KEY, alphabet)


def test_its_repr_shows_the_radix_and_nothing_else() -> None:
    assert repr(FF1(KEY, DIGITS)) == "FF1(radix=10)"
    assert not hasattr(FF1(KEY, DIGITS), "__dict__")


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_pickled_or_copied_with_its_key(duplicate: Callable[[FF1], object]) -> None:
    with pytest.raises(TypeError, match="holds a key"):
        duplicate(FF1(KEY, DIGITS))
