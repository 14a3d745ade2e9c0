"""The login methods of the development Vault: AppRole, and Kubernetes service accounts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vault.devmodel import DONE, Answer, Operation, Refusal, Request, no_such_path, nothing_there
from vault.devpolicies import DEFAULT
from vault.devserviceaccounts import ServiceAccounts
from vault.devtokens import Grant, Tokens, entity_of

_WRITING: Final = (Operation.CREATE, Operation.UPDATE)


@dataclass(slots=True)
class SecretId:
    """A secret id of a role, by its accessor; times in seconds since the epoch, 0 uses for no limit."""

    accessor: str
    expires: float | None
    uses: int


@dataclass(slots=True)
class Role:
    """What a login method keeps for a role: its settings as they were written, and for AppRole its ids."""

    settings: dict[str, Any] = field(default_factory=dict)
    role_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret_ids: dict[str, SecretId] = field(default_factory=dict, repr=False)


class _Logins:
    """What both methods have in common: roles, and tokens with the limits that the role sets."""

    def __init__(self, mount: str, tokens: Tokens) -> None:
        self._mount = mount
        self._tokens = tokens
        self._roles: dict[str, Role] = {}

    def exists(self, path: tuple[str, ...]) -> bool:
        return len(path) != 2 or path[0] != "role" or path[1] in self._roles

    def _manage(self, request: Request) -> Answer:
        match request.path:
            case ("role",) if request.operation is Operation.LIST:
                if not self._roles:
                    raise nothing_there()
                return Answer({"keys": sorted(self._roles)})
            case ("role", name) if request.operation in _WRITING:
                self._grant(Request(request.operation, (), request.body), name)  # refuses what cannot be read
                self._roles.setdefault(name, Role()).settings |= request.body
                return DONE
            case ("role", name) if request.operation is Operation.READ:
                return Answer(self._role(name).settings)
            case ("role", name) if request.operation is Operation.DELETE:
                self._roles.pop(name, None)
                return DONE
        raise no_such_path()

    def _role(self, name: str) -> Role:
        role = self._roles.get(name)
        if role is None:
            raise nothing_there()
        return role

    def _login(self, name: str, identity: str, meta: Mapping[str, str]) -> Answer:
        settings = Request(Operation.READ, (), self._roles[name].settings)
        token = self._tokens.issue(self._grant(settings, name, identity, meta))
        return Answer(auth=token.auth(time.time()))

    def _grant(self, settings: Request, name: str, identity: str = "", meta: Mapping[str, str] | None = None) -> Grant:
        policies = set(settings.names("token_policies", "policies"))
        if not settings.flag("token_no_default_policy"):
            policies.add(DEFAULT)
        return Grant(
            policies=tuple(sorted(policies)),
            ttl=settings.seconds("token_ttl"),
            max_ttl=settings.seconds("token_max_ttl"),
            explicit_max_ttl=settings.seconds("token_explicit_max_ttl"),
            period=settings.seconds("token_period"),
            uses=settings.number("token_num_uses"),
            path=f"auth/{self._mount}/login",
            display_name=self._mount,
            meta={"role_name": name, **(meta or {})},
            entity_id=entity_of(self._mount, identity),
        )


class AppRole(_Logins):
    """Logins with a role id and a secret id."""

    type: Final = "approle"

    def answer(self, request: Request) -> Answer:
        match request.operation, request.path:
            case Operation.UPDATE, ("login",):
                return self._enter(request)
            case Operation.READ, ("role", name, "role-id"):
                return Answer({"role_id": self._role(name).role_id})
            case Operation.UPDATE, ("role", name, "role-id"):
                self._role(name).role_id = request.text("role_id")
                return DONE
            case Operation.UPDATE, ("role", name, "secret-id"):
                return self._new_secret_id(self._role(name))
            case Operation.UPDATE, ("role", name, "secret-id", "destroy"):
                self._role(name).secret_ids.pop(request.text("secret_id"), None)
                return DONE
        return self._manage(request)

    def _new_secret_id(self, role: Role) -> Answer:
        settings = Request(Operation.READ, (), role.settings)
        ttl, uses = settings.seconds("secret_id_ttl"), settings.number("secret_id_num_uses")
        made = SecretId(str(uuid.uuid4()), time.time() + ttl if ttl else None, uses)
        secret_id = str(uuid.uuid4())
        role.secret_ids[secret_id] = made
        return Answer(
            {
                "secret_id": secret_id,
                "secret_id_accessor": made.accessor,
                "secret_id_num_uses": uses,
                "secret_id_ttl": ttl,
            }
        )

    def _enter(self, request: Request) -> Answer:
        role_id, secret_id = request.text("role_id"), request.text("secret_id")
        if not role_id:
            raise Refusal(400, "missing role_id")
        name = next((name for name, role in self._roles.items() if role.role_id == role_id), None)
        if name is None:
            raise _wrong_ids()
        role = self._roles[name]
        if role.settings.get("bind_secret_id", True):
            self._spend(role, secret_id)
        return self._login(name, role_id, {})

    def _spend(self, role: Role, secret_id: str) -> None:
        if not secret_id:
            raise Refusal(400, "missing secret_id")
        found = role.secret_ids.get(secret_id)
        if found is None or (found.expires is not None and found.expires <= time.time()):
            raise _wrong_ids()
        if found.uses:
            found.uses -= 1
            if found.uses == 0:
                del role.secret_ids[secret_id]


class Kubernetes(_Logins):
    """Logins with the token of a service account. ``accounts`` stands for the Kubernetes that gives them."""

    type: Final = "kubernetes"

    def __init__(self, mount: str, tokens: Tokens, accounts: ServiceAccounts) -> None:
        super().__init__(mount, tokens)
        self._accounts = accounts

    def answer(self, request: Request) -> Answer:
        match request.operation, request.path:
            case Operation.UPDATE, ("login",):
                return self._enter(request)
            case Operation.UPDATE, ("config",):
                return DONE  # which Kubernetes to ask; here it is always the same
        return self._manage(request)

    def _enter(self, request: Request) -> Answer:
        name, jwt = request.text("role"), request.text("jwt")
        if not name:
            raise Refusal(400, "missing role")
        if not jwt:
            raise Refusal(400, "missing jwt")
        if name not in self._roles:
            raise Refusal(400, f'invalid role name "{name}"')
        settings = Request(Operation.READ, (), self._roles[name].settings)
        claims = self._accounts.claims(jwt)
        if claims is None:
            raise Refusal(403, "permission denied")
        _, _, namespace, account = claims["sub"].split(":")
        if not _bound(settings.names("bound_service_account_names"), account):
            raise Refusal(403, "service account name not authorized")
        if not _bound(settings.names("bound_service_account_namespaces"), namespace):
            raise Refusal(403, "namespace not authorized")
        audience = settings.text("audience")
        if audience and audience not in claims["aud"]:
            raise Refusal(403, "invalid audience (aud) claim")
        meta = {"role": name, "service_account_name": account, "service_account_namespace": namespace}
        return self._login(name, claims["sub"], meta)


def _bound(names: tuple[str, ...], name: str) -> bool:
    return "*" in names or name in names


def _wrong_ids() -> Refusal:
    return Refusal(400, "invalid role or secret ID")
