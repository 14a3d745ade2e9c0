"""The ``vault.*`` keys of a configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from vault.settings import VaultSettings

SECRET = "s3cret-8f2a"

VARIABLES = ("VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY", "VAULT_TOKEN")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def read(**keys):
    """Settings from dotted keys, whose dots are written as underscores here; with a token where none is given."""
    given = keys if "auth" in keys else {"token": "t", **keys}
    return VaultSettings.model_validate({f"vault.{key.replace('_', '.')}": text for key, text in given.items()})


def refusal(**keys):
    """What is said of settings that must be refused. It never shows the secret."""
    with pytest.raises(ValidationError) as caught:
        read(**keys)
    said = f"{caught.value} {caught.value.errors(include_input=False)}"
    assert SECRET not in said
    return said


def test_keys_are_those_of_the_configuration():
    settings = read(
        url="https://v:8200/",
        auth="approle",
        approle_role_id="r",
        approle_secret_id="s",
        approle_mount="roles",
        kv_mount="team/kv",
        transit_mount="/transit/",
        ssl_ca_location="/ca.pem",
        ssl_verify="true",
        namespace="/org/unit/",
    )
    assert settings.url == "https://v:8200"
    assert (settings.approle_mount, settings.kv_mount, settings.transit_mount) == ("roles", "team/kv", "transit")
    assert (settings.ssl_ca_location, settings.namespace) == (Path("/ca.pem"), "org/unit")


def test_an_unknown_key_is_an_error():
    assert "vault.tokens" in refusal(url="https://v", tokens="x")


def test_the_defaults_are_those_of_vault():
    settings = read(url="https://v")
    assert (settings.auth, settings.kv_mount, settings.transit_mount) == ("token", "secret", "transit")
    assert (settings.approle_mount, settings.kubernetes_mount) == ("approle", "kubernetes")
    assert str(settings.kubernetes_jwt_path) == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert settings.ssl_verify is True


def test_the_variables_of_vaults_own_tools_stand_in_for_what_is_not_given(monkeypatch):
    for name, text in zip(VARIABLES, ("https://e:1", "team", "/ca", "/cert", "/key"), strict=False):
        monkeypatch.setenv(name, text)
    settings = read()
    assert (settings.url, settings.namespace) == ("https://e:1", "team")
    files = (settings.ssl_ca_location, settings.ssl_certificate_location, settings.ssl_key_location)
    assert files == (Path("/ca"), Path("/cert"), Path("/key"))


def test_what_is_given_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", "https://e:1")
    assert read(url="https://v").url == "https://v"


def test_an_address_in_the_environment_is_checked_like_any_other(monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", f"https://user:{SECRET}@v")
    assert "vault.url" in refusal()


def test_no_token_is_taken_from_the_environment_or_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VAULT_TOKEN", SECRET)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".vault-token").write_text(SECRET)
    assert "vault.token is not given" in refusal(url="https://v", auth="token")


def test_without_an_address_there_are_no_settings():
    assert "VAULT_ADDR" in refusal()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "v:8200",
        "ftp://v",
        "https://",
        "https://v:port",
        "https://v:99999",
        f"https://v?token={SECRET}",
        "https://v#a",
        "https://v?",
        "https://v\n",
        "https://v w",
        "https://[::1",
        f"https://user:{SECRET}@v",
        f"https://{SECRET}@v",
        f"http://user:{SECRET}@localhost",
        f"https://user:{SECRET}\\@v",
    ],
)
def test_what_is_no_plain_address_is_refused_without_being_shown(url):
    assert "vault.url" in refusal(url=url)


@pytest.mark.parametrize(
    ("auth", "missing"),
    [
        ("token", "vault.token"),
        ("approle", "vault.approle.role.id and vault.approle.secret.id"),
        ("kubernetes", "vault.kubernetes.role"),
        ("agent", "vault.agent.token.path"),
    ],
)
def test_each_way_to_log_in_needs_its_own_options(auth, missing):
    assert re.search(f"{re.escape(missing)} (is|are) not given", refusal(url="https://v", auth=auth))


def test_a_role_without_its_secret_is_refused():
    assert "vault.approle.secret.id" in refusal(url="https://v", auth="approle", approle_role_id="r")


def test_options_of_two_ways_to_log_in_are_refused():
    said = refusal(url="https://v", auth="agent", agent_token_path="/t", token=SECRET)
    assert "vault.token is given, but vault.auth is agent" in said


@pytest.mark.parametrize("token", ["", f"{SECRET}\n", f"{SECRET} x", f"{SECRET}ü"])
def test_a_token_that_cannot_be_a_header_is_refused_without_being_shown(token):
    assert "vault.token" in refusal(url="https://v", token=token)


@pytest.mark.parametrize("mount", ["", "/", "a//b", "..", "a/../b"])
def test_what_is_no_mount_is_refused(mount):
    assert "vault.kv.mount" in refusal(url="https://v", kv_mount=mount)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "[::1]"])
def test_plain_http_and_unverified_certificates_are_for_loopback(host):
    assert read(url=f"http://{host}:1").is_loopback
    assert read(url=f"https://{host}:1", ssl_verify="false").ssl_verify is False


@pytest.mark.parametrize("host", ["v", "10.0.0.1", "localhost.v", "0.0.0.0"])
def test_and_nowhere_else(host):
    assert "loopback" in refusal(url=f"http://{host}")
    assert "loopback" in refusal(url=f"https://{host}", ssl_verify="false")


@pytest.mark.parametrize("option", ["ssl_certificate_location", "ssl_key_location"])
def test_a_client_certificate_and_its_key_go_together(option):
    assert "go together" in refusal(url="https://v", **{option: "/f.pem"})


def test_no_secret_is_shown():
    for settings in (
        read(url="https://v", token=SECRET),
        read(url="https://v", auth="approle", approle_role_id=SECRET, approle_secret_id=SECRET),
    ):
        assert SECRET not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
