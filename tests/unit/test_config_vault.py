"""`vault.*` in a configuration, and values that it takes from Vault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.config import Need, load
from tests.unit.configuring import LEAST, dotted, errors_of, loaded
from tests.unit.vault_script import TOKEN, Reply, ScriptedVault, secret

PASSWORD = "pw-4c1f9a"
REFERENCE = "${vault:kafka/clients:password}"
READ = "GET secret/data/kafka/clients"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vault() -> Iterator[ScriptedVault]:
    with ScriptedVault() as vault:
        vault.on(READ, lambda _: secret({"password": PASSWORD, "user": "me", "port": 9093}))
        yield vault


def _config(vault: ScriptedVault, **keys: Any) -> dict[str, Any]:
    return {**LEAST, "vault.url": vault.url, "vault.token": TOKEN, **dotted(keys)}


class TestSettings:
    def test_they_are_read(self) -> None:
        settings = loaded(vault__url="https://v:8200", vault__token="t", vault__kv__mount="team/kv").vault
        assert settings is not None
        assert (settings.url, settings.kv_mount) == ("https://v:8200", "team/kv")

    def test_without_any_there_is_no_vault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VAULT_ADDR", "https://v:8200")
        assert loaded().vault is None

    def test_what_needs_no_vault_gets_none(self) -> None:
        assert load(dotted({"vault__url": "https://v", "vault__token": "t"}), need=Need.CHAIN).vault is None

    def test_they_may_come_from_other_config_providers(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("THE_TOKEN", "from-env")
        file = tmp_path / "p.properties"
        file.write_text("url=https://from-file\n")
        settings = loaded(vault__url=f"${{file:{file}:url}}", vault__token="${env:THE_TOKEN}").vault
        assert settings is not None
        assert settings.token is not None
        assert (settings.url, settings.token.get_secret_value()) == ("https://from-file", "from-env")

    def test_a_variable_that_holds_the_token_is_to_be_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("THE_TOKEN", "from-env")
        found = loaded(vault__url="https://v", vault__token="${env:THE_TOKEN}")
        assert found.secret_variables == {"THE_TOKEN"}

    def test_but_not_from_vault(self, vault: ScriptedVault) -> None:
        config = _config(vault) | {"vault.token": "${vault:a:token}"}
        assert errors_of(config) == [
            "vault.token: expected a value without ${vault:...}: Vault cannot be asked where it is"
        ]
        assert not vault.seen

    @pytest.mark.parametrize(
        ("keys", "error"),
        [
            ({"vault.tokn": "t"}, "vault.tokn: found an unknown key; expected a key that Streamveil knows, perhaps"),
            ({"vault.url": f"https://u:{PASSWORD}@v"}, "vault.url: expected an address without user name and password"),
            ({"vault.url": "http://v"}, "vault.*: expected options that fit together: vault.url can only be http://"),
            ({"vault.auth": "tokn"}, "vault.auth: expected one of token, approle, kubernetes, agent"),
            ({"vault.ssl.verify": "perhaps"}, "vault.ssl.verify: expected true or false"),
            ({"vault.auth": "agent"}, "vault.*: expected options that fit together: vault.agent.token.path is not"),
        ],
    )
    def test_what_is_wrong_with_them_is_said_without_their_values(self, keys: dict[str, str], error: str) -> None:
        found = errors_of({**LEAST, "vault.url": "https://v", "vault.token": "t", **keys})
        assert any(each.startswith(error) for each in found)
        assert PASSWORD not in "\n".join(found)

    def test_without_an_address_the_variable_is_named(self) -> None:
        assert errors_of({**LEAST, "vault.token": "t"}) == [
            "vault.url: found nothing; expected the address of Vault, here or in the environment variable VAULT_ADDR"
        ]

    def test_what_is_there_is_checked_even_where_nothing_needs_it(self) -> None:
        found = errors_of({"vault.auth": "tokn"}, Need.CHAIN)
        assert found == ["vault.auth: expected one of token, approle, kubernetes, agent"]

    def test_and_what_is_missing_then_is_no_error(self) -> None:
        assert load({"vault.auth": "agent"}, need=Need.CHAIN).vault is None


def _client_password(config: dict[str, Any]) -> str:
    found = load(config, need=Need.SERVICE).service
    assert found is not None
    return str(found.clients.admin.reveal()["sasl.password"])


class TestValues:
    def test_a_value_is_read_from_a_secret(self, vault: ScriptedVault) -> None:
        assert _client_password(_config(vault, kafka__sasl__password=REFERENCE)) == PASSWORD

    def test_it_may_be_a_part_of_a_text(self, vault: ScriptedVault) -> None:
        config = _config(vault, schema__registry__basic__auth__user__info=f"${{vault:kafka/clients:user}}:{REFERENCE}")
        registry = load(config, need=Need.SERVICE).registry
        assert registry is not None
        assert registry.basic_auth_user_info is not None
        assert registry.basic_auth_user_info.get_secret_value() == f"me:{PASSWORD}"

    def test_a_secret_is_read_once_for_all_its_keys(self, vault: ScriptedVault) -> None:
        load(
            _config(vault, kafka__sasl__password=REFERENCE, kafka__sasl__username="${vault:kafka/clients:user}"),
            need=Need.SERVICE,
        )
        assert len(vault.asked(READ)) == 1

    def test_vault_is_not_asked_where_the_value_is_not_needed(self, vault: ScriptedVault) -> None:
        load(_config(vault, kafka__sasl__password=REFERENCE), need=Need.CHAIN)
        assert not vault.seen

    def test_nor_must_it_be_configured(self) -> None:
        load({**LEAST, "kafka.sasl.password": REFERENCE}, need=Need.CHAIN)

    def test_the_registry_alone_may_need_it(self, vault: ScriptedVault) -> None:
        config = _config(vault, schema__registry__bearer__auth__token=REFERENCE)
        registry = load(config, need=Need.REGISTRY).registry
        assert registry is not None
        assert registry.bearer_auth_token is not None
        assert registry.bearer_auth_token.get_secret_value() == PASSWORD

    @pytest.mark.parametrize("reference", ["${vault:}", "${vault:path}", "${vault::key}", "${vault:path:}"])
    def test_a_reference_has_a_path_and_a_key(self, vault: ScriptedVault, reference: str) -> None:
        (error,) = errors_of(_config(vault, kafka__sasl__password=reference))
        assert error.startswith("kafka.sasl.password: expected ${vault:path:key}, with the path below vault.kv.mount")

    def test_a_secret_that_is_not_there_is_named(self, vault: ScriptedVault) -> None:
        assert errors_of(_config(vault, kafka__sasl__password="${vault:none/here:password}")) == [
            "kafka.sasl.password: expected the key password of the secret none/here in Vault (Vault has no such secret)"
        ]

    @pytest.mark.parametrize("key", ["none", "port"])
    def test_a_key_that_is_not_there_or_no_text_is_named(self, vault: ScriptedVault, key: str) -> None:
        assert errors_of(_config(vault, kafka__sasl__password=f"${{vault:kafka/clients:{key}}}")) == [
            f"kafka.sasl.password: expected the key {key} of the secret kafka/clients in Vault, with text"
        ]

    def test_a_permission_that_is_refused_is_named_with_the_path(self, vault: ScriptedVault) -> None:
        vault.on(READ, lambda _: Reply(403, {"errors": [PASSWORD]}))
        (error,) = errors_of(_config(vault, kafka__sasl__password=REFERENCE))
        assert "secret/data/kafka/clients: status 403" in error
        assert PASSWORD not in error

    def test_a_vault_that_is_not_configured_is_an_error_at_the_key(self) -> None:
        found = errors_of({**LEAST, "kafka.sasl.password": REFERENCE})
        expected = "the key password of the secret kafka/clients in Vault (vault.* does not say which Vault)"
        assert f"kafka.sasl.password: expected {expected}" in found

    def test_a_vault_that_is_away_is_an_error_at_each_key_and_is_waited_for_once(
        self, vault: ScriptedVault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connector.config.vault_values._DEADLINE_S", 0.6)
        vault.on(READ, lambda _: Reply(503))
        found = errors_of(
            _config(
                vault, kafka__sasl__password=REFERENCE, schema__registry__bearer__auth__token="${vault:other:token}"
            )
        )
        assert [error.partition(":")[0] for error in found] == [
            "kafka.sasl.password",
            "schema.registry.bearer.auth.token",
        ]
        assert "GET secret/data/other" not in vault.requests

    def test_one_path_that_is_refused_does_not_hide_what_is_wrong_at_another(self, vault: ScriptedVault) -> None:
        vault.on(READ, lambda _: Reply(403, {"errors": []}))
        found = errors_of(
            _config(
                vault, kafka__sasl__password=REFERENCE, schema__registry__bearer__auth__token="${vault:other:token}"
            )
        )
        assert "status 403" in found[0]
        assert "Vault has no such secret" in found[1]

    def test_no_error_shows_what_a_secret_holds(self, vault: ScriptedVault) -> None:
        found = errors_of(_config(vault, schema__registry__url=REFERENCE, kafka__sasl__password="${vault:none:x}"))
        assert len(found) == 2
        assert PASSWORD not in "\n".join(found)
