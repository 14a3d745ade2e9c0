"""`vault.*`: where Vault is and how to log in to it."""

from __future__ import annotations

from connector.config.options import option_names, read_options
from connector.config.reading import Need, Reading
from vault.settings import PREFIX, VaultSettings


def read_vault(reading: Reading, *, required: bool) -> VaultSettings | None:
    """The settings; None where Vault is not configured, or nothing needs it."""
    known = option_names(VaultSettings)
    reading.know(*known)
    wanted = Need.VAULT in reading.need
    settings = {PREFIX + name: value for name, value in reading.secrets_under(PREFIX, wanted=wanted).items()}
    for key in settings.keys() - known:
        reading.unknown(key, known)
    if not wanted or not (settings or required):
        return None
    complete = {key: value for key, value in settings.items() if value is not None and key in known}
    if len(complete) < len(settings):
        return None
    found = read_options(VaultSettings, complete, at=f"{PREFIX}*", prefix="", plain=False)
    if isinstance(found, VaultSettings):
        return found
    reading.errors += found
    return None
