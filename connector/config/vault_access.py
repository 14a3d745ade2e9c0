"""How an operator gets at Vault, for `streamveil keys`: by the keys of a connector, or by the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector.config.document import read_document
from connector.config.errors import ConfigError, ConfigErrors
from connector.config.options import read_options
from connector.config.reading import Need, Reading
from connector.config.rings import read_places
from connector.config.vault_settings import read_vault
from vault.ring_document import RingPlace
from vault.settings import PREFIX, VaultSettings

TOKEN_VARIABLE = "VAULT_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """The settings, and where the key rings are that a connector has in Vault, by name."""

    settings: VaultSettings
    places: Mapping[str, RingPlace] = field(default_factory=dict)


def access_from_file(path: Path) -> VaultAccess:
    """From `vault.*` and `keys.*` of a file; what else is in it is not looked at. Raises ConfigErrors."""
    found = _from_file(path)
    if isinstance(found, VaultAccess):
        return found
    raise ConfigErrors(found)


def access_from_environment() -> VaultAccess:
    """From VAULT_ADDR, VAULT_TOKEN and the other variables of Vault's own tools. Raises ConfigErrors.

    A connector takes no token from the environment, unless its configuration says so. Here it is wanted: an operator
    has logged in as somebody who may do more than a connector.
    """
    found = _from_environment()
    if isinstance(found, VaultAccess):
        return found
    raise ConfigErrors(found)


def _from_file(path: Path) -> VaultAccess | list[ConfigError]:
    document = read_document(path)
    reading = Reading(document.properties, Need.VAULT, document.errors)
    settings, places = read_vault(reading, required=True), read_places(reading)
    return VaultAccess(settings, places) if settings is not None and not reading.errors else reading.errors


def _from_environment() -> VaultAccess | list[ConfigError]:
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        return [ConfigError(TOKEN_VARIABLE, "a token of Vault in this environment variable, or --config", "nothing")]
    found = read_options(VaultSettings, {f"{PREFIX}token": token}, at=f"{PREFIX}*", prefix="", plain=False)
    return VaultAccess(found) if isinstance(found, VaultSettings) else found
