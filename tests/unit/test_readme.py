"""What the README shows works."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from connector.binding import bind_and_judge
from connector.config import Need, load
from connector.protecting import protection_of
from connector.shapes import avro_root, shape_of

README = (Path(__file__).parents[2] / "README.md").read_text()
SCHEMA, CONNECTOR, RING = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.S))


@pytest.fixture
def connector(tmp_path: Path) -> dict[str, Any]:
    ring = tmp_path / "ring.json"
    ring.touch(mode=0o600)
    ring.write_text(json.dumps({**RING, "versions": {"1": base64.b64encode(bytes(32)).decode()}}))
    return {**CONNECTOR, "config": {**CONNECTOR["config"], "keys.pseudonyms.path": str(ring)}}


def test_the_connector_loads_and_covers_every_tagged_field_of_the_schema(connector: dict[str, Any]) -> None:
    loaded = load(connector, need=Need.SERVICE)
    shape = shape_of(None, avro_root("value", SCHEMA, loaded.tags), loaded.tags)
    judged = bind_and_judge(protection_of(loaded), shape, "crm.customers")
    assert judged.problem is None
    verdicts = {finding.path: str(finding.verdict) for finding in judged.findings}
    assert verdicts == {"id": "clear", "email": "protected", "phones[*]": "protected", "segment": "clear"}
