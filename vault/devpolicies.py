"""Vault's policies: a subset of their language, and the rule by which one of their paths decides.

    path "transit/encrypt/tokens-*" { capabilities = ["update"] }
    path "secret/data/+/rings"      { capabilities = ["read"] }

A trailing ``*`` stands for any rest, ``+`` for one segment. Conditions on parameters are refused, not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from vault.devmodel import Operation, Refusal

ROOT: Final = "root"
DEFAULT: Final = "default"

DEFAULT_POLICY: Final = """
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
"""

_CAPABILITIES: Final = frozenset({"create", "read", "update", "patch", "delete", "list", "sudo", "deny"})
_TOKEN: Final = re.compile(
    r"""\s+ | \#[^\n]* | //[^\n]* | /\*.*?\*/ | (?P<token> "[^"\n]*" | [a-z_]+ | [][{}=,] )""", re.DOTALL | re.VERBOSE
)
_RULE: Final = re.compile(r'path ("[^"]*") \{ capabilities = \[((?: "[^"]*" ,)*(?: "[^"]*")?) \] \} ')
_NAME: Final = re.compile(r'"([^"]*)"')

Rules = Mapping[str, frozenset[str]]
"""Capabilities by path pattern."""


def parse(text: str) -> Rules:
    """The rules of one policy. Raises `Refusal` 400 for what is not in the subset."""
    spelled = "".join(f"{token} " for token in _tokens(text))
    rules: dict[str, frozenset[str]] = {}
    at = 0
    while at < len(spelled):
        rule = _RULE.match(spelled, at)
        if rule is None:
            raise _unparsable('each rule is path "..." { capabilities = [...] }')
        pattern, capabilities = rule[1].strip('"').removeprefix("/"), frozenset(_NAME.findall(rule[2]))
        if not capabilities <= _CAPABILITIES:
            raise _unparsable("unknown capability")
        rules[pattern] = rules.get(pattern, frozenset()) | capabilities
        at = rule.end()
    return rules


def allows(policies: Iterable[Rules], operation: Operation, path: str) -> bool:
    """Whether a token with these policies may do this.

    The most specific pattern that matches decides alone; only rules for the very same pattern add up, and
    ``deny`` among them wins.
    """
    return bool({str(operation)} & _capabilities(policies, operation, path))


def may_sudo(policies: Iterable[Rules], operation: Operation, path: str) -> bool:
    """Whether the policies give the extra capability that Vault asks for at its most powerful paths."""
    return "sudo" in _capabilities(policies, operation, path)


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unparsable(f"unexpected character at {at}")
        if found["token"]:
            yield found["token"]
        at = found.end()


def _unparsable(why: str) -> Refusal:
    return Refusal(400, f"failed to parse policy: {why}")


def _capabilities(policies: Iterable[Rules], operation: Operation, path: str) -> frozenset[str]:
    merged: dict[str, frozenset[str]] = {}
    for rules in policies:
        for pattern, capabilities in rules.items():
            merged[pattern] = merged.get(pattern, frozenset()) | capabilities
    # A list may be granted with and without the slash at its end.
    spellings = (path.rstrip("/") + "/", path.rstrip("/")) if operation is Operation.LIST else (path,)
    for spelling in spellings:
        matching = [pattern for pattern in merged if _matches(pattern, spelling)]
        if matching:
            found = merged[max(matching, key=_precedence)]
            return frozenset() if "deny" in found else found
    return frozenset()


def _matches(pattern: str, path: str) -> bool:
    body, rest = (pattern[:-1], ".*") if pattern.endswith("*") else (pattern, "")
    segments = ("[^/]+" if segment == "+" else re.escape(segment) for segment in body.split("/"))
    return re.fullmatch("/".join(segments) + rest, path, re.DOTALL) is not None


def _precedence(pattern: str) -> tuple[bool, int, bool, int, int, str]:
    """Greater is more specific: Vault's documented order ("Priority matching")."""
    plus = [at.start() for at in re.finditer(r"(?:^|(?<=/))\+(?=/|$|\*$)", pattern)]
    glob = [len(pattern) - 1] if pattern.endswith("*") else []
    first = min(plus + glob, default=len(pattern) + 1)
    return (not plus and not glob, first, not glob, -len(plus), len(pattern), pattern)
