"""Key rings that are kept in Vault: made, rotated, wrapped anew, retired, opened, refused where they are no good."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.vaults import CUSTOMERS, call, client_of, document_of, put_document
from vault.client import VaultClient
from vault.devserver import DevVault
from vault.errors import VaultNotFound, VaultUnavailable
from vault.ring_document import RingPlace, UnusableRing
from vault.ring_keeping import create_ring, read_ring, retire_version, rewrap_ring, ring_names, rotate_ring
from vault.vault_rings import VaultRing

ORDERS = RingPlace.of("orders")


@pytest.fixture
def vault() -> Iterator[DevVault]:
    with DevVault() as vault:
        yield vault


@pytest.fixture
def client(vault: DevVault) -> Iterator[VaultClient]:
    with client_of(vault) as client:
        yield client


def _writes(vault: DevVault) -> list[str]:
    """What has been asked of Vault so far that changes something; Transit takes what it works on by POST as well."""
    harmless = ("transit/decrypt/", "transit/encrypt/")
    asked = [request.split(" ", 1) for request in vault.requests]
    return [path for method, path in asked if method not in ("GET", "LIST") and not path.startswith(harmless)]


def _subkeys(ring: VaultRing) -> dict[int, bytes]:
    return {version: ring.subkey("hmac", "EMAIL", 32, version) for version in ring.versions}


# Making rings


def test_a_ring_that_was_created_can_be_opened(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)

    ring = VaultRing(client, CUSTOMERS)

    assert ring.versions == (1,)
    assert ring.writing_version == 1
    assert ring.subkey("hmac", "EMAIL", 32) == VaultRing(client, CUSTOMERS).subkey("hmac", "EMAIL", 32)


def test_two_rings_have_different_keys(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    create_ring(client, ORDERS)

    assert _subkeys(VaultRing(client, CUSTOMERS)) != _subkeys(VaultRing(client, ORDERS))


def test_creating_a_ring_makes_its_wrapping_key_derived_and_not_exportable(
    vault: DevVault, client: VaultClient
) -> None:
    create_ring(client, CUSTOMERS)

    key = client.transit_key("streamveil-rings")
    assert key.derived
    assert not key.exportable
    assert ring_names(client) == ["customers"]


def test_the_document_holds_the_key_only_as_transit_has_wrapped_it(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)

    document = document_of(vault)
    version = document["versions"]["1"]
    assert document.keys() == {"ring", "versions"}
    assert version.keys() == {"state", "created", "fingerprint", "key"}
    assert version["key"].startswith("vault:v1:")
    assert version["fingerprint"] == VaultRing(client, CUSTOMERS).fingerprint(1)


def test_a_ring_that_is_there_is_not_created_again(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    before = document_of(vault)

    with pytest.raises(UnusableRing, match="there is something already, and it stays as it is"):
        create_ring(client, CUSTOMERS)

    assert document_of(vault) == before


def test_a_ring_that_was_deleted_is_not_made_anew_under_its_name(vault: DevVault, client: VaultClient) -> None:
    """Its old version is still there to be undeleted, and would be another version 1."""
    create_ring(client, CUSTOMERS)
    call(vault, "DELETE", "secret/data/streamveil/rings/customers")

    with pytest.raises(UnusableRing, match="or was and is deleted; nothing is written"):
        create_ring(client, CUSTOMERS)


def test_of_two_that_create_a_ring_at_once_one_wins(
    vault: DevVault, client: VaultClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client_of(vault) as other:
        _meanwhile(monkeypatch, client, lambda: create_ring(other, CUSTOMERS))

        with pytest.raises(UnusableRing, match="a ring is there"):
            create_ring(client, CUSTOMERS)

    assert VaultRing(client, CUSTOMERS).versions == (1,)


def _meanwhile(monkeypatch: pytest.MonkeyPatch, client: VaultClient, act: Callable[[], object]) -> None:
    """Somebody else acts between this client's read of a document and its write."""
    write = client.write_secret

    def later(path: str, data: Any, *, cas: int) -> int:
        monkeypatch.undo()
        act()
        return write(path, data, cas=cas)

    monkeypatch.setattr(client, "write_secret", later)


# Rotating, wrapping anew, retiring


def test_rotation_adds_a_version_and_keeps_the_old_ones(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    before = _subkeys(VaultRing(client, CUSTOMERS))

    rotate_ring(client, CUSTOMERS)

    after = _subkeys(VaultRing(client, CUSTOMERS))
    assert after.keys() == {1, 2}
    assert after[1] == before[1]
    assert after[2] != after[1]


def test_a_ring_of_several_versions_has_none_to_write_with(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)

    with pytest.raises(LookupError, match="several versions"):
        _ = VaultRing(client, CUSTOMERS).writing_version


def test_of_two_rotations_at_once_one_wins_and_the_other_is_told(
    vault: DevVault, client: VaultClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_ring(client, CUSTOMERS)
    with client_of(vault) as other:
        _meanwhile(monkeypatch, client, lambda: rotate_ring(other, CUSTOMERS))

        with pytest.raises(UnusableRing, match="somebody else has changed it meanwhile; nothing is written"):
            rotate_ring(client, CUSTOMERS)

    assert VaultRing(client, CUSTOMERS).versions == (1, 2)


def test_wrapping_a_ring_anew_changes_no_key(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)
    before = _subkeys(VaultRing(client, CUSTOMERS))
    client.rotate_transit_key("streamveil-rings")

    rewrap_ring(client, CUSTOMERS)

    versions = document_of(vault)["versions"].values()
    assert all(version["key"].startswith("vault:v2:") for version in versions)
    assert _subkeys(VaultRing(client, CUSTOMERS)) == before


def test_a_ring_that_was_wrapped_anew_needs_old_versions_of_the_wrapping_key_no_more(
    vault: DevVault, client: VaultClient
) -> None:
    create_ring(client, CUSTOMERS)
    client.rotate_transit_key("streamveil-rings")
    rewrap_ring(client, CUSTOMERS)

    call(vault, "POST", "transit/keys/streamveil-rings/config", min_decryption_version=2)

    assert VaultRing(client, CUSTOMERS).versions == (1,)


def test_a_ring_that_was_not_wrapped_anew_in_time_says_so(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    client.rotate_transit_key("streamveil-rings")
    call(vault, "POST", "transit/keys/streamveil-rings/config", min_decryption_version=2)

    with pytest.raises(UnusableRing, match=r"version 1 is wrapped with version 1 .* unwraps only from version 2 on"):
        VaultRing(client, CUSTOMERS)


def test_a_retired_version_is_no_longer_in_the_ring_and_its_number_is_not_given_again(
    vault: DevVault, client: VaultClient
) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)

    retire_version(client, CUSTOMERS, 2)
    rotate_ring(client, CUSTOMERS)

    assert VaultRing(client, CUSTOMERS).versions == (1, 3)
    assert document_of(vault)["versions"]["2"].keys() == {"state", "created", "retired", "fingerprint"}
    with pytest.raises(LookupError, match="no version 2"):
        VaultRing(client, CUSTOMERS).subkey("hmac", "EMAIL", 32, 2)


@pytest.mark.parametrize(
    ("number", "why"), [(1, "is retired already"), (3, "is not there"), (2, "is the last one that is active")]
)
def test_only_an_active_version_that_is_not_the_last_can_be_retired(client: VaultClient, number: int, why: str) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)
    retire_version(client, CUSTOMERS, 1)

    with pytest.raises(UnusableRing, match=f"version {number} {why}"):
        retire_version(client, CUSTOMERS, number)


def test_a_version_that_is_retired_is_not_forgotten_to_have_been(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    assert VaultRing(client, CUSTOMERS).last == 1
    rotate_ring(client, CUSTOMERS)
    retire_version(client, CUSTOMERS, 2)

    ring = VaultRing(client, CUSTOMERS)

    assert (ring.versions, ring.last) == ((1,), 2)


def test_reading_what_versions_there_are_unwraps_nothing(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    vault.requests.clear()

    document = read_ring(client, CUSTOMERS)

    assert [request for request in vault.requests if "transit" in request] == []
    assert document.active()[1].wrapped_with == 1


# Opening what is no good


def test_opening_a_ring_that_is_missing_names_its_path_and_creates_nothing(
    vault: DevVault, client: VaultClient
) -> None:
    with pytest.raises(VaultNotFound, match="secret/data/streamveil/rings/customers"):
        VaultRing(client, CUSTOMERS)

    assert _writes(vault) == []


def test_opening_a_ring_writes_nothing(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    vault.requests.clear()

    VaultRing(client, CUSTOMERS)

    assert _writes(vault) == []


def test_the_document_of_another_ring_is_refused(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    create_ring(client, ORDERS)
    put_document(vault, document_of(vault, ORDERS))

    with pytest.raises(UnusableRing, match="the document there is of another key ring"):
        VaultRing(client, CUSTOMERS)


def test_a_key_that_was_wrapped_for_another_ring_is_refused(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    create_ring(client, ORDERS)
    put_document(vault, document_of(vault, ORDERS) | {"ring": "customers"})

    with pytest.raises(UnusableRing, match="streamveil-rings does not unwrap version 1"):
        VaultRing(client, CUSTOMERS)


def test_a_key_that_was_wrapped_for_another_version_is_refused(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    rotate_ring(client, CUSTOMERS)
    document = document_of(vault)
    versions = document["versions"]
    put_document(vault, document | {"versions": {"1": versions["2"], "2": versions["1"]}})

    with pytest.raises(UnusableRing, match="streamveil-rings does not unwrap version 1"):
        VaultRing(client, CUSTOMERS)


def test_a_wrapped_key_that_was_tampered_with_is_refused(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    document = document_of(vault)
    key = document["versions"]["1"]["key"]
    changed = key[:30] + ("A" if key[30] != "A" else "B") + key[31:]
    put_document(vault, document | {"versions": {"1": document["versions"]["1"] | {"key": changed}}})

    with pytest.raises(UnusableRing, match="streamveil-rings does not unwrap version 1"):
        VaultRing(client, CUSTOMERS)


def test_another_key_under_the_same_version_is_refused(vault: DevVault, client: VaultClient) -> None:
    """Whoever may write to KV and use the wrapping key can wrap a key of their own."""
    create_ring(client, CUSTOMERS)
    document = document_of(vault)
    wrapped, _ = client.wrapped_data_key("streamveil-rings", CUSTOMERS.context(1))
    put_document(vault, document | {"versions": {"1": document["versions"]["1"] | {"key": wrapped}}})

    with pytest.raises(UnusableRing, match="version 1 is another key than its fingerprint says"):
        VaultRing(client, CUSTOMERS)


def test_a_wrapping_key_that_can_be_exported_is_refused(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    call(vault, "POST", "transit/keys/streamveil-rings/config", exportable=True)

    with pytest.raises(UnusableRing, match="the wrapping key streamveil-rings can be exported"):
        VaultRing(client, CUSTOMERS)


def test_a_wrapping_key_that_is_not_derived_is_refused_before_it_wraps_anything(
    vault: DevVault, client: VaultClient
) -> None:
    call(vault, "POST", "transit/keys/streamveil-rings", type="aes256-gcm96")

    with pytest.raises(UnusableRing, match="the wrapping key streamveil-rings is not derived"):
        create_ring(client, CUSTOMERS)

    assert ring_names(client) == []


def test_a_ring_whose_wrapping_key_is_gone_is_not_opened(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    call(vault, "POST", "transit/keys/streamveil-rings/config", deletion_allowed=True)
    call(vault, "DELETE", "transit/keys/streamveil-rings")

    with pytest.raises(VaultNotFound, match="transit/keys/streamveil-rings"):
        VaultRing(client, CUSTOMERS)

    assert "POST transit/keys/streamveil-rings" not in list(vault.requests)[-5:]


_ACTIVE = {
    "state": "active",
    "created": "2026-01-31T09:00:00Z",
    "fingerprint": "0123456789abcdef",
    "key": "vault:v1:" + "s3cret" * 12,
}
WRONG_DOCUMENTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no versions": {"ring": "customers"},
    "no version at all": {"ring": "customers", "versions": {}},
    "a list of versions": {"ring": "customers", "versions": [_ACTIVE]},
    "another member": {"ring": "customers", "versions": {"1": _ACTIVE}, "s3cret": 1},
    "no ring": {"versions": {"1": _ACTIVE}},
    "version zero": {"ring": "customers", "versions": {"0": _ACTIVE}},
    "a leading zero": {"ring": "customers", "versions": {"01": _ACTIVE}},
    "a version that is no number": {"ring": "customers", "versions": {"s3cret": _ACTIVE}},
    "a version that fits no token": {"ring": "customers", "versions": {"65536": _ACTIVE}},
    "another member of a version": {"ring": "customers", "versions": {"1": _ACTIVE | {"s3cret": 1}}},
    "a state that there is not": {"ring": "customers", "versions": {"1": _ACTIVE | {"state": "s3cret"}}},
    "a date that is none": {"ring": "customers", "versions": {"1": _ACTIVE | {"created": "s3cret"}}},
    "a fingerprint that is none": {"ring": "customers", "versions": {"1": _ACTIVE | {"fingerprint": "s3cret"}}},
    "a key that is not wrapped": {"ring": "customers", "versions": {"1": _ACTIVE | {"key": "s3cret" * 8}}},
    "an active version without a key": {"ring": "customers", "versions": {"1": _ACTIVE | {"key": None}}},
    "a retired version with a key": {"ring": "customers", "versions": {"1": _ACTIVE | {"state": "retired"}}},
    "an active version that has ended": {
        "ring": "customers",
        "versions": {"1": _ACTIVE | {"retired": "2026-01-31T09:00:00Z"}},
    },
}


@pytest.mark.parametrize("document", WRONG_DOCUMENTS.values(), ids=WRONG_DOCUMENTS)
def test_a_document_that_is_no_ring_is_refused_and_not_shown(
    vault: DevVault, client: VaultClient, document: dict[str, Any]
) -> None:
    put_document(vault, document)

    with pytest.raises(UnusableRing, match="this is no document of a key ring") as refused:
        VaultRing(client, CUSTOMERS)

    report = "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=True).format())
    assert "s3cret" not in report[report.index("vault/vault_rings.py") :]
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None


def test_a_ring_of_which_every_version_is_retired_is_not_opened(vault: DevVault, client: VaultClient) -> None:
    retired = {"state": "retired", "retired": _ACTIVE["created"]}
    version = {name: fact for name, fact in (_ACTIVE | retired).items() if name != "key"}
    put_document(vault, {"ring": "customers", "versions": {"1": version}})

    with pytest.raises(UnusableRing, match="every version is retired"):
        VaultRing(client, CUSTOMERS)


def test_a_vault_that_is_down_is_not_taken_for_a_missing_ring(vault: DevVault) -> None:
    with client_of(vault, deadline=1.5) as client:
        create_ring(client, CUSTOMERS)
        vault.seal()

        with pytest.raises(VaultUnavailable):
            VaultRing(client, CUSTOMERS)


# A ring that is open


def test_an_open_ring_needs_vault_no_more(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    ring = VaultRing(client, CUSTOMERS)
    before = _subkeys(ring)

    vault.stop()

    assert _subkeys(ring) == before


def test_a_version_that_is_added_later_is_found_when_it_is_asked_for(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    now = [0.0]
    ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
    rotate_ring(client, CUSTOMERS)

    now[0] = 60.0
    found = ring.subkey("hmac", "EMAIL", 32, 2)

    assert found == VaultRing(client, CUSTOMERS).subkey("hmac", "EMAIL", 32, 2)
    assert ring.versions == (1, 2)


def test_an_open_ring_goes_on_writing_with_its_version_when_one_is_added(client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    now = [0.0]
    ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
    rotate_ring(client, CUSTOMERS)
    now[0] = 60.0
    ring.fingerprint(2)

    assert ring.writing_version == 1


def test_made_up_versions_ask_vault_once_a_second(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    now = [0.0]
    ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
    vault.requests.clear()
    now[0] = 60.0

    for version in range(2, 50):
        with pytest.raises(LookupError, match=f"no version {version}"):
            ring.subkey("hmac", "EMAIL", 32, version)

    assert len(vault.requests) == 1


def test_an_outage_is_not_taken_for_a_version_that_is_not_there(vault: DevVault) -> None:
    with client_of(vault, deadline=1.5) as client:
        create_ring(client, CUSTOMERS)
        now = [0.0]
        ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
        vault.seal()
        now[0] = 60.0

        for _ in range(2):
            with pytest.raises(VaultUnavailable):
                ring.subkey("hmac", "EMAIL", 32, 2)


def test_a_document_that_is_gone_is_noticed_when_it_is_needed(vault: DevVault, client: VaultClient) -> None:
    create_ring(client, CUSTOMERS)
    now = [0.0]
    ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
    call(vault, "DELETE", "secret/data/streamveil/rings/customers")
    now[0] = 60.0

    with pytest.raises(VaultNotFound, match="secret/data/streamveil/rings/customers"):
        ring.subkey("hmac", "EMAIL", 32, 2)
    assert ring.subkey("hmac", "EMAIL", 32, 1)


def test_a_version_whose_key_has_changed_is_noticed_when_the_document_is_read_again(
    vault: DevVault, client: VaultClient
) -> None:
    create_ring(client, CUSTOMERS)
    now = [0.0]
    ring = VaultRing(client, CUSTOMERS, clock=lambda: now[0])
    document = document_of(vault)
    version = document["versions"]["1"]
    put_document(vault, document | {"versions": {"1": version | {"fingerprint": "0123456789abcdef"}}})
    now[0] = 60.0

    with pytest.raises(UnusableRing, match="version 1 is another key than it was"):
        ring.subkey("hmac", "EMAIL", 32, 2)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_an_open_ring_shows_nothing_and_cannot_be_copied(
    client: VaultClient, take: Callable[[VaultRing], object]
) -> None:
    create_ring(client, CUSTOMERS)
    ring = VaultRing(client, CUSTOMERS)

    assert repr(ring) == "<key ring of 1 version(s)>"
    with pytest.raises(TypeError):
        take(ring)
