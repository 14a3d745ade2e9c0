"""The ``schema.registry.*`` keys of a configuration."""

import pytest
from pydantic import ValidationError

from registry.settings import RegistrySettings

SECRET = "s3cret-8f2a"


def read(**keys):
    """Settings from dotted keys, whose dots are written as underscores here."""
    return RegistrySettings.model_validate({f"schema.registry.{key.replace('_', '.')}": keys[key] for key in keys})


def refusal(**keys):
    """What is said of settings that must be refused. It never shows the secret."""
    with pytest.raises(ValidationError) as caught:
        read(**keys)
    said = f"{caught.value} {caught.value.errors(include_input=False)}"
    assert SECRET not in said
    return said


def test_keys_are_those_of_the_configuration():
    settings = read(url="http://r:8081", ssl_ca_location="/ca.pem", enable_ssl_certificate_verification="true")
    assert [endpoint.url for endpoint in settings.endpoints] == ["http://r:8081"]
    assert str(settings.ssl_ca_location) == "/ca.pem"


def test_an_unknown_key_is_an_error():
    assert "schema.registry.urls" in refusal(url="http://r:8081", urls="http://r:8081")


def test_several_addresses_keep_their_order_and_lose_spaces_and_trailing_slashes():
    settings = read(url="http://a:1/, https://b.example/path/ ,http://[::1]:3")
    assert [endpoint.url for endpoint in settings.endpoints] == [
        "http://a:1",
        "https://b.example/path",
        "http://[::1]:3",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry:8081",
        "ftp://registry",
        "http://",
        "http://a,",
        "http://a?token=" + SECRET,
        "http://a#b",
        f"http://user:{SECRET}/x@host",
        f"http://user:{SECRET}@host:port",
        "http://a\nb",
    ],
)
def test_what_is_no_plain_http_address_is_refused_without_being_shown(url):
    assert "schema.registry.url" in refusal(url=url)


def test_credentials_in_a_url_are_decoded_and_shown_nowhere():
    settings = read(url=f"http://us%40er:{SECRET}%3A@r:8081")
    (endpoint,) = settings.endpoints
    assert (endpoint.url, endpoint.user) == ("http://r:8081", "us@er")
    assert endpoint.password.get_secret_value() == f"{SECRET}:"
    assert SECRET not in f"{settings} {settings!r} {endpoint} {endpoint!r} {settings.model_dump()} {vars(settings)}"


def test_each_url_has_credentials_of_its_own():
    one, other = read(url="http://a:1@one,http://two").endpoints
    assert (one.user, other.user) == ("a", None)


def test_user_info_counts_for_all_addresses_and_its_password_may_hold_colons():
    endpoints = read(url="http://one,http://two", basic_auth_user_info=f"user:{SECRET}:x").endpoints
    assert {(each.user, each.password.get_secret_value()) for each in endpoints} == {("user", f"{SECRET}:x")}


def test_no_secret_is_shown():
    settings = read(
        url="https://r",
        basic_auth_user_info=f"user:{SECRET}",
        ssl_certificate_location="c.pem",
        ssl_key_password=SECRET,
    )
    assert SECRET not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize("source", ["USER_INFO", "URL"])
def test_a_named_source_of_credentials_must_have_them(source):
    assert f"credentials.source is {source}" in refusal(url="http://r", basic_auth_credentials_source=source)


def test_the_named_source_of_credentials_is_taken():
    from_info = read(url="http://r", basic_auth_credentials_source="USER_INFO", basic_auth_user_info="a:b")
    from_url = read(url="http://a:b@r", basic_auth_credentials_source="URL")
    assert [each.endpoints[0].user for each in (from_info, from_url)] == ["a", "a"]


@pytest.mark.parametrize(
    "keys",
    [
        {"url": f"http://u:{SECRET}@r", "basic_auth_user_info": f"u:{SECRET}"},
        {"url": f"http://u:{SECRET}@r", "bearer_auth_token": SECRET},
        {"url": "http://r", "basic_auth_user_info": f"u:{SECRET}", "bearer_auth_token": SECRET},
        {"url": "http://r", "basic_auth_user_info": SECRET},
        {"url": "http://r", "basic_auth_credentials_source": SECRET},
        {"url": "http://r", "bearer_auth_token": f"{SECRET}\n"},
        {"url": "http://r", "bearer_auth_token": ""},
        {"url": "http://r", "ssl_key_location": "k.pem"},
        {"url": "http://r", "ssl_key_password": SECRET},
    ],
)
def test_settings_that_do_not_go_together_are_refused_without_being_shown(keys):
    assert "schema.registry." in refusal(**keys)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "[::1]"])
def test_verification_of_certificates_may_be_off_on_loopback(host):
    settings = read(url=f"https://{host}:1", enable_ssl_certificate_verification="false")
    assert settings.enable_ssl_certificate_verification is False


@pytest.mark.parametrize("url", ["https://r", "https://10.0.0.1", "https://localhost,https://r", "https://localhost.r"])
def test_and_nowhere_else(url):
    assert "loopback" in refusal(url=url, enable_ssl_certificate_verification="false")
