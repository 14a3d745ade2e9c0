"""`keys`, `keys.<ring>.provider`, `keys.<ring>.*`: the key rings that transforms refer to by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from connector.config.chain import options_of, read_aliases
from connector.config.reading import Need, Reading
from connector.plan import Link
from transforms.keyed import Keyed
from vault.keyring import PROVIDERS, KeyRingError, Ring, load_ring


def read_rings(reading: Reading, links: Collection[Link]) -> Mapping[str, Ring]:
    """The rings: those that the chain uses, or all of them for the service. Reads files and the environment."""
    reading.know("keys.<ring>.provider", *(f"keys.<ring>.{option}" for option in PROVIDERS.values()))
    names = read_aliases(reading, "keys")
    for link in links:
        asked = link.transform.key_ring()
        if asked is not None and asked not in names:
            expected = f"one of the key rings under keys: {', '.join(names)}" if names else "a key ring under keys"
            reading.wrong(f"transforms.{link.alias}.key", expected)
    used = {link.transform.key_ring() for link in links}
    rings: dict[str, Ring] = {}
    for name in names:
        ring = _ring(reading, name, names, wanted=name in used or reading.need >= Need.SERVICE)
        if ring is not None:
            rings[name] = ring
    for link in links:
        _check_version(reading, link, rings)
    reading.unlisted("keys")
    return MappingProxyType(rings)


def _check_version(reading: Reading, link: Link, rings: Mapping[str, Ring]) -> None:
    transform = link.transform
    if (
        not isinstance(transform, Keyed)
        or transform.key_version is None
        or (ring := rings.get(transform.key or "")) is None
    ):
        return
    versions = ring.versions
    if transform.key_version not in versions:
        expected = f"a version that the key ring {transform.key} has: {', '.join(map(str, versions))}"
        reading.wrong(f"transforms.{link.alias}.key.version", expected, str(transform.key_version))


def _ring(reading: Reading, name: str, names: Collection[str], *, wanted: bool) -> Ring | None:
    prefix = f"keys.{name}."
    options = {
        option: reading.secret(prefix + option, wanted=wanted) for option in options_of(reading, "keys", name, names)
    }
    if "provider" not in options:
        reading.wrong(f"{prefix}provider", f"one of {', '.join(PROVIDERS)}", "nothing")
        return None
    provider = options.pop("provider")
    if provider is None:
        return None
    known = PROVIDERS.get(provider)
    if known is None:
        reading.wrong(f"{prefix}provider", f"one of {', '.join(PROVIDERS)}")
        return None
    for option in options.keys() - {known}:
        reading.unknown(prefix + option, [f"{prefix}provider", prefix + known])
    if not wanted:
        return None
    if known == "variable":
        reading.secret_variables.add(options.get(known) or "")
    return _load(reading, prefix, provider, {known: options.get(known, "")})


def _load(reading: Reading, prefix: str, provider: str, options: Mapping[str, str | None]) -> Ring | None:
    complete = {option: value for option, value in options.items() if value is not None}
    if len(complete) < len(options):
        return None
    try:
        return load_ring(provider, complete)
    except KeyRingError as problem:
        reading.wrong(prefix + problem.option, problem.expected)
        return None
