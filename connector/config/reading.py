"""A configuration while it is read, section by section: which keys are known, and what is wrong so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import IntFlag
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from connector.config.errors import ConfigError, shown
from connector.config.options import Model, is_secret, option_names, read_options, unknown_key
from connector.config.providers import FromVault, Unresolved, has_reference, readable_by_all_in, resolve, variables_in

_WHERE_VAULT_IS = "vault."


class Need(IntFlag):
    """What a configuration is loaded for. What is not needed may be missing."""

    CHAIN = 0
    """To judge the chain alone: `explain` and `lint` with `--schema`. Everything else includes it."""
    VAULT = 1
    """To open key rings that are in Vault as well: `apply`; and for `streamveil keys`."""
    REGISTRY = 2
    """To ask the registry as well: `explain` and `lint` with `--topic`, `drift`."""
    SERVICE = 7
    """Everything: `run`, `validate`, `resolve`, `forget`."""


class Section(BaseModel):
    """Plain keys that are read together. Every one has a default; whether one is required is not said here."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


AnySection = TypeVar("AnySection", bound=Section)


class Reading:
    """The properties, read by one section after the other; every method that meets an error notes it and goes on.

    Where an error leaves nothing to return, a default stands in for it. No stand-in is ever handed out: a
    configuration with errors has no other result than them.
    """

    def __init__(self, properties: Mapping[str, str], need: Need, errors: Iterable[ConfigError] = ()) -> None:
        self.need = need
        self.errors = list(errors)
        self._properties = properties
        self._read: set[str] = set()
        self._known: set[str] = set()
        self.secret_variables: set[str] = set()
        """Environment variables that hold a secret of this configuration."""
        self.exposed_files: set[Path] = set()
        """Files that hold one, and that every user of the machine may read."""
        self.from_vault: FromVault | None = None
        """Where `${vault:path:key}` is looked up, once that can be."""

    def __repr__(self) -> str:
        return f"<{len(self._properties)} properties, {len(self.errors)} errors>"

    def wrong(self, key: str, expected: str, found: str | None = None) -> None:
        """Note an error; `found` is a plain value, already fit to be shown."""
        self.errors.append(ConfigError(key, expected, found))

    def plain(self, key: str) -> str | None:
        """The text of a key that holds no secret, None where it is absent."""
        self._known.add(key)
        self._read.add(key)
        text = self._properties.get(key)
        return None if text is None or self._refers(key, text) else text

    def shown(self, key: str) -> str:
        """What stands at a plain key, for an error."""
        return shown(self._properties[key]) if key in self._properties else "nothing"

    def section(self, model: type[AnySection]) -> AnySection:
        """The plain keys that a section declares."""
        texts = {name: text for name in option_names(model) if (text := self.plain(name)) is not None}
        return self.options(model, texts, at="", prefix="") or model()

    def options(
        self,
        model: type[Model],
        options: Mapping[str, str],
        *,
        at: str,
        prefix: str,
        fixed: Mapping[str, str] | None = None,
        also_known: Collection[str] = (),
    ) -> Model | None:
        """A model of plain options, as `read_options` reads them; where some are wrong, of the others, if it can be."""
        found = read_options(model, options, at=at, prefix=prefix, fixed=fixed, also_known=also_known)
        if not isinstance(found, list):
            return found
        self.errors += found
        wrong = {error.key.removeprefix(prefix) for error in found}
        right = {name: text for name, text in options.items() if name not in wrong}
        again = read_options(model, right, at=at, prefix=prefix, fixed=fixed)
        return None if isinstance(again, list) else again

    def plain_under(self, prefix: str) -> dict[str, str]:
        """The plain keys below a prefix, by what follows it."""
        names = self.names_under(prefix)
        return {name: text for name in names if (text := self.plain(prefix + name)) is not None}

    def secrets_under(self, prefix: str, *, wanted: bool) -> dict[str, str | None]:
        """The keys of a connection below a prefix, by what follows it, with config providers resolved.

        None where a value is not there: a provider has no answer (which is noted), or has not been asked because
        the value is not `wanted`.
        """
        return {name: self.secret(prefix + name, wanted=wanted) for name in self.names_under(prefix)}

    def secret(self, key: str, *, wanted: bool) -> str | None:
        """The value at a key of a connection; None as in `secrets_under`, or where the key is absent."""
        self._read.add(key)
        text = self._properties.get(key)
        if text is None or not has_reference(text):
            return text
        if not wanted:
            return None
        if is_secret(key):
            self.secret_variables |= variables_in(text)
            self.exposed_files |= readable_by_all_in(text)
        try:
            return resolve(text, None if key.startswith(_WHERE_VAULT_IS) else self.from_vault)
        except Unresolved as problem:
            self.wrong(key, str(problem))
            return None

    def names_under(self, prefix: str) -> list[str]:
        """What follows the prefix in each key that starts with it."""
        return [key.removeprefix(prefix) for key in self._properties if key.startswith(prefix) and key != prefix]

    def has(self, key: str) -> bool:
        return key in self._properties

    def know(self, *keys: str) -> None:
        """Declare keys, or families of them (`kafka.*`), for suggestions and for the documentation."""
        self._known.update(keys)

    def unknown(self, key: str, candidates: Iterable[str] = ()) -> None:
        """Note that nothing knows this key, whose value is not shown."""
        self._read.add(key)
        self.errors.append(unknown_key(key, candidates))

    def unlisted(self, family: str) -> None:
        """Note the keys of aliases that the list `family` does not have, once the keys of the others are read."""
        for key in sorted(self._properties.keys() - self._read):
            if key.startswith(f"{family}."):
                self._read.add(key)
                self.wrong(key, f"an alias that {family} lists", "an unknown key")

    def finish(self) -> None:
        """Note every key that no section has read."""
        for key in sorted(self._properties.keys() - self._read):
            self.unknown(key, self._known)

    @property
    def known_keys(self) -> frozenset[str]:
        """Every key and family that the sections read so far know."""
        return frozenset(self._known)

    def _refers(self, key: str, text: str) -> bool:
        if not has_reference(text):
            return False
        self.wrong(key, "a value without a config provider: those are for connections and key rings only")
        return True
