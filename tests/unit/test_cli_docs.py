"""docs/command-line.md names every command and option, and shows the document of `explain --json` as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from connector.cli import app
from connector.cli_keys import keys
from tests.unit.commands import HMAC, MASK, TRIM, Folder, streamveil

_PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
_KEYS = [command.name or command.callback.__name__ for command in keys.registered_commands if command.callback]
_COMMANDS = [command.callback.__name__ for command in app.registered_commands if command.callback]


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_command_has_its_section_and_its_options(command: str) -> None:
    assert f"\n## {command}\n" in _PAGE
    for option in re.findall(r"--[a-z-]+", streamveil(command, "--help").stdout):
        assert option == "--help" or option in _PAGE


@pytest.mark.parametrize("command", _KEYS)
def test_a_command_for_key_rings_is_described_with_its_options(command: str) -> None:
    assert f"\n| `keys {command}" in _PAGE
    assert f"\nstreamveil keys {command} " in _PAGE
    for option in re.findall(r"--[a-z-]+", streamveil("keys", command, "--help").stdout):
        assert option == "--help" or option in _PAGE


def test_the_document_of_explain_has_the_members_that_are_described(folder: Folder) -> None:
    described = json.loads(re.findall(r"```json explain\n(.*?)```", _PAGE, re.DOTALL)[0])
    connector = folder.connector({"pseudonym": HMAC, "mask": MASK, "trim": TRIM})
    shown = json.loads(streamveil("explain", connector, "--schema", folder.schema(), "--json").stdout)
    email = next(leaf for leaf in shown["fields"] if leaf["path"] == "email")
    email["guards"][0]["fingerprint"] = described["fields"][0]["guards"][0][
        "fingerprint"
    ]  # it is that of a made-up key
    assert list(shown) == list(described)
    assert email == described["fields"][0]
