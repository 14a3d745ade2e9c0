"""Kafka Connect's JSON, read into flat text properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.config.errors import ConfigError


@dataclass(slots=True, repr=False)
class Document:
    """The properties as text, by key; `name` is one of them, wherever it stood. `errors` say what was left out."""

    properties: dict[str, str] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)

    @property
    def is_unreadable(self) -> bool:
        """Whether there is nothing to go on with."""
        return bool(self.errors) and not self.properties

    def __repr__(self) -> str:
        return f"<{len(self.properties)} properties>"


def read_document(source: Path | Mapping[str, Any]) -> Document:
    """Read `{"name": ..., "config": {...}}`, or the flat properties alone.

    Numbers, true and false become their text. Never raises: what is wrong is in `errors`.
    """
    document = Document()
    content = _content(source, document) if isinstance(source, Path) else source
    if content is None:
        return document
    if "config" not in content:
        _take(content, document)
        return document
    config = content["config"]
    if isinstance(config, Mapping):
        _take(config, document)
    else:
        document.errors.append(ConfigError("config", "an object of keys and values"))
    outer = Document()
    _take({key: value for key, value in content.items() if key != "config"}, outer)
    document.errors += outer.errors
    _merge_name(outer.properties, document)
    return document


def _content(path: Path, document: Document) -> Mapping[str, Any] | None:
    def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated = dict.fromkeys(key for key in keys if keys.count(key) > 1)
        document.errors.extend(ConfigError(key, "to be given once") for key in repeated)
        return dict(pairs)

    try:
        text = path.read_text(encoding="utf-8-sig")
        # Numbers keep the text that they have in the file.
        content = json.loads(text, object_pairs_hook=each_key_once, parse_int=str, parse_float=str, parse_constant=str)
    except OSError as failure:
        problem = f"a file that can be read ({type(failure).__name__})"
    except UnicodeDecodeError:
        problem = "a file in UTF-8"
    except json.JSONDecodeError as failure:
        problem = f"JSON: line {failure.lineno}, column {failure.colno} cannot be read"
    except RecursionError:
        problem = 'an object, {"name": ..., "config": {...}}'
    else:
        if isinstance(content, dict):
            return content
        problem = 'an object, {"name": ..., "config": {...}}'
    document.errors.append(ConfigError(str(path), problem))
    return None


def is_text(value: str) -> bool:
    """Whether this can be passed on: without null characters and lone surrogates, which no library expects."""
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _take(values: Mapping[str, Any], document: Document) -> None:
    for key, value in values.items():
        if not is_text(key) or (isinstance(value, str) and not is_text(value)):
            document.errors.append(ConfigError(ascii(key)[1:-1], "text without null characters or lone surrogates"))
            continue
        match value:
            case str():
                document.properties[key] = value
            case bool():
                document.properties[key] = "true" if value else "false"
            case int() | float():
                document.properties[key] = str(value)
            case _:
                document.errors.append(ConfigError(key, "text, a number, true or false"))


def _merge_name(outer: Mapping[str, str], document: Document) -> None:
    """Beside `config` only the name may stand; if it is given inside as well, both must agree."""
    for key in outer.keys() - {"name"}:
        document.errors.append(ConfigError(key, 'only "name" and "config" at the top of the file'))
    if "name" in outer and document.properties.setdefault("name", outer["name"]) != outer["name"]:
        document.errors.append(ConfigError("name", 'the same name inside "config" as beside it'))
