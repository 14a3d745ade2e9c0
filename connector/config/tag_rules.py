"""`tags.*`: where tags are found, which are sensitive, and those that the configuration declares or lets go itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connector.config.errors import shown
from connector.config.reading import Reading
from registry.schema.catalogue import BadCatalogue, Entry, read_catalogue
from registry.schema.paths import BadPath, parse_path
from registry.schema.tags import TagRules, on_side
from transforms.transform import split_list

_FIELDS = "tags.fields."
_RELEASE = "tags.release."
_FILE = "tags.file"
_A_LIST = "a comma separated list without blank entries"


def read_tag_rules(reading: Reading) -> TagRules:
    """The rules; a path pattern that cannot be read is an error at its key, and so is one in the catalogue."""
    default = TagRules()
    return TagRules(
        property=_property(reading, default.property),
        sensitive=_sensitive(reading, default.sensitive),
        declared=_patterns(reading, _FIELDS, headers=True),
        released=_patterns(reading, _RELEASE, headers=False),
        catalogue=_catalogue(reading),
    )


def _property(reading: Reading, default: str) -> str:
    text = reading.plain("tags.property")
    if text is not None and not text.strip():
        reading.wrong("tags.property", "the name of a schema attribute", reading.shown("tags.property"))
    return default if text is None else text


def _sensitive(reading: Reading, default: tuple[str, ...]) -> tuple[str, ...]:
    text = reading.plain("tags.sensitive")
    return default if text is None else _entries(reading, "tags.sensitive", text)


def _patterns(reading: Reading, prefix: str, *, headers: bool) -> Mapping[str, tuple[str, ...]]:
    """Tag to path patterns, of the keys below a prefix."""
    reading.know(f"{prefix}<TAG>")
    found = {}
    for tag, text in reading.plain_under(prefix).items():
        key = prefix + tag
        found[tag] = _entries(reading, key, text)
        for path in filter(None, found[tag]):
            problem = _problem(path, headers=headers)
            if problem is not None:
                reading.wrong(key, f"path patterns: {problem}", reading.shown(key))
    return found


def _problem(path: str, *, headers: bool) -> str | None:
    """What is wrong with a path that may start with `key.`, `value.` or `header:`."""
    if path.startswith("header:"):
        if not headers:
            return "a header has no earlier version"
        return None if path.removeprefix("header:").strip() else "a header's name is missing after header:"
    try:
        for side in ("key", "value"):
            if (below := on_side(path, side)) is not None:
                parse_path(below)
    except BadPath as problem:
        return str(problem)
    return None


def _catalogue(reading: Reading) -> tuple[Entry, ...]:
    name = reading.plain(_FILE)
    if name is None:
        return ()
    expected = "a tag catalogue, a JSON file"
    try:
        return read_catalogue(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        reading.wrong(_FILE, expected, f"{shown(name)}, which cannot be read ({type(error).__name__})")
    except UnicodeDecodeError:
        reading.wrong(_FILE, expected, f"{shown(name)}, which is not UTF-8")
    except BadCatalogue as bad:
        for problem in bad.problems:
            reading.wrong(_FILE, f"a tag catalogue without errors: {problem}", shown(name))
    return ()


def _entries(reading: Reading, key: str, text: str) -> tuple[str, ...]:
    entries = tuple(split_list(text))
    if not entries or "" in entries:
        reading.wrong(key, _A_LIST, reading.shown(key))
    return entries
