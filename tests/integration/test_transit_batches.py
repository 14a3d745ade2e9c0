"""What batches are for: Transit answers a batch about as fast as a single value. Measured on a real Vault."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import pytest

from tests.realvault.server import RealVault
from vault.client import VaultClient
from vault.settings import VaultSettings

_KEY = "streamveil-tokens"
_ROUNDS = 5
_ONE_BY_ONE = 200
_BY_BATCH = 5000


@pytest.fixture
def client() -> Iterator[VaultClient]:
    with RealVault() as vault:
        settings = VaultSettings.model_validate({"vault.url": vault.url, "vault.token": vault.root_token})
        with VaultClient(settings, deadline=60) as client:
            client.create_transit_key(_KEY, derived=True, convergent=True)
            yield client


def test_by_batch_at_least_40_times_the_values_go_through_per_second(client: VaultClient) -> None:
    """Both ways in turns, and the best of each counts: what else the machine does slows some rounds and not all."""
    values = [f"customer-{number}@example.com".encode() for number in range(_BY_BATCH)]
    one_by_one, by_batch = [], []
    for _ in range(_ROUNDS):
        began = perf_counter()
        single = [client.encrypt(_KEY, [value], context=b"EMAIL", key_version=1)[0] for value in values[:_ONE_BY_ONE]]
        between = perf_counter()
        together = client.encrypt(_KEY, values, context=b"EMAIL", key_version=1)
        ended = perf_counter()

        assert together[:_ONE_BY_ONE] == single
        one_by_one.append(_ONE_BY_ONE / (between - began))
        by_batch.append(_BY_BATCH / (ended - between))

    assert max(by_batch) >= 40 * max(one_by_one)
