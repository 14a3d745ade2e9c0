"""The files of TLS with Vault: looked at before the first connection, and what a failed handshake means."""

from __future__ import annotations

import ssl

from vault.errors import VaultSettingsError
from vault.settings import PREFIX, VaultSettings


def check_files(settings: VaultSettings) -> None:
    """Loads the certificates and the key that the settings name, as the first connection would.

    Reads files. Raises `VaultSettingsError` where one cannot be used; a key with a passphrase cannot, because OpenSSL
    would ask the terminal for it.
    """
    problem = _problem(settings)
    if problem is not None:
        raise VaultSettingsError(problem)


def _problem(settings: VaultSettings) -> str | None:
    if settings.ssl_ca_location is not None:
        try:
            ssl.create_default_context(cafile=settings.ssl_ca_location)
        except OSError as failure:
            return f"{PREFIX}ssl.ca.location cannot be loaded: {type(failure).__name__}"
    if settings.ssl_certificate_location is not None and settings.ssl_key_location is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
                settings.ssl_certificate_location, settings.ssl_key_location, password=""
            )
        except OSError as failure:
            return (
                f"{PREFIX}ssl.certificate.location and {PREFIX}ssl.key.location cannot be loaded together: "
                f"{type(failure).__name__}"
            )
    return None


def is_distrust(failure: BaseException) -> bool:
    """Whether TLS failed for good (verification, an alert), and not because the connection broke off.

    What requests and urllib3 raise keeps the reason among its arguments, not always in the chain of causes.
    """
    waiting: list[object] = [failure]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, ssl.SSLError):
            return not isinstance(each, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return False
