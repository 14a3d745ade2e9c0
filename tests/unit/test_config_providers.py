"""Config providers: `${env:NAME}` and `${file:/path:key}`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.config import Need, load
from connector.config.properties_file import BadProperties, parse_properties
from tests.unit.configuring import LEAST, chain_errors, errors_of, service


def _client_id(reference: str) -> str:
    return service(kafka__client__id=reference).clients.admin.reveal()["client.id"]


def _errors(reference: str) -> list[str]:
    return errors_of({**LEAST, "kafka.client.id": reference})


def test_a_variable_stands_for_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ID", "me")

    assert _client_id("${env:ID}") == "me"


def test_several_references_may_stand_in_a_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ID", "me")
    file = tmp_path / "p.properties"
    file.write_text("host=here")

    assert _client_id(f"<${{env:ID}}@${{file:{file}:host}}>") == "<me@here>"


def test_a_value_that_looks_like_a_reference_is_not_resolved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ID", "${env:HOME}")

    assert _client_id("${env:ID}") == "${env:HOME}"


@pytest.mark.parametrize("text", ["pa$$word", "${topic}", "{env:ID}", "$env:ID", "a${b"])
def test_what_only_resembles_a_reference_stays(text: str) -> None:
    assert _client_id(text) == text


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_or_empty_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("ID", raising=False)
    if value is not None:
        monkeypatch.setenv("ID", value)

    assert _errors("${env:ID}") == [
        "kafka.client.id: expected the environment variable ID to be set, to text that is not empty"
    ]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none"

    assert _errors(f"${{file:{path}:id}}") == [
        f"kafka.client.id: expected a file that can be read at {path} (FileNotFoundError)"
    ]


def test_a_key_that_a_file_does_not_have_is_named(tmp_path: Path) -> None:
    file = tmp_path / "p.properties"
    file.write_text("other=x")

    assert _errors(f"${{file:{file}:id}}") == [f"kafka.client.id: expected the key id in {file}, with text"]


def test_a_line_that_cannot_be_read_is_numbered(tmp_path: Path) -> None:
    file = tmp_path / "p.properties"
    file.write_text("id=x\nother=\\u12\n")

    assert _errors(f"${{file:{file}:id}}") == [
        f"kafka.client.id: expected a properties file at {file}: line 2 cannot be read"
    ]


@pytest.mark.parametrize("reference", ["${file:/etc/passwords}", "${file::id}", "${file:/p:}"])
def test_a_file_reference_has_a_path_and_a_key(reference: str) -> None:
    assert _errors(reference) == ["kafka.client.id: expected ${file:/path:key}, with the key of a properties file"]


def test_an_unknown_provider_is_told_which_there_are() -> None:
    assert _errors("${secrets:kafka:password}") == [
        "kafka.client.id: expected ${env:NAME}, ${file:/path:key} or ${vault:path:key}, "
        "the config providers that there are"
    ]


@pytest.mark.parametrize(
    "key",
    ["transforms.m.replacement", "predicates.p.pattern", "topics", "name", "group.id", "tags.fields.PII", "keys"],
)
@pytest.mark.parametrize("reference", ["${env:HOME}", "${file:/p:k}", "x${vault:a:b}", "${secrets:a}"])
def test_a_plain_key_takes_no_config_provider(key: str, reference: str) -> None:
    """What a plain key holds is shown in errors and logs."""
    config = {"transforms": "m", "transforms.m.type": "MaskField", "transforms.m.fields": "a", "predicates": "p"}
    config[key] = reference

    assert f"{key}: expected a value without a config provider: those are for connections and key rings only" in (
        errors_of(config, Need.CHAIN)
    )


CONNECTED: dict[str, Any] = {
    **LEAST,
    "bootstrap.servers": "${env:NOT_SET}",
    "kafka.sasl.jaas.config": "${env:NOT_SET}",
    "kafka.linger.ms": "${file:/none:x}",
    "schema.registry.url": "${env:NOT_SET}",
    "keys": "k",
    "keys.k.provider": "${env:NOT_SET}",
}


def test_a_chain_alone_asks_no_provider_for_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)

    assert load(CONNECTED, need=Need.CHAIN).registry is None


def test_asking_the_registry_asks_no_provider_for_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)

    assert [error.partition(":")[0] for error in errors_of(CONNECTED, Need.REGISTRY)] == ["schema.registry.url"]


def test_the_service_asks_for_all_and_reports_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)

    assert [error.partition(":")[0] for error in errors_of(CONNECTED)] == [
        "bootstrap.servers",
        "kafka.linger.ms",
        "kafka.sasl.jaas.config",
        "keys.k.provider",
        "schema.registry.url",
    ]


def test_a_chain_alone_still_knows_the_keys_whose_values_it_does_not_ask_for() -> None:
    errors = chain_errors(kafka__lnger__ms="${env:X}", schema__registry__ulr="${env:X}", kafka__acks="${env:X}")

    assert [error.partition(":")[0] for error in errors] == ["kafka.acks", "kafka.lnger.ms", "schema.registry.ulr"]


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("a=b", {"a": "b"}),
        ("a = b c ", {"a": "b c "}),
        ("a:b", {"a": "b"}),
        ("a b", {"a": "b"}),
        ("a\t:\tb", {"a": "b"}),
        ("a==b", {"a": "=b"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("# a=b\n! c=d\n\n  \te=f", {"e": "f"}),
        ("a=b\r\nc=d\re=f", {"a": "b", "c": "d", "e": "f"}),
        ("a=b\\\n   c", {"a": "bc"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=b\\\n# c", {"a": "b# c"}),
        ("a=b\\", {"a": "b"}),
        ("a\\=b\\:c\\ d=e", {"a=b:c d": "e"}),
        ("a=\\t\\n\\r\\f\\q\\\\", {"a": "\t\n\r\fq\\"}),
        ("a=\\u00e9\\\\u00e9", {"a": "é\\u00e9"}),
        ("a=é", {"a": "é"}),
        ("a=1\na=2", {"a": "2"}),
        ("", {}),
    ],
)
def test_a_properties_file_is_read_as_java_reads_it(text: str, properties: dict[str, str]) -> None:
    """The cases of the documentation of java.util.Properties.load(Reader)."""
    assert parse_properties(text) == properties


@pytest.mark.parametrize("text", ["x=y\na=\\u12", "x=y\na\\uzzzz=b"])
def test_a_malformed_escape_is_an_error_at_its_line(text: str) -> None:
    with pytest.raises(BadProperties, match=r"^line 2 cannot be read$"):
        parse_properties(text)


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800"])
def test_what_is_no_text_is_not_passed_on(tmp_path: Path, escape: str) -> None:
    file = tmp_path / "p.properties"
    file.write_text(f"id={escape}")

    assert _errors(f"${{file:{file}:id}}") == [f"kafka.client.id: expected the key id in {file}, with text"]
