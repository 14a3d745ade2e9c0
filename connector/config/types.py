"""The transform types that a chain may name: those that are built in, and those of installed plugins."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint

from connector.config.errors import shown
from connector.config.reading import Reading
from transforms.plugins import BrokenPlugin, installed, load
from transforms.table import TRANSFORMS
from transforms.transform import Transform, split_list

TRUSTED = "policy.trust.plugins"


def type_name(text: str) -> tuple[str, str, str]:
    """A type's own name, `$` if a side follows, and the side: the last segment of a Java class name counts."""
    return text.rpartition(".")[2].partition("$")


def read_types(reading: Reading, used: Mapping[str, str]) -> Mapping[str, type[Transform] | None]:
    """Every type by name; None for a plugin that no alias uses, or whose error is noted.

    `used` are the names of types by alias. Only plugins among them are imported.
    """
    trusted = _trusted(reading)
    try:
        plugins = installed()
    except BrokenPlugin as problem:
        reading.wrong("transforms", problem.expected)
        return {**dict.fromkeys(used.values()), **TRANSFORMS}
    _check_trusted(reading, trusted, plugins)
    types: dict[str, type[Transform] | None] = {**TRANSFORMS, **dict.fromkeys(plugins)}
    for alias, name in used.items():
        if name in plugins and types[name] is None:
            types[name] = _loaded(reading, alias, plugins[name], trusted=name in trusted)
    return types


def _trusted(reading: Reading) -> tuple[str, ...]:
    trusted = tuple(split_list(reading.plain(TRUSTED) or ""))
    if "" in trusted:
        reading.wrong(TRUSTED, "a comma separated list without blank entries", reading.shown(TRUSTED))
    return tuple(name for name in trusted if name)


def _check_trusted(reading: Reading, trusted: tuple[str, ...], plugins: Mapping[str, EntryPoint]) -> None:
    for name in trusted:
        if name not in plugins:
            known = f"types of installed plugins: {', '.join(sorted(plugins))}" if plugins else "installed plugins"
            reading.wrong(TRUSTED, known, shown(name))


def _loaded(reading: Reading, alias: str, plugin: EntryPoint, *, trusted: bool) -> type[Transform] | None:
    try:
        model = load(plugin, trusted=trusted)
    except BrokenPlugin as problem:
        reading.wrong(f"transforms.{alias}.type", problem.expected, shown(plugin.name))
        return None
    if trusted and not model.protecting:
        reading.wrong(TRUSTED, "plugins that declare that they protect", shown(plugin.name))
    return model
