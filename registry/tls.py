"""TLS to the registry: the context that the settings ask for, and what a failed handshake means."""

from __future__ import annotations

import ssl

import httpx

from registry.errors import RegistrySettingsError
from registry.settings import PREFIX, RegistrySettings


def tls_context(settings: RegistrySettings) -> ssl.SSLContext:
    """A context that trusts the given CA file (else the public authorities) and shows the client certificate.

    Raises `RegistrySettingsError` when a file cannot be loaded.
    """
    context = _trusting(settings)
    if not settings.enable_ssl_certificate_verification:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.ssl_certificate_location is not None:
        _load_client_certificate(context, settings)
    return context


def is_distrust(failure: BaseException) -> bool:
    """Whether TLS failed for good (verification, an alert), and not because the connection broke off."""
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return not isinstance(seen, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        seen = seen.__cause__ or seen.__context__
    return False


def _trusting(settings: RegistrySettings) -> ssl.SSLContext:
    ca = settings.ssl_ca_location
    if ca is None and not any(endpoint.url.startswith("https:") for endpoint in settings.endpoints):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used: it trusts nobody, and is made in no time
    if ca is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as failure:
        problem = f"{PREFIX}ssl.ca.location cannot be loaded: {type(failure).__name__}"
        raise RegistrySettingsError(problem) from None


def _load_client_certificate(context: ssl.SSLContext, settings: RegistrySettings) -> None:
    password = settings.ssl_key_password
    try:
        context.load_cert_chain(
            str(settings.ssl_certificate_location),
            settings.ssl_key_location,
            # Without a password OpenSSL would ask the terminal for one.
            password=password.get_secret_value() if password is not None else "",
        )
    except OSError as failure:
        problem = (
            f"{PREFIX}ssl.certificate.location and {PREFIX}ssl.key.* cannot be loaded together: "
            f"{type(failure).__name__}"
        )
        raise RegistrySettingsError(problem) from None
