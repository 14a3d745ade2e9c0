"""What holds records while they pass prints none of them, so that no error, log or debugger's line does."""

from __future__ import annotations

import pytest

from connector.record import Sink
from connector.route import Incoming
from registry.codec import Decoded, Encoded
from transforms.transform import Along, Header, Rows

PLANTED = "planted-81c4a7@example.com"
RAW = PLANTED.encode()
HOLDERS = [
    Incoming([RAW], [RAW], [[("h", RAW)]], [0], [0], [0]),
    Rows([RAW], [{"email": PLANTED}], [[Header("h", RAW)]], ["t"], [0], [0]),
    Decoded([{"email": PLANTED}], {}),
    Encoded([RAW], {}),
    Header("h", RAW),
    Header("h", PLANTED),
    Along(RAW, RAW, (RAW,)),
    Sink("t", 0, RAW, RAW, [("h", RAW)], 0, (Along(RAW, RAW, (RAW,)),)),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_it_prints_no_value(holder: object) -> None:
    assert PLANTED not in f"{holder!r} {holder} {[holder]}"
