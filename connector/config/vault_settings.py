"""`vault.*`: where Vault is and how to log in to it."""

from __future__ import annotations

from connector.config.options import option_names, read_options
from connector.config.reading import Need, Reading
from vault.settings import PREFIX, VaultSettings


def read_vault(reading: Reading, *, required: bool) -> VaultSettings | None:
    """The settings; None where Vault is not configured, or nothing needs it."""
    known = option_names(VaultSettings)
    reading.know(*known)
    for name in reading.names_under(PREFIX):
        if PREFIX + name not in known:
            reading.unknown(PREFIX + name, known)
    if Need.VAULT not in reading.need:
        _check_what_is_there(reading)
        return None
    return read_settings(reading) if required or _has_any(reading) else None


def read_settings(reading: Reading) -> VaultSettings | None:
    """The settings, whatever the configuration is loaded for; None where they are wrong, which is noted."""
    settings = _values(reading, wanted=True)
    complete = {key: value for key, value in settings.items() if value is not None}
    if len(complete) < len(settings):
        return None
    found = read_options(VaultSettings, complete, at=f"{PREFIX}*", prefix="", plain=False)
    if isinstance(found, VaultSettings):
        return found
    reading.errors += found
    return None


def _check_what_is_there(reading: Reading) -> None:
    """Notes what is wrong at the keys that hold no reference. Nothing needs Vault, so that others may be missing."""
    given = {key: value for key, value in _values(reading, wanted=False).items() if value is not None}
    found = read_options(VaultSettings, given, at=f"{PREFIX}*", prefix="", plain=False)
    if isinstance(found, list):
        reading.errors += [error for error in found if error.key in given]


def _has_any(reading: Reading) -> bool:
    return bool(reading.names_under(PREFIX))


def _values(reading: Reading, *, wanted: bool) -> dict[str, str | None]:
    known = option_names(VaultSettings)
    values = {PREFIX + name: value for name, value in reading.secrets_under(PREFIX, wanted=wanted).items()}
    return {key: value for key, value in values.items() if key in known}
