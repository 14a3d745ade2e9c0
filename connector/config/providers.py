"""Config providers: `${env:NAME}`, `${file:/path:key}` and `${vault:path:key}` in values of connection and secret keys.

Resolved once, at load. What they resolve to is not looked into for further references, and is never shown.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from connector.config.document import is_text
from connector.config.properties_file import BadProperties, parse_properties

_REFERENCE = re.compile(r"\$\{(?P<provider>\w+):(?P<rest>[^}]*)\}")
_KNOWN = "${env:NAME}, ${file:/path:key} or ${vault:path:key}"

FromVault = Callable[[str, str], str]
"""The value at a path and key of Vault's KV v2; raises `Unresolved`."""


class Unresolved(Exception):
    """A reference that leads nowhere. Says what was expected: the variable, the path or the key, never content."""


def has_reference(text: str) -> bool:
    """Whether a config provider, of whatever name, is referred to."""
    return _REFERENCE.search(text) is not None


def variables_in(text: str) -> frozenset[str]:
    """The environment variables that a text refers to."""
    return frozenset(found["rest"] for found in _REFERENCE.finditer(text) if found["provider"] == "env")


def readable_by_all_in(text: str) -> frozenset[Path]:
    """The files that a text refers to and that every user of the machine may read."""
    references = (found["rest"].partition(":")[0] for found in _REFERENCE.finditer(text) if found["provider"] == "file")
    return frozenset(path for path in map(Path, references) if _is_readable_by_all(path))


def _is_readable_by_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # whoever reads it will say so
        return False


def resolve(text: str, from_vault: FromVault | None = None) -> str:
    """The text with every reference replaced; those to Vault only if it can be asked.

    Reads the environment and files, and asks Vault. Raises `Unresolved`.
    """
    resolved: list[str] = []
    end = 0
    for reference in _REFERENCE.finditer(text):
        resolved += text[end : reference.start()], _value(reference["provider"], reference["rest"], from_vault)
        end = reference.end()
    return "".join((*resolved, text[end:]))


def _value(provider: str, rest: str, from_vault: FromVault | None) -> str:
    match provider:
        case "env":
            return _variable(rest)
        case "file":
            path, colon, key = rest.partition(":")
            if not (path and colon and key):
                raise Unresolved("${file:/path:key}, with the key of a properties file")
            return _entry(Path(path), key)
        case "vault":
            path, colon, key = rest.partition(":")
            if not (path and colon and key):
                raise Unresolved("${vault:path:key}, with the path below vault.kv.mount and a key of the secret there")
            if from_vault is None:
                raise Unresolved("a value without ${vault:...}: Vault cannot be asked where it is")
            return from_vault(path, key)
        case _:
            # The provider's name is not shown: it may be the middle of a password.
            raise Unresolved(f"{_KNOWN}, the config providers that there are")


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value or not is_text(value):
        raise Unresolved(f"the environment variable {name} to be set, to text that is not empty")
    return value


def _entry(path: Path, key: str) -> str:
    try:
        properties = parse_properties(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise Unresolved(f"a file that can be read at {path} ({type(failure).__name__})") from None
    except UnicodeDecodeError:
        raise Unresolved(f"a properties file in UTF-8 at {path}") from None
    except BadProperties as problem:
        raise Unresolved(f"a properties file at {path}: {problem}") from None
    if not is_text(properties.get(key, "\0")):
        raise Unresolved(f"the key {key} in {path}, with text")
    return properties[key]
