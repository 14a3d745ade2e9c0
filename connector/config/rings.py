"""`keys`, `keys.<ring>.provider`, `keys.<ring>.*`: the key rings that transforms refer to by name.

Rings in files and variables are read here. A ring in Vault is opened by whoever needs it (`connector.keys`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from connector.config.chain import options_of, read_aliases
from connector.config.reading import Need, Reading
from connector.plan import Link
from transforms.keyed import Keyed
from vault.keyring import PROVIDERS, KeyRingError, Ring, load_ring
from vault.ring_document import RingPlace, is_ring_name
from vault.settings import is_path

VAULT = "vault"
_VAULT_OPTIONS = {"path": "a path below vault.kv.mount", "wrapping.key": "the name of a Transit key"}
_PROVIDERS = (VAULT, *PROVIDERS)


def read_rings(reading: Reading, links: Collection[Link]) -> Mapping[str, Ring | RingPlace]:
    """The rings: those that the chain uses, or all of them for the service. Reads files and the environment."""
    reading.know(
        "keys.<ring>.provider", *(f"keys.<ring>.{option}" for option in (*PROVIDERS.values(), *_VAULT_OPTIONS))
    )
    names = read_aliases(reading, "keys")
    for link in links:
        asked = link.transform.key_ring()
        if asked is not None and asked not in names:
            expected = f"one of the key rings under keys: {', '.join(names)}" if names else "a key ring under keys"
            reading.wrong(f"transforms.{link.alias}.key", expected)
    used = {link.transform.key_ring() for link in links}
    rings: dict[str, Ring | RingPlace] = {}
    for name in names:
        ring = _ring(reading, name, names, wanted=name in used or reading.need >= Need.SERVICE)
        if ring is not None:
            rings[name] = ring
    for link in links:
        _check_version(reading, link, rings)
    reading.unlisted("keys")
    return MappingProxyType(rings)


def read_places(reading: Reading) -> Mapping[str, RingPlace]:
    """Where the rings are that are kept in Vault; of the others nothing is read."""
    names = read_aliases(reading, "keys")
    in_vault = [name for name in names if reading.secret(f"keys.{name}.provider", wanted=True) == VAULT]
    found = {name: _ring(reading, name, names, wanted=True) for name in in_vault}
    return {name: ring for name, ring in found.items() if isinstance(ring, RingPlace)}


def _check_version(reading: Reading, link: Link, rings: Mapping[str, Ring | RingPlace]) -> None:
    transform = link.transform
    if not isinstance(transform, Keyed) or transform.key_version is None:
        return
    ring = rings.get(transform.key or "")
    if isinstance(ring, Ring) and not ring.has(transform.key_version):
        expected = f"a version that the key ring {transform.key} has: {', '.join(map(str, ring.versions))}"
        reading.wrong(f"transforms.{link.alias}.key.version", expected, str(transform.key_version))


def _ring(reading: Reading, name: str, names: Collection[str], *, wanted: bool) -> Ring | RingPlace | None:
    prefix = f"keys.{name}."
    options = {
        option: reading.secret(prefix + option, wanted=wanted) for option in options_of(reading, "keys", name, names)
    }
    if "provider" not in options:
        reading.wrong(f"{prefix}provider", f"one of {', '.join(_PROVIDERS)}", "nothing")
        return None
    provider = options.pop("provider")
    if provider is None:
        return None
    if provider not in _PROVIDERS:
        reading.wrong(f"{prefix}provider", f"one of {', '.join(_PROVIDERS)}")
        return None
    of_provider = {*_VAULT_OPTIONS} if provider == VAULT else {PROVIDERS[provider]}
    for option in options.keys() - of_provider:
        reading.unknown(prefix + option, [f"{prefix}{known}" for known in ("provider", *of_provider)])
    if provider == VAULT:
        return _place(reading, name, options) if wanted else None
    known = PROVIDERS[provider]
    if not wanted:
        return None
    if known == "variable":
        reading.secret_variables.add(options.get(known) or "")
    return _load(reading, prefix, provider, {known: options.get(known, "")})


def _place(reading: Reading, name: str, options: Mapping[str, str | None]) -> RingPlace | None:
    """Where in Vault a ring is. What was given is not shown: it may be a secret, pasted into the wrong place."""
    if not is_ring_name(name):
        expected = "names of letters, digits, dots, dashes and underscores, at most 100, for key rings in Vault"
        reading.wrong("keys", expected, reading.shown("keys"))
        return None
    given = {option: options[option] for option in _VAULT_OPTIONS if option in options}
    for option, text in given.items():
        if text is not None and not (is_path(text) and (option == "path" or "/" not in text)):
            reading.wrong(f"keys.{name}.{option}", _VAULT_OPTIONS[option])
            return None
    return RingPlace.of(name, path=given.get("path"), wrapping_key=given.get("wrapping.key"))


def _load(reading: Reading, prefix: str, provider: str, options: Mapping[str, str | None]) -> Ring | None:
    complete = {option: value for option, value in options.items() if value is not None}
    if len(complete) < len(options):
        return None
    try:
        return load_ring(provider, complete)
    except KeyRingError as problem:
        reading.wrong(prefix + problem.option, problem.expected)
        return None
