"""Fixtures that several of the tests without servers share."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.unit.commands import Folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """An empty folder, and the key ring that its configurations refer to: 32 bytes of value 1."""
    ring = {"current": 1, "versions": {"1": base64.b64encode(b"\x01" * 32).decode()}}
    monkeypatch.setenv("TEST_RING", json.dumps(ring))
    return Folder(tmp_path)
