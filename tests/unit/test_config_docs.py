"""docs/configuration.md says what the loader does."""

from __future__ import annotations

import base64
import json
import re
from enum import Enum
from pathlib import Path

import pytest

from connector.config import Need, java_clients, known_keys, librdkafka, load
from connector.config.converters import JAVA_CONVERTERS
from connector.config.reading import Section
from vault.keyring import PROVIDERS
from vault.settings import VaultSettings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
QUOTED = frozenset(re.findall(r"`([^`=]+)[^`]*`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)))


def _defaults() -> dict[str, str]:
    """What the tables of the page say about each key's default."""
    rows = [row.strip("|").split("|") for row in PAGE.splitlines() if row.startswith("| `") and row.count("|") == 4]
    return {key: default.strip().strip("`") for keys, _, default in rows for key in re.findall(r"`([^`]+)`", keys)}


@pytest.mark.parametrize("key", sorted(known_keys()))
def test_every_key_is_documented(key: str) -> None:
    assert key in _defaults()


@pytest.mark.parametrize("key", sorted(_defaults()))
def test_every_documented_key_is_known(key: str) -> None:
    assert key in known_keys()


@pytest.mark.parametrize("section", Section.__subclasses__(), ids=lambda section: section.__name__)
def test_every_default_is_documented(section: type[Section]) -> None:
    for field in section.model_fields.values():
        default = field.default.value if isinstance(field.default, Enum) else field.default
        if default is not None and field.alias != "name":
            text = str(default).lower() if isinstance(default, bool) else str(default)
            assert _defaults()[str(field.alias)] == text


def test_other_defaults_are_documented() -> None:
    connector = load({}, need=Need.CHAIN)

    documented = _defaults()
    assert documented["key.converter"] == connector.converters.key
    assert documented["value.converter"] == connector.converters.value
    assert documented["sink.topic.format"] == connector.sink_topic_format
    assert documented["tags.property"] == connector.tags.property
    assert documented["tags.sensitive"] == ",".join(connector.tags.sensitive)


def test_every_default_of_vault_is_documented() -> None:
    for field in VaultSettings.model_fields.values():
        if field.default is not None and not field.is_required():
            text = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert _defaults()[str(field.alias)] == text


@pytest.mark.parametrize(
    "names",
    [
        librdkafka.ACCEPTED,
        librdkafka.ALIASES,
        librdkafka.REFUSED,
        java_clients.RENAMED,
        java_clients.REFUSED,
        JAVA_CONVERTERS,
        PROVIDERS,
        java_clients.STORE_TYPES,
    ],
    ids=["accepted", "aliases", "refused", "renamed", "refused of Java", "converters", "providers", "types of stores"],
)
def test_every_name_in_a_table_of_the_loader_is_documented(names: frozenset[str]) -> None:
    assert set(names) - QUOTED == set()


def test_the_example_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    ring = {"current": 1, "versions": {"1": base64.b64encode(bytes(32)).decode()}}
    monkeypatch.setenv("KAFKA_PASSWORD", "pw")
    monkeypatch.setenv("REGISTRY_USER_INFO", "me:pw")
    monkeypatch.setenv("CUSTOMERS_KEYS", json.dumps(ring))
    file = tmp_path / "connector.json"
    file.write_text(example[1])

    connector = load(file, need=Need.SERVICE)

    assert connector.name == "customers"
    assert [link.name for link in connector.chain] == ["MaskField", "Hmac"]
