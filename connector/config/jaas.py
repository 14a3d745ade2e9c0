"""`sasl.jaas.config`: the user name and password out of the login configuration of Kafka's Java clients."""

from __future__ import annotations

import re

_MODULES = (
    "org.apache.kafka.common.security.plain.PlainLoginModule",
    "org.apache.kafka.common.security.scram.ScramLoginModule",
)
# Java's tokenizer reads \n, \t, octal numbers and the like as other characters: texts with those are not translated.
_QUOTED = r'"(?:[^"\\\r\n]|\\[^abfnrtv0-7\r\n])*"'
_BARE = r"[A-Za-z_$][\w$-]*"
_OPTION = rf"(?P<name>\w+)\s*=\s*(?P<value>{_QUOTED}|{_BARE})"
_ENTRY = re.compile(rf"\s*(?P<module>[\w.]+)\s+required(?P<options>(?:\s+\w+\s*=\s*(?:{_QUOTED}|{_BARE}))*)\s*;\s*")

EXPECTED = (
    "PlainLoginModule or ScramLoginModule, required, with username and password alone, and a semicolon; "
    "or sasl.username and sasl.password instead"
)


def parse_jaas(text: str) -> tuple[str, str] | None:
    """User name and password; None for anything but one of the two login modules with just these options."""
    entry = _ENTRY.fullmatch(text)
    if entry is None or entry["module"] not in _MODULES:
        return None
    options = [(option["name"], _unquoted(option["value"])) for option in re.finditer(_OPTION, entry["options"])]
    found = dict(options)
    if len(options) != 2 or found.keys() != {"username", "password"}:
        return None
    return found["username"], found["password"]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
