"""No error and no printed configuration shows a secret, wherever it stands and whatever else is wrong."""

from __future__ import annotations

import copy
import json
import pickle
import secrets
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from connector.config import ConfigErrors, Need, java_clients, librdkafka, load
from connector.config.options import option_names
from registry.settings import RegistrySettings
from tests.unit.configuring import LEAST, RING
from vault.settings import VaultSettings

PREFIXES = ("kafka.", "consumer.override.", "producer.override.", "admin.override.")
OF_CLIENTS = (
    librdkafka.ACCEPTED
    | librdkafka.ALIASES.keys()
    | librdkafka.REFUSED.keys()
    | java_clients.RENAMED.keys()
    | java_clients.REFUSED.keys()
    | java_clients.STORE_TYPES.keys()
    | {"sasl.jaas.config", "ssl.truststore.location", "sasl.pasword"}
)
OF_CONNECTIONS = sorted(
    {prefix + name for prefix in PREFIXES for name in OF_CLIENTS}
    - {"consumer.override.auto.offset.reset", "consumer.override.group.protocol"}
    | option_names(RegistrySettings)
    | option_names(VaultSettings)
    | {f"{side}.converter.{name}" for side in ("key", "value") for name in option_names(RegistrySettings)}
    | {
        "bootstrap.servers",
        "schema.registry.pasword",
        "value.converter.basic.auth.user.info",
        "keys.k.provider",
        "keys.k.path",
        "keys.k.secret",
        "tokne",
    }
)


def _secret() -> str:
    return secrets.token_hex(16)


def _refused(tmp_path: Path, config: dict[str, Any], need: Need = Need.SERVICE) -> str:
    """All that an error shows of itself, with the local variables of the loader's frames."""
    file = tmp_path / "connector.json"
    file.write_text(json.dumps(config))
    with pytest.raises(ConfigErrors) as refused:
        load(file, need=need)
    errors = refused.value
    assert errors.__context__ is None
    assert errors.__cause__ is None
    report = "".join(traceback.TracebackException.from_exception(errors, capture_locals=True).format())
    loader = report[report.index("connector/config/load.py") :]
    return "\n".join([str(errors), repr(errors), repr(errors.errors), repr(errors.args), loader])


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("template", ["{}", " {},,", "${{other:{}}}", "${{{}:other}}"])
def test_no_value_of_a_connection_or_unknown_key_is_shown(tmp_path: Path, template: str, need: Need) -> None:
    planted = {key: _secret() for key in OF_CONNECTIONS}
    config = {key: template.format(secret) for key, secret in planted.items()}
    config |= {"name": "n", "topics": "t", "keys": "k", "batch.max.records": "0"}

    shown = _refused(tmp_path, config, need)

    assert [key for key, secret in planted.items() if secret in shown] == []


def test_no_value_is_shown_when_its_key_alone_is_wrong(tmp_path: Path) -> None:
    """Each for itself: one error may hide another."""
    secret = _secret()

    def shows(key: str) -> bool:
        return secret in _refused(tmp_path, {**LEAST, "batch.max.records": "0", key: f"!{secret}"})

    assert [key for key in OF_CONNECTIONS if shows(key)] == []


@pytest.mark.parametrize(
    ("key", "template"),
    [
        ("kafka.sasl.jaas.config", 'com.example.Login required password="{}";'),
        ("kafka.sasl.jaas.config", 'org.apache.kafka.common.security.plain.PlainLoginModule required password="{}";'),
        ("schema.registry.url", "ftp://me:{}@registry"),
        ("schema.registry.basic.auth.user.info", "{}"),
        ("schema.registry.bearer.auth.token", "{}\n"),
        ("bootstrap.servers", "me:{}@broker:9092"),
        ("keys.k.provider", "{}"),
        ("keys.k.path", "{}"),
        ("keys.k.path", "${{env:WRONG}}{}"),
        ("transforms.h.key", "{}"),
        ("transforms.h.password", "{}"),
    ],
)
def test_no_part_of_a_value_is_shown(tmp_path: Path, key: str, template: str) -> None:
    secret = _secret()
    chain = {"transforms": "h", "transforms.h.type": "Hmac", "transforms.h.fields": "a", "transforms.h.key": "k"}

    ring = {"keys": "k", "keys.k.provider": "file"}

    shown = _refused(tmp_path, {**LEAST, **chain, **ring, key: template.format(secret)})

    assert secret not in shown


@pytest.mark.parametrize(
    "key",
    ["bootstrap.servers", "kafka.linger.ms", "kafka.sasl.jaas.config", "schema.registry.url", "keys.k.provider"],
)
@pytest.mark.parametrize("provider", ["env", "file"])
def test_what_a_config_provider_resolves_to_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, provider: str
) -> None:
    secret = _secret()
    monkeypatch.setenv("WRONG", f" {secret}")
    file = tmp_path / "wrong.properties"
    file.write_text(f"wrong={secret}")
    reference = "${env:WRONG}" if provider == "env" else f"${{file:{file}:wrong}}"

    shown = _refused(tmp_path, {**LEAST, "keys": "k", key: reference})

    assert secret not in shown


def test_no_content_of_a_key_ring_or_properties_file_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = _secret()
    ring, properties = tmp_path / "ring.json", tmp_path / "p.properties"
    ring.write_text(json.dumps({"current": 1, "versions": {"1": secret}}))
    ring.chmod(0o600)
    properties.write_bytes(b"a=" + secret.encode() + b"\nb=\\u12\xff")
    monkeypatch.setenv("RING", f'{{"current": "{secret}"')
    config = {
        **LEAST,
        "keys": "f,e",
        "keys.f.provider": "file",
        "keys.f.path": str(ring),
        "keys.e.provider": "env",
        "keys.e.variable": "RING",
        "kafka.sasl.password": f"${{file:{properties}:a}}",
    }

    shown = _refused(tmp_path, config)

    assert secret not in shown
    assert "keys.f.path" in shown
    assert "keys.e.variable" in shown
    assert "kafka.sasl.password" in shown


def test_a_file_that_is_not_json_is_not_shown(tmp_path: Path) -> None:
    secret = _secret()
    file = tmp_path / "connector.json"
    file.write_text(f'{{"kafka.sasl.password": "{secret}"')

    with pytest.raises(ConfigErrors) as refused:
        load(file, need=Need.CHAIN)

    report = "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=True).format())
    assert secret not in report[report.index("connector/config/load.py") :]
    assert refused.value.__context__ is None


@pytest.fixture
def right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[str]]:
    """A configuration without errors, and every secret in it."""
    password, user_info, pem, other = (_secret() for _ in range(4))
    key_material = json.loads(RING)["versions"]["1"]
    monkeypatch.setenv("CUSTOMERS", RING)
    monkeypatch.setenv("OTHER", other)
    config = {
        **LEAST,
        "transforms": "h",
        "transforms.h.type": "Hmac",
        "transforms.h.fields": "a",
        "transforms.h.key": "customers",
        "keys": "customers",
        "keys.customers.provider": "env",
        "keys.customers.variable": "CUSTOMERS",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.username": "me",
        "kafka.sasl.password": password,
        "kafka.ssl.key.pem": pem,
        "consumer.override.client.id": "${env:OTHER}",
        "schema.registry.basic.auth.user.info": f"me:{user_info}",
    }
    return config, [password, user_info, pem, other, key_material, key_material.rstrip("=")]


def test_a_loaded_configuration_prints_without_its_secrets(right: tuple[dict[str, Any], list[str]]) -> None:
    config, planted = right

    connector = load(config, need=Need.SERVICE)

    assert connector.service is not None
    assert connector.service.clients.consumer.reveal()["sasl.password"] == planted[0]
    for printed in (repr(connector), str(connector), f"{connector.service}", repr(connector.registry)):
        assert [secret for secret in planted if secret in printed] == []


def test_a_loaded_configuration_cannot_be_copied_or_pickled(right: tuple[dict[str, Any], list[str]]) -> None:
    """A copy of it as plain data would print."""
    connector = load(right[0], need=Need.SERVICE)

    for take in (asdict, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            take(connector)
    assert connector.service is not None
    with pytest.raises(TypeError):
        copy.copy(connector.service.clients.consumer)
