"""AES-SIV to the letter of RFC 5297, from AES in ECB and CTR alone: another implementation to compare with."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def _aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _dbl(block: bytes) -> bytes:
    """Multiplication by x in GF(2^128) (RFC 5297, 2.3)."""
    doubled = int.from_bytes(block, "big") << 1
    if doubled >> 128:
        doubled = (doubled ^ 0x87) & (1 << 128) - 1
    return doubled.to_bytes(16, "big")


def _cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493)."""
    k1 = _dbl(_aes(key, bytes(16)))
    blocks = [message[at : at + 16] for at in range(0, len(message), 16)] or [b""]
    last = blocks.pop()
    last = _xor(last, k1) if len(last) == 16 else _xor((last + b"\x80").ljust(16, b"\0"), _dbl(k1))
    state = bytes(16)
    for block in [*blocks, last]:
        state = _aes(key, _xor(state, block))
    return state


def s2v(key: bytes, strings: Sequence[bytes]) -> bytes:
    """RFC 5297, 2.4."""
    *associated, plaintext = strings
    d = _cmac(key, bytes(16))
    for string in associated:
        d = _xor(_dbl(d), _cmac(key, string))
    if len(plaintext) >= 16:
        return _cmac(key, plaintext[:-16] + _xor(plaintext[-16:], d))
    return _cmac(key, _xor(_dbl(d), (plaintext + b"\x80").ljust(16, b"\0")))


def encrypt(key: bytes, associated: Sequence[bytes], plaintext: bytes) -> bytes:
    """RFC 5297, 2.6: the synthetic IV, then the ciphertext."""
    half = len(key) // 2
    v = s2v(key[:half], [*associated, plaintext])
    q = bytearray(v)
    q[8] &= 0x7F
    q[12] &= 0x7F
    return v + Cipher(algorithms.AES(key[half:]), modes.CTR(bytes(q))).encryptor().update(plaintext)
