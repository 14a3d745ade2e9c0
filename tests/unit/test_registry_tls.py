"""Our registry client and TLS: whom it trusts, and how it shows who it is."""

import ssl

import pytest

from registry.client import RegistryClient
from registry.devserver import DevRegistry
from registry.errors import RegistryError, RegistryRefused, RegistrySettingsError, SchemaNotFound
from registry.settings import RegistrySettings
from tests.unit.pki import Pki


def asks(**settings):
    """Whether a client with these settings gets as far as being told that there is no such schema."""
    with RegistryClient(RegistrySettings(**settings), deadline=5.0) as client, pytest.raises(SchemaNotFound):
        client.schema(1)
    return True


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def https(pki):
    """A function that gives a registry with the server certificate of an authority."""

    def registry(authority="ours", *, clients=None):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki[f"{clients}.ca"] if clients else None)
        context.load_cert_chain(pki[f"{authority}.server"])
        context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
        return DevRegistry(tls=context)

    return registry


class TestTls:
    def test_a_certificate_of_the_given_authority_is_trusted(self, https, pki):
        with https() as registry:
            assert asks(url=registry.url, ssl_ca_location=pki["ours.ca"])

    def test_a_certificate_of_another_authority_is_refused_at_once(self, https, pki):
        with https("other") as registry, pytest.raises(RegistryRefused, match="TLS"):
            asks(url=registry.url, ssl_ca_location=pki["ours.ca"])

    def test_without_an_authority_of_ones_own_the_public_ones_count(self, https):
        with https() as registry, pytest.raises(RegistryRefused):
            asks(url=registry.url)

    def test_a_certificate_for_another_host_is_refused(self, https, pki):
        with https() as registry, pytest.raises(RegistryRefused):
            asks(url=registry.url.replace("127.0.0.1", "localhost"), ssl_ca_location=pki["ours.ca"])

    def test_verification_can_be_switched_off_on_loopback(self, https):
        with https("other") as registry:
            assert asks(url=registry.url, enable_ssl_certificate_verification=False)

    def test_the_client_shows_its_certificate(self, https, pki):
        with https(clients="ours") as registry:
            client = pki["ours.client"]
            assert asks(url=registry.url, ssl_ca_location=pki["ours.ca"], ssl_certificate_location=client)

    @pytest.mark.parametrize("shown", [None, "other.client"])
    def test_a_registry_that_does_not_trust_the_client_refuses(self, https, pki, shown):
        certificate = pki[shown] if shown else None
        with https(clients="ours") as registry, pytest.raises(RegistryError) as caught:
            asks(url=registry.url, ssl_ca_location=pki["ours.ca"], ssl_certificate_location=certificate)
        assert not isinstance(caught.value, SchemaNotFound)

    def test_a_key_may_be_in_a_file_of_its_own_under_a_password(self, https, pki):
        with https(clients="ours") as registry:
            assert asks(
                url=registry.url,
                ssl_ca_location=pki["ours.ca"],
                ssl_certificate_location=pki["ours.client"],
                ssl_key_location=pki.locked("ours.client", "open"),
                ssl_key_password="open",
            )

    @pytest.mark.parametrize("password", [None, "wrong"])
    def test_a_key_that_can_not_be_opened_is_an_error_that_asks_nobody(self, pki, password):
        locked = pki.locked("ours.client", "open")
        settings = {"ssl_certificate_location": pki["ours.client"], "ssl_key_location": locked}
        with pytest.raises(RegistrySettingsError, match=r"schema.registry.ssl.key"):
            RegistryClient(RegistrySettings(url="https://r", ssl_key_password=password, **settings))

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_an_authority_that_can_not_be_loaded_is_an_error_that_names_the_setting(self, tmp_path, content):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(RegistrySettingsError, match=r"schema.registry.ssl.ca.location"):
            RegistryClient(RegistrySettings(url="https://r", ssl_ca_location=path))
