"""The audit: kept before anything goes on, closed to others, without a value."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connector.audit import audit_of
from connector.record import Stop
from tests.unit.configuring import loaded
from vault.answers import TokenFacts
from vault.errors import VaultRefused


class Vault:
    """Who Vault says that we are, or its refusal to say."""

    def __init__(self, answer: TokenFacts | VaultRefused) -> None:
        self._answer = answer

    def lookup_self(self) -> TokenFacts:
        if isinstance(self._answer, VaultRefused):
            raise self._answer
        return self._answer


def _write(file: Path, vault: Any = None, **keys: str) -> None:
    with ExitStack() as closing:
        audit = audit_of(loaded(audit__file=str(file), **keys), vault, "because", closing)
        audit.write("resolve", count=1)


def test_records_are_added_to_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    _write(file)
    _write(file)

    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert first["event"] == second["event"] == "resolve"
    assert first["reason"] == "because"
    assert first["os.uid"] == str(os.getuid())
    assert first["at"].endswith("Z")
    assert file.stat().st_mode & 0o777 == 0o600


def test_vault_says_who_it_was(tmp_path: Path) -> None:
    token = TokenFacts.model_validate({"accessor": "acc-1", "entity_id": "ent-1", "policies": []})
    _write(tmp_path / "audit", Vault(token))

    record = json.loads((tmp_path / "audit").read_text())
    assert (record["vault.entity"], record["vault.accessor"]) == ("ent-1", "acc-1")


def test_where_vault_does_not_say_who_it_is_nothing_goes_on(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="Vault does not say who this is"):
        _write(tmp_path / "audit", Vault(VaultRefused("auth/token/lookup-self")))
    assert not (tmp_path / "audit").read_text()


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "audit"
    file.touch()
    file.chmod(mode)
    with pytest.raises(Stop, match="0600"):
        _write(file)


def test_a_link_a_folder_and_a_path_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "link", tmp_path, tmp_path / "no" / "audit", Path("/dev/full")):
        with pytest.raises(Stop, match=r"audit\.file cannot be written"):
            _write(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_configuration_without_an_audit_is_refused() -> None:
    with pytest.raises(Stop, match=r"audit\.topic or audit\.file"), ExitStack() as closing:
        audit_of(loaded(), None, "because", closing)
