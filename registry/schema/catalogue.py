"""The tag catalogue: tags by subject or record name and path, for teams whose registry keeps no metadata.

    {"version": 1,
     "tags": [{"subject": "crm.*-value", "fields": {"email": ["PII.EMAIL"], "phones[*].number": ["PII"]}},
              {"record": "demo.Address", "fields": {"street": ["PII.ADDRESS"]}}]}

An entry has a subject (a glob), or a record's full name, or both. The paths of one with a record start at each
record of that name, at any depth; the others' at the root.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from registry.schema.paths import BadPath, is_tag, parse_path

VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `name` is what errors and reports call it: `tags[0]`."""

    name: str
    subject: str | None
    record: str | None
    fields: Mapping[str, frozenset[str]]

    def is_for(self, subjects: Sequence[str] | None) -> bool:
        """Whether it may hold for a schema of these subjects; where they are not known it does."""
        if self.subject is None or subjects is None:
            return True
        glob = _glob(self.subject)
        return any(glob.fullmatch(subject) for subject in subjects)


class BadCatalogue(ValueError):
    """A catalogue with errors, all of which are in `problems`; each names its entry."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def read_catalogue(text: str) -> tuple[Entry, ...]:
    """The entries of a catalogue. Raises `BadCatalogue` with everything that is wrong."""
    try:
        document = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, _Pairs):
        raise BadCatalogue(["it is not a JSON object"])
    problems = list(_wrong_keys("", document, {"version", "tags"}))
    entries = document.get("tags")
    if type(document.get("version")) is not int or document.get("version") != VERSION:
        problems.append(f"version must be {VERSION}")
    if not isinstance(entries, list):
        raise BadCatalogue([*problems, "tags must be a list of entries"])
    for number, entry in enumerate(entries):
        problems += _wrong(f"tags[{number}]", entry)
    if problems:
        raise BadCatalogue(problems)
    return tuple(_entry(f"tags[{number}]", entry) for number, entry in enumerate(entries))


class _Pairs(dict[str, Any]):
    """A JSON object that remembers which keys it has twice: of two entries for a path one would be lost."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.twice = sorted({key for key in keys if keys.count(key) > 1})


def _entry(name: str, entry: Mapping[str, Any]) -> Entry:
    fields = {path: frozenset(tag.strip() for tag in _list(tags)) for path, tags in entry["fields"].items()}
    return Entry(name, entry.get("subject"), entry.get("record"), fields)


def _wrong(name: str, entry: Any) -> Iterator[str]:
    if not isinstance(entry, _Pairs):
        yield f"{name} must be an object with a subject or a record, and fields"
        return
    yield from _wrong_keys(f"{name}.", entry, {"subject", "record", "fields"})
    if "subject" not in entry and "record" not in entry:
        yield f"{name} names neither a subject nor a record"
    for key in ("subject", "record"):
        if key in entry and (not isinstance(entry[key], str) or not entry[key].strip()):
            yield f"{name}.{key} must be a name"
    fields = entry.get("fields")
    if not isinstance(fields, _Pairs) or not fields:
        yield f"{name}.fields must be an object of path patterns to tags"
        return
    yield from (f"{name}.fields has {path!r} twice" for path in fields.twice)
    for path, tags in fields.items():
        try:
            parse_path(path)
        except BadPath as problem:
            yield f"{name}.fields: {problem}"
        if not _list(tags) or not all(map(is_tag, _list(tags))):
            yield f"{name}.fields[{path!r}] must be a list of tags"


def _wrong_keys(prefix: str, found: _Pairs, known: set[str]) -> Iterator[str]:
    yield from (f"{prefix}{key} is not known" for key in sorted(found.keys() - known))
    yield from (f"{prefix}{key} is there twice" for key in found.twice if key in known)


def _list(tags: Any) -> list[Any]:
    if isinstance(tags, str):
        return [tags]
    return tags if isinstance(tags, list) else []


@lru_cache(maxsize=4096)
def _glob(text: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in re.split(r"([*?])", text))
    return re.compile("".join({r"\*": ".*", r"\?": "."}.get(part, part) for part in parts), re.DOTALL)
