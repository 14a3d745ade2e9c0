"""The steps of FF1.Encrypt and FF1.Decrypt (NIST SP 800-38G §5.1, algorithms 7 and 8) for texts of one length.

1.  u = floor(n / 2), v = n - u.
2.  A, B = the first u and the last v numerals; here they are numbers from the start.
3.  b = the bytes that hold any number below radix^v.
4.  d = 4 * ceil(b / 4) + 4.
5.  P = a block made of radix, u, n and the tweak's length t.
6.  For i = 0 to 9:
    i.    Q = T || zeros || [i] || NUM(B) in b bytes, in whole blocks;
    ii.   R = PRF(P || Q), the last block of a CBC-MAC;
    iii.  S = the first d bytes of R || CIPH(R xor [1]) || CIPH(R xor [2]) ...;
    iv.   y = NUM(S);
    v.    m = u when i is even, v when it is odd;
    vi.   c = (NUM(A) + y) mod radix^m;
    vii.  C = c, which stays a number;  viii.  A = B;  ix.  B = C.
7.  The result is A || B.

FF1.Decrypt runs the rounds from 9 to 0, with A and B in each other's place, and subtracts y.

Steps 1, 3, 4 and 5 are in `Layout`. Of 6.i and 6.ii, all that no round changes is done once, in `heads_of`. The
rounds are here twice, with the same AES calls: on Python ints, and on limbs, which cost more for each call but
little for each value. Blocks of all values lie one after another: each AES call encrypts one block of every value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.limbs import Limb, Limbs

Ciph = Callable[[bytes], bytes]
"""CIPH_K on any number of blocks, each by itself."""

_Blocks = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Layout:
    """What depends on the radix and the length n alone."""

    radix: int
    n: int
    u: int
    v: int
    b: int
    d: int
    width: int
    """Bytes of the last blocks of Q, from the one that holds [i]: those that change with the round."""

    @classmethod
    def of(cls, radix: int, n: int) -> Layout:
        """Steps 1, 3 and 4."""
        u = n // 2
        v = n - u
        bits = (radix**v - 1).bit_length()  # ceil(v * log2(radix)), exactly
        b = _ceil(bits, 8)
        return cls(radix, n, u, v, b, 4 * _ceil(b, 4) + 4, 16 * _ceil(b + 1, 16))

    @property
    def few(self) -> int:
        """Shorter columns are faster on Python ints. Measured, for lengths from 9 to 256."""
        return 30 + 10 * len(Limbs(self.radix).sizes(self.v))

    def p(self, t: int) -> bytes:
        """Step 5."""
        radix, n = self.radix.to_bytes(3, "big"), self.n.to_bytes(4, "big")
        return bytes((1, 2, 1)) + radix + bytes((10, self.u % 256)) + n + t.to_bytes(4, "big")

    def fixed_width(self, t: int) -> int:
        """Bytes of Q up to and with the block that holds [i]."""
        return 16 * _ceil(t + self.b + 1, 16) - self.width + 16


def by_length(items: Sequence[str] | Sequence[bytes]) -> Mapping[int, Sequence[int]]:
    """The indexes of the items of each length."""
    lengths = list(map(len, items))
    if len(set(lengths)) == 1:
        return {lengths[0]: range(len(lengths))}
    groups: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        groups.setdefault(length, []).append(place)
    return groups


def heads_of(ciph: Ciph, layout: Layout, tweaks: Sequence[bytes]) -> bytes:
    """For each tweak, what the CBC-MAC is about to encrypt at the block that holds [i], if [i] and B were zeros.

    So a round has only to add [i] and B by xor, and to go on from there.
    """
    groups = by_length(tweaks)
    heads = [b""] * len(tweaks)
    for t, places in groups.items():
        width = layout.fixed_width(t)
        rows = [tweaks[place].ljust(width, b"\0") for place in places]
        blocks = layout.p(t) * len(rows)
        for at in range(0, width, 16):
            blocks = _xor(ciph(blocks), _column(rows, at))
        if len(groups) == 1:
            return blocks
        for at, place in enumerate(places):
            heads[place] = blocks[16 * at : 16 * at + 16]
    return b"".join(heads)


def feistel_ints(
    ciph: Ciph, layout: Layout, heads: bytes, a: list[int], b: list[int], *, decrypt: bool
) -> tuple[list[int], list[int]]:
    """Step 6 on the halves as Python ints. heads: a block for each value, or one for all."""
    if len(heads) == 16:
        heads *= len(a)
    moduli = layout.radix**layout.u, layout.radix**layout.v
    if decrypt:
        a, b = b, a
    for i in _rounds(decrypt):
        rows = [(i << 8 * layout.b | number).to_bytes(layout.width, "big") for number in b]
        y = [int.from_bytes(s, "big") for s in _prf(ciph, heads, rows, layout.d)]
        m = moduli[i % 2]
        a, b = b, [(x - z if decrypt else x + z) % m for x, z in zip(a, y, strict=True)]
    return (b, a) if decrypt else (a, b)


def feistel_limbs(
    ciph: Ciph, layout: Layout, heads: bytes, a: list[Limb], b: list[Limb], *, decrypt: bool
) -> tuple[list[Limb], list[Limb]]:
    """`feistel_ints` on the halves in limbs."""
    limbs = Limbs(layout.radix)
    mix = limbs.subtract if decrypt else limbs.add
    head_blocks = np.frombuffer(heads, np.uint32).reshape(-1, 4)
    q = np.zeros((len(a[0]), layout.width // 4), ">u4")
    i_word, i_byte = divmod(layout.b, 4)
    if decrypt:
        a, b = b, a
    for i in _rounds(decrypt):
        words = limbs.to_words(b, i_word + 1)
        words[i_word] = words[i_word] + (i << 8 * i_byte)
        for place, word in enumerate(words, 1):
            q[:, -place] = word
        length = layout.v if i % 2 else layout.u
        y = limbs.from_words(_prf_words(ciph, head_blocks, q.view(np.uint32), layout.d), length)
        a, b = b, mix(a, y, length)
    return (b, a) if decrypt else (a, b)


def _rounds(decrypt: bool) -> range:
    return range(9, -1, -1) if decrypt else range(10)


def _prf(ciph: Ciph, heads: bytes, rows: Sequence[bytes], d: int) -> list[bytes]:
    """Steps 6.ii and 6.iii: S for each row, which is the blocks of Q that change."""
    blocks = _xor(heads, _column(rows, 0))
    for at in range(16, len(rows[0]), 16):
        blocks = _xor(ciph(blocks), _column(rows, at))
    r = ciph(blocks)
    if d <= 16:
        return [r[at : at + d] for at in range(0, len(r), 16)]
    parts = [r] + [ciph(_xor(r, j.to_bytes(16, "big") * len(rows))) for j in range(1, _ceil(d, 16))]
    return [_column(parts, at)[:d] for at in range(0, len(r), 16)]


def _prf_words(ciph: Ciph, heads: _Blocks, q: _Blocks, d: int) -> list[Limb]:
    """`_prf` on rows of 32-bit words in big-endian order; S in words, the most significant first."""

    def encrypt(blocks: _Blocks) -> _Blocks:
        return np.frombuffer(ciph(blocks.tobytes()), np.uint32).reshape(-1, 4)

    blocks = heads ^ q[:, :4]
    for at in range(4, q.shape[1], 4):
        blocks = encrypt(blocks) ^ q[:, at : at + 4]
    parts = [encrypt(blocks)]
    for j in range(1, _ceil(d, 16)):
        parts.append(encrypt(parts[0] ^ np.frombuffer(j.to_bytes(16, "big"), np.uint32)))
    return [parts[at // 4].view(">u4")[:, at % 4].astype(np.uint64) for at in range(d // 4)]


def _column(rows: Sequence[bytes], at: int) -> bytes:
    """The block at this offset of each row."""
    return b"".join([row[at : at + 16] for row in rows])


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _ceil(size: int, unit: int) -> int:
    return -(-size // unit)
