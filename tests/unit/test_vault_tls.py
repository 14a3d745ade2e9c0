"""Our Vault client and TLS: whom it trusts, and how it shows who it is."""

from __future__ import annotations

import ssl

import pytest

from tests.unit.pki import Pki
from tests.unit.vault_script import TOKEN, ScriptedVault
from vault.client import VaultClient
from vault.errors import VaultError, VaultRefused, VaultSettingsError
from vault.settings import VaultSettings


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def https(pki):
    """A function that gives a Vault with the server certificate of an authority."""

    def vault(authority="ours", *, clients=None):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki[f"{clients}.ca"] if clients else None)
        context.load_cert_chain(pki[f"{authority}.server"])
        context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
        return ScriptedVault(tls=context)

    return vault


def asks(**options):
    """Whether a client with these settings gets an answer."""
    with VaultClient(VaultSettings(token=TOKEN, **options), deadline=5.0) as client:
        return client.lookup_self().accessor == "acc"


def test_a_certificate_of_the_given_authority_is_trusted(https, pki):
    with https() as vault:
        assert asks(url=vault.url, ssl_ca_location=pki["ours.ca"])


def test_a_certificate_of_another_authority_is_refused_at_once(https, pki):
    with https("other") as vault, pytest.raises(VaultRefused, match="TLS"):
        asks(url=vault.url, ssl_ca_location=pki["ours.ca"])


def test_without_an_authority_of_ones_own_the_public_ones_count(https):
    with https() as vault, pytest.raises(VaultRefused, match="TLS"):
        asks(url=vault.url)


def test_authorities_that_the_environment_names_for_other_programs_do_not_count(https, pki, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(pki["ours.ca"]))
    with https() as vault, pytest.raises(VaultRefused, match="TLS"):
        asks(url=vault.url)


def test_a_certificate_for_another_host_is_refused(https, pki):
    with https() as vault, pytest.raises(VaultRefused, match="TLS"):
        asks(url=vault.url.replace("127.0.0.1", "localhost"), ssl_ca_location=pki["ours.ca"])


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off_on_loopback(https, pki):
    with https("other") as vault:
        assert asks(url=vault.url, ssl_verify=False)
        assert asks(url=vault.url, ssl_verify=False, ssl_ca_location=pki["ours.ca"])


def test_the_client_shows_its_certificate(https, pki):
    client = pki["ours.client"]
    with https(clients="ours") as vault:
        assert asks(
            url=vault.url,
            ssl_ca_location=pki["ours.ca"],
            ssl_certificate_location=client,
            ssl_key_location=client,
        )


@pytest.mark.parametrize("shown", [None, "other.client"])
def test_a_vault_that_does_not_trust_the_client_refuses(https, pki, shown):
    files = {"ssl_certificate_location": pki[shown], "ssl_key_location": pki[shown]} if shown else {}
    with https(clients="ours") as vault, pytest.raises(VaultError):
        asks(url=vault.url, ssl_ca_location=pki["ours.ca"], **files)


def test_a_key_under_a_passphrase_is_an_error_that_asks_nobody(pki):
    files = {"ssl_certificate_location": pki["ours.client"], "ssl_key_location": pki.locked("ours.client", "open")}
    with pytest.raises(VaultSettingsError, match=r"vault\.ssl\.key\.location"):
        asks(url="https://v", **files)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_loaded_is_an_error_that_names_the_setting(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(VaultSettingsError, match=r"vault\.ssl\.ca\.location"):
        asks(url="https://v", ssl_ca_location=path)
