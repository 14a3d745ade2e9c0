"""Vault's HTTP API over the engines of the development Vault: a request in, an answer out.

Here are the seal, who may do what, policies and mounts; the rest is the engines'.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from vault.devkv import Kv
from vault.devlogins import AppRole, Kubernetes
from vault.devmodel import DONE, Answer, Engine, Form, Operation, Refusal, Request, no_such_path, nothing_there
from vault.devpolicies import DEFAULT, DEFAULT_POLICY, ROOT, Rules, allows, may_sudo, parse
from vault.devserviceaccounts import ServiceAccounts
from vault.devtokens import Token, Tokens
from vault.devtransit import Transit

VERSION: Final = "1.13.0"
"""The Vault that this one behaves like."""

_OPERATIONS: Final = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "POST": Operation.UPDATE,
    "PUT": Operation.UPDATE,
    "DELETE": Operation.DELETE,
}
_MOST_STRINGS: Final = 1000  # `max_request_json_strings` of OpenBao, whose default this is
_SUDO_PATHS: Final = (("sys", "seal"), ("auth", "token", "create-orphan"))


class DevVaultState:
    """Everything that the development Vault knows. Not safe to call from two threads: the server holds a lock."""

    def __init__(self) -> None:
        self.sealed = False
        self.unseal_key = secrets.token_hex(32)
        self.accounts = ServiceAccounts()
        self.tokens = Tokens()
        self._policies: dict[str, str] = {DEFAULT: DEFAULT_POLICY}
        self._rules: dict[str, Rules] = {DEFAULT: parse(DEFAULT_POLICY)}
        self._mounts: dict[tuple[str, ...], Engine] = {
            ("auth", "token"): self.tokens,
            ("secret",): Kv(),
            ("transit",): Transit(),
        }
        for method in ("approle", "kubernetes"):
            self._mounts["auth", method] = self._login_method(method, method)

    def answer(self, method: str, path: tuple[str, ...], body: Mapping[str, Any], token_id: str) -> Answer:
        """The answer to one request; ``path`` is split at its slashes and decoded. Raises `Refusal`."""
        match method, path:
            case "GET", ("sys", "health"):
                return self._health()
            case "GET", ("sys", "seal-status"):
                return Answer(self._seal_status(), form=Form.BARE)
            case "POST" | "PUT", ("sys", "unseal"):
                return self._unseal(body)
        if self.sealed:
            raise Refusal(503, "Vault is sealed")
        if method not in _OPERATIONS:
            raise Refusal(405)
        if _strings(body) > _MOST_STRINGS:
            raise Refusal(400, "JSON payload holds too many strings")
        return self._served(_OPERATIONS[method], path, body, token_id)

    def _served(self, operation: Operation, path: tuple[str, ...], body: Mapping[str, Any], token_id: str) -> Answer:
        mount = self._mount_of(path)
        engine = self._mounts[mount] if mount else None
        inner = path[len(mount) :] if mount else path
        if engine is not None and inner == ("login",):
            return engine.answer(Request(operation, inner, body))
        token = self.tokens.find(token_id)
        if token is None:
            raise Refusal(403, "permission denied")
        if engine is not None and operation is Operation.UPDATE and not engine.exists(inner):
            operation = Operation.CREATE
        self._authorize(token, operation, path)
        self.tokens.spend(token)
        request = Request(operation, inner, body, token)
        if engine is not None:
            return engine.answer(request)
        return self._system(request)

    def _authorize(self, token: Token, operation: Operation, path: tuple[str, ...]) -> None:
        if token.is_root:
            return
        rules = [self._rules[name] for name in token.grant.policies if name in self._rules]
        name = "/".join(path)
        if not allows(rules, operation, name) or (path in _SUDO_PATHS and not may_sudo(rules, operation, name)):
            raise Refusal(403, "permission denied")

    def _mount_of(self, path: tuple[str, ...]) -> tuple[str, ...] | None:
        return max((mount for mount in self._mounts if path[: len(mount)] == mount), key=len, default=None)

    # Below sys

    def _system(self, request: Request) -> Answer:
        match request.operation, request.path:
            case Operation.UPDATE, ("sys", "seal"):
                self.sealed = True
                return DONE
            case _, ("sys", "policies", "acl", *name) if len(name) < 2:
                return self._policy(request, *name)
            case Operation.READ, ("sys", "mounts" | "auth" as kind):
                return Answer(self._described(login=kind == "auth"), form=Form.BOTH)
            case Operation.UPDATE, ("sys", "mounts", *where) if where:
                return self._mount(tuple(where), self._secrets_engine(request))
            case Operation.UPDATE, ("sys", "auth", *where) if where:
                method = self._login_method(request.text("type"), "/".join(where))
                return self._mount(("auth", *where), method)
            case Operation.DELETE, ("sys", "mounts", *where) if where:
                return self._unmount(tuple(where))
            case Operation.DELETE, ("sys", "auth", *where) if where:
                return self._unmount(("auth", *where))
        raise no_such_path()

    def _policy(self, request: Request, name: str = "") -> Answer:
        match request.operation:
            case Operation.LIST if not name:
                return Answer({"keys": sorted([*self._policies, ROOT])})
            case Operation.READ if name:
                if name not in self._policies:
                    raise nothing_there()
                return Answer({"name": name, "policy": self._policies[name]})
            case Operation.UPDATE if name:
                if name == ROOT:
                    raise Refusal(400, 'cannot update "root" policy')
                text = request.text("policy")
                if not text:
                    raise Refusal(400, "'policy' parameter not supplied or empty")
                self._rules[name], self._policies[name] = parse(text), text
                return DONE
            case Operation.DELETE if name:
                if name in (ROOT, DEFAULT):
                    raise Refusal(400, f'cannot delete "{name}" policy')
                self._rules.pop(name, None)
                self._policies.pop(name, None)
                return DONE
        raise no_such_path()

    def _secrets_engine(self, request: Request) -> Engine:
        match request.text("type"):
            case "transit":
                return Transit()
            case "kv" | "kv-v2":
                return Kv()
        raise Refusal(400, "plugin not found in the catalog: the development Vault has transit and kv")

    def _login_method(self, kind: str, mount: str) -> Engine:
        match kind:
            case "approle":
                return AppRole(mount, self.tokens)
            case "kubernetes":
                return Kubernetes(mount, self.tokens, self.accounts)
        raise Refusal(400, "plugin not found in the catalog: the development Vault has approle and kubernetes")

    def _mount(self, path: tuple[str, ...], engine: Engine) -> Answer:
        if path in self._mounts or path[0] == "sys":
            raise Refusal(400, "path is already in use")
        self._mounts[path] = engine
        return DONE

    def _unmount(self, path: tuple[str, ...]) -> Answer:
        if path == ("auth", "token"):
            raise Refusal(400, "token credential backend cannot be disabled")
        self._mounts.pop(path, None)
        return DONE

    def _described(self, *, login: bool) -> dict[str, Any]:
        return {
            "/".join(mount[1:] if login else mount) + "/": {
                "type": engine.type,
                "options": {"version": "2"} if isinstance(engine, Kv) else None,
            }
            for mount, engine in self._mounts.items()
            if (mount[0] == "auth") is login
        }

    def _health(self) -> Answer:
        health = {
            "initialized": True,
            "sealed": self.sealed,
            "standby": False,
            "server_time_utc": int(time.time()),
            "version": VERSION,
        }
        return Answer(health, status=503 if self.sealed else 200, form=Form.BARE)

    def _seal_status(self) -> dict[str, Any]:
        return {"type": "shamir", "initialized": True, "sealed": self.sealed, "t": 1, "n": 1, "progress": 0}

    def _unseal(self, body: Mapping[str, Any]) -> Answer:
        if self.sealed and body.get("key") != self.unseal_key:
            raise Refusal(400, "'key' must be a valid hex or base64 string, and the unseal key")
        self.sealed = False
        return Answer(self._seal_status(), form=Form.BARE)


def envelope(answer: Answer) -> dict[str, Any]:
    """The whole JSON of an answer."""
    if answer.form is Form.BARE:
        return dict(answer.data or {})
    wrapped = {
        "request_id": str(uuid.uuid4()),
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": answer.data,
        "wrap_info": None,
        "warnings": None,
        "auth": answer.auth,
    }
    return {**wrapped, **(answer.data or {})} if answer.form is Form.BOTH else wrapped


def _strings(value: Any) -> int:
    """How many strings a JSON value holds, names included."""
    if isinstance(value, str):
        return 1
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_strings, inner)) + (len(value) if isinstance(value, dict) else 0)
