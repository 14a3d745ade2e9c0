"""`schema.registry.*`, and the keys under `key.converter.` and `value.converter.` that Connect has for the same."""

from __future__ import annotations

from collections.abc import Mapping

from connector.config.options import option_names, read_options
from connector.config.reading import Need, Reading
from registry.settings import PREFIX, RegistrySettings

_URL = f"{PREFIX}url"
# What Connect writes before an option, and what stands for it here.
_CONNECT_PREFIXES = {
    f"{side}.converter.{theirs}": ours
    for side in ("key", "value")
    for theirs, ours in {"schema.registry.": PREFIX, "basic.auth.": f"{PREFIX}basic.auth."}.items()
}


def read_registry(reading: Reading, *, required: bool) -> RegistrySettings | None:
    """The settings; None where the registry is not configured, or nothing needs it."""
    reading.know(*option_names(RegistrySettings), *(f"{prefix}*" for prefix in _CONNECT_PREFIXES))
    wanted = Need.REGISTRY in reading.need
    settings = {PREFIX + name: value for name, value in reading.secrets_under(PREFIX, wanted=wanted).items()}
    for theirs, ours in _CONNECT_PREFIXES.items():
        _merge(reading, settings, theirs, ours, wanted=wanted)
    if not settings:
        if required:
            reading.wrong(_URL, "the addresses of the schema registry, because a converter is avro", "nothing")
        return None
    complete = {key: value for key, value in settings.items() if value is not None}
    if len(complete) < len(settings):
        _check_names(reading, settings)
        return None
    found = read_options(RegistrySettings, complete, at=f"{PREFIX}*", prefix="", plain=False)
    if isinstance(found, RegistrySettings):
        return found if wanted else None
    reading.errors += found
    return None


def _merge(reading: Reading, settings: dict[str, str | None], theirs: str, ours: str, *, wanted: bool) -> None:
    for name, value in reading.secrets_under(theirs, wanted=wanted).items():
        key = ours + name
        if key not in option_names(RegistrySettings):
            reading.unknown(theirs + name)
        elif settings.setdefault(key, value) != value:
            reading.wrong(theirs + name, f"the same value as {key}, or none")


def _check_names(reading: Reading, settings: Mapping[str, str | None]) -> None:
    """Without their values, the keys at least must be known."""
    known = option_names(RegistrySettings)
    for key in settings.keys() - known:
        reading.unknown(key, known)
