"""The development Vault's tokens: made, looked up, renewed and revoked, with lives that end."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from vault.devmodel import DONE, MAX_TTL_S, Answer, Operation, Refusal, Request, no_such_path
from vault.devpolicies import DEFAULT, ROOT


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login or a parent gives a new token; times in seconds, 0 for none."""

    policies: tuple[str, ...]
    ttl: int = 0
    max_ttl: int = 0
    """The longest life that the login method allows; renewals end there."""
    explicit_max_ttl: int = 0
    period: int = 0
    renewable: bool = True
    uses: int = 0
    path: str = "auth/token/create"
    display_name: str = "token"
    meta: Mapping[str, str] | None = None
    entity_id: str = ""
    parent: str = field(default="", repr=False)


@dataclass(slots=True)
class Token:
    """A token; its ``id`` is the secret, its accessor is not."""

    id: str = field(repr=False)
    accessor: str
    grant: Grant
    created: float
    expires: float | None
    uses: int

    @property
    def is_root(self) -> bool:
        return ROOT in self.grant.policies

    def ttl(self, now: float) -> int:
        """Seconds left, 0 for a token that never ends."""
        return 0 if self.expires is None else max(0, round(self.expires - now))

    def facts(self, now: float) -> dict[str, Any]:
        """What a look-up tells."""
        grant = self.grant
        creation_ttl = 0 if self.is_root else _life(grant)
        facts: dict[str, Any] = {
            "accessor": self.accessor,
            "creation_time": int(self.created),
            "creation_ttl": creation_ttl,
            "display_name": grant.display_name,
            "entity_id": grant.entity_id,
            "expire_time": None if self.expires is None else _timestamp(self.expires),
            "explicit_max_ttl": grant.explicit_max_ttl,
            "id": self.id,
            "meta": grant.meta,
            "num_uses": self.uses,
            "orphan": not grant.parent,
            "path": grant.path,
            "policies": list(grant.policies),
            "ttl": self.ttl(now),
            "type": "service",
        }
        if not self.is_root:
            facts |= {"issue_time": _timestamp(self.created), "renewable": grant.renewable}
        if grant.period:
            facts["period"] = grant.period
        return facts

    def auth(self, now: float) -> dict[str, Any]:
        """What a login, a creation or a renewal answers."""
        grant = self.grant
        return {
            "client_token": self.id,
            "accessor": self.accessor,
            "policies": list(grant.policies),
            "token_policies": list(grant.policies),
            "metadata": grant.meta,
            "lease_duration": self.ttl(now),
            "renewable": grant.renewable and not self.is_root,
            "entity_id": grant.entity_id,
            "token_type": "service",
            "orphan": not grant.parent,
            "mfa_requirement": None,
            "num_uses": self.uses,
        }


class Tokens:
    """All tokens, and the login method ``token`` that manages them at ``auth/token``."""

    type: Final = "token"

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self.root = self._add(Grant((ROOT,), path="auth/token/root", display_name="root"), expires=None)

    def issue(self, grant: Grant) -> Token:
        """A new token; an unlimited one only for the policy ``root`` without a TTL."""
        limitless = ROOT in grant.policies and not (grant.ttl or grant.period)
        return self._add(grant, expires=None if limitless else time.time() + _life(grant))

    def find(self, token_id: str) -> Token | None:
        """A token that is alive, by its id. The expired ones go."""
        token = self._tokens.get(token_id)
        if token is None or token.expires is None or token.expires > time.time():
            return token
        self._revoke(token)
        return None

    def spend(self, token: Token) -> None:
        """Counts one use of a token whose uses are numbered."""
        if token.grant.uses:
            token.uses -= 1
            if token.uses == 0:
                self._revoke(token)

    def exists(self, path: tuple[str, ...]) -> bool:
        return True

    def answer(self, request: Request) -> Answer:
        assert request.token is not None  # noqa: S101  no path of this method is open to the unknown
        token = request.token
        match request.operation, request.path:
            case Operation.UPDATE, ("create",):
                return self._create(request, token, orphan=request.flag("no_parent"))
            case Operation.UPDATE, ("create-orphan",):
                return self._create(request, token, orphan=True)
            case Operation.READ, ("lookup-self",):
                return Answer(token.facts(time.time()))
            case Operation.UPDATE, ("lookup",):
                return Answer(self._given(request.text("token")).facts(time.time()))
            case Operation.UPDATE, ("lookup-accessor",):
                return Answer({**self._with_accessor(request).facts(time.time()), "id": ""})
            case Operation.UPDATE, ("renew-self",):
                return self._renew(token, request.seconds("increment"))
            case Operation.UPDATE, ("renew",):
                return self._renew(self._given(request.text("token")), request.seconds("increment"))
            case Operation.UPDATE, ("revoke-self",):
                self._revoke(token)
            case Operation.UPDATE, ("revoke",):
                found = self.find(request.text("token"))
                if found is not None:
                    self._revoke(found)
            case Operation.UPDATE, ("revoke-accessor",):
                self._revoke(self._with_accessor(request))
            case _:
                raise no_such_path()
        return DONE

    def _create(self, request: Request, parent: Token, *, orphan: bool) -> Answer:
        wanted = set(request.names("policies")) or set(parent.grant.policies)
        if not parent.is_root and not wanted <= {*parent.grant.policies, DEFAULT}:
            raise Refusal(400, "child policies must be subset of parent")
        if not request.flag("no_default_policy") and ROOT not in wanted:
            wanted.add(DEFAULT)
        meta = request.body.get("meta")
        suffix = request.text("display_name")
        token = self.issue(
            Grant(
                policies=tuple(sorted(wanted)),
                ttl=request.seconds("ttl"),
                explicit_max_ttl=request.seconds("explicit_max_ttl"),
                period=request.seconds("period"),
                renewable=request.flag("renewable", default=True),
                uses=request.number("num_uses"),
                display_name=f"token-{suffix}" if suffix else "token",
                meta=meta if isinstance(meta, dict) else None,
                parent="" if orphan else parent.id,
            )
        )
        return Answer(auth=token.auth(time.time()))

    def _renew(self, token: Token, increment: int) -> Answer:
        grant, now = token.grant, time.time()
        if not grant.renewable or token.expires is None:
            raise Refusal(400, "lease is not renewable")
        wanted = now + (grant.period or increment or grant.ttl or MAX_TTL_S)
        token.expires = min([wanted, *_ends(grant, token.created)])
        return Answer(auth=token.auth(now))

    def _add(self, grant: Grant, *, expires: float | None) -> Token:
        token = Token(
            id=f"hvs.{secrets.token_urlsafe(24)}",
            accessor=secrets.token_urlsafe(18),
            grant=grant,
            created=time.time(),
            expires=expires,
            uses=grant.uses,
        )
        self._tokens[token.id] = token
        return token

    def _given(self, token_id: str) -> Token:
        found = self.find(token_id)
        if found is None:
            raise Refusal(403, "bad token")
        return found

    def _with_accessor(self, request: Request) -> Token:
        accessor = request.text("accessor")
        for token in list(self._tokens.values()):
            if token.accessor == accessor and self.find(token.id) is not None:
                return token
        raise Refusal(400, "invalid accessor")

    def _revoke(self, token: Token) -> None:
        """With the token go its children, and theirs."""
        for each in [token, *self._descendants(token)]:
            self._tokens.pop(each.id, None)

    def _descendants(self, token: Token) -> Iterator[Token]:
        for child in [each for each in self._tokens.values() if each.grant.parent == token.id]:
            yield child
            yield from self._descendants(child)


def entity_of(*identity: str) -> str:
    """The entity id of a login: the same for the same method and role."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(identity)))


def _life(grant: Grant) -> int:
    """How long a token lives when it is made, in seconds."""
    wanted = grant.period or grant.ttl or MAX_TTL_S
    return int(min([wanted, *_ends(grant, 0.0)]))


def _ends(grant: Grant, created: float) -> list[float]:
    """When no renewal helps any more. A period goes beyond all but the explicit limit."""
    limits = [grant.explicit_max_ttl] if grant.period else [grant.explicit_max_ttl, grant.max_ttl or MAX_TTL_S]
    return [created + limit for limit in limits if limit]


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
