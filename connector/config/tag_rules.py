"""`tags.*`: where tags are found, which are sensitive, and those that the configuration declares itself."""

from __future__ import annotations

from connector.config.reading import Reading
from registry.schema.paths import BadPath, parse_path
from registry.schema.tags import TagRules, on_side
from transforms.transform import split_list

_FIELDS = "tags.fields."
_A_LIST = "a comma separated list without blank entries"


def read_tag_rules(reading: Reading) -> TagRules:
    """The rules; a path pattern that cannot be read is an error at its key."""
    default = TagRules()
    reading.know(f"{_FIELDS}<TAG>")
    declared = {tag: _paths(reading, tag, text) for tag, text in reading.plain_under(_FIELDS).items()}
    return TagRules(
        property=_property(reading, default.property),
        sensitive=_sensitive(reading, default.sensitive),
        declared=declared,
    )


def _property(reading: Reading, default: str) -> str:
    text = reading.plain("tags.property")
    if text is not None and not text.strip():
        reading.wrong("tags.property", "the name of a schema attribute", reading.shown("tags.property"))
    return default if text is None else text


def _sensitive(reading: Reading, default: tuple[str, ...]) -> tuple[str, ...]:
    text = reading.plain("tags.sensitive")
    return default if text is None else _entries(reading, "tags.sensitive", text)


def _paths(reading: Reading, tag: str, text: str) -> tuple[str, ...]:
    key = _FIELDS + tag
    paths = _entries(reading, key, text)
    for path in filter(None, paths):
        problem = _problem(path)
        if problem is not None:
            reading.wrong(key, f"path patterns: {problem}", reading.shown(key))
    return paths


def _problem(path: str) -> str | None:
    """What is wrong with a path that may start with `key.`, `value.` or `header:`."""
    if path.startswith("header:"):
        return None if path.removeprefix("header:").strip() else "a header's name is missing after header:"
    try:
        for side in ("key", "value"):
            if (below := on_side(path, side)) is not None:
                parse_path(below)
    except BadPath as problem:
        return str(problem)
    return None


def _entries(reading: Reading, key: str, text: str) -> tuple[str, ...]:
    entries = tuple(split_list(text))
    if not entries or "" in entries:
        reading.wrong(key, _A_LIST, reading.shown(key))
    return entries
