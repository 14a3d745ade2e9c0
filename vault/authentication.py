"""The four ways to come by a token: given, AppRole, a Kubernetes service account, the sink file of Vault Agent."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from hvac.api.auth_methods import AppRole, Kubernetes, Token
from pydantic import SecretStr

from vault.answers import AUTH, TOKEN_FACTS, AuthAnswer, TokenFacts, checked
from vault.conversation import Conversation, Denied
from vault.deadline import Deadline
from vault.errors import (
    VaultError,
    VaultNotFound,
    VaultRefused,
    VaultRejected,
    VaultSettingsError,
)
from vault.settings import PREFIX, VaultSettings, is_token
from vault.transport import Transport

_ROOT: Final = "root"
_LARGEST_FILE: Final = 64 * 1024
_LOOK_AGAIN_S: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """A token, and for how long. Shows no token.

    ``ttl`` counts in seconds from ``since`` on the monotonic clock, and is 0 where the token does not expire;
    ``longest`` is the longest TTL that it has had, which a renewal near the maximum TTL falls short of.
    """

    token: SecretStr = field(repr=False)
    ttl: float
    renewable: bool
    since: float
    longest: float


class Method(Protocol):
    """A way to log in."""

    logs_in: bool
    """Whether another login can give another token."""
    renews: bool
    """Whether it is for us to renew the token."""

    def login(self, old: Lease | None, deadline: Deadline) -> Lease:
        """A token; another one than ``old``, which Vault does not take, or will not take for long.

        Raises `VaultRefused` where Vault refuses, `VaultSettingsError` where a file cannot be used.
        """
        ...

    def is_current(self, lease: Lease) -> bool:
        """Whether nothing says that another token has taken its place. Looks at no more than a file."""
        ...


def method_of(settings: VaultSettings, transport: Transport) -> Method:
    """The way to log in that the settings ask for. Reads nothing yet."""
    match settings.auth:
        case "token":
            return _Given(settings, transport)
        case "agent":
            return _FromAgent(settings, transport)
        case _:
            return _ByLogin(settings, transport)


def look_up(transport: Transport, token: SecretStr, deadline: Deadline) -> TokenFacts | None:
    """What Vault says about a token; None where it does not take it."""
    conversation = Conversation(lambda request: transport.call(request, token, deadline))
    try:
        return checked(TOKEN_FACTS, Token(conversation).lookup_self())
    except Denied:
        return None


def renewed(transport: Transport, lease: Lease, deadline: Deadline) -> Lease:
    """The same token for longer. Raises `VaultRefused` or `VaultRejected` where Vault will not."""
    since = time.monotonic()
    conversation = Conversation(lambda request: transport.call(request, lease.token, deadline))
    answer = checked(AUTH, Token(conversation).renew_self(), "auth")
    longest = max(lease.longest, answer.lease_duration)
    return Lease(lease.token, answer.lease_duration, answer.renewable, since, longest)


class _Given:
    """``auth=token``: the token of the configuration, renewed while Vault allows it."""

    logs_in = False
    renews = True

    def __init__(self, settings: VaultSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    def login(self, old: Lease | None, deadline: Deadline) -> Lease:
        token = self._settings.token
        if token is None:
            raise VaultSettingsError(f"{PREFIX}token is not given")
        return _looked_up(self._settings, self._transport, token, f"{PREFIX}token", deadline)

    def is_current(self, lease: Lease) -> bool:
        return True


class _ByLogin:
    """``auth=approle`` and ``auth=kubernetes``: a login gives a token; the JWT is read again for each."""

    logs_in = True
    renews = True

    def __init__(self, settings: VaultSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    def login(self, old: Lease | None, deadline: Deadline) -> Lease:
        since = time.monotonic()
        auth = self._logged_in(Conversation(lambda request: self._transport.call(request, None, deadline)))
        _check_not_root(self._settings, auth.policies)
        return Lease(auth.client_token, auth.lease_duration, auth.renewable, since, auth.lease_duration)

    def is_current(self, lease: Lease) -> bool:
        return True

    def _logged_in(self, conversation: Conversation) -> AuthAnswer:
        mount = self._mount()
        try:
            return checked(AUTH, self._asked(conversation, mount), "auth")
        except (VaultRejected, Denied, VaultNotFound) as failure:
            problem = f"Vault refuses the login: {failure}"
        raise VaultRefused(problem)

    def _mount(self) -> str:
        return self._settings.approle_mount if self._settings.auth == "approle" else self._settings.kubernetes_mount

    def _asked(self, conversation: Conversation, mount: str) -> object:
        settings = self._settings
        if settings.auth == "approle" and settings.approle_role_id and settings.approle_secret_id:
            return AppRole(conversation).login(
                settings.approle_role_id.get_secret_value(),
                settings.approle_secret_id.get_secret_value(),
                use_token=False,
                mount_point=mount,
            )
        jwt = _token_in(settings.kubernetes_jwt_path, f"{PREFIX}kubernetes.jwt.path", private=False)
        return Kubernetes(conversation).login(
            settings.kubernetes_role, jwt.get_secret_value(), use_token=False, mount_point=mount
        )


class _FromAgent:
    """``auth=agent``: the token that Vault Agent keeps in a file, read again whenever the file changes.

    It is never renewed here: that is what the agent is for.
    """

    logs_in = True
    renews = False

    def __init__(self, settings: VaultSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._path = settings.agent_token_path or Path()
        self._setting = f"{PREFIX}agent.token.path"
        self._stamp: tuple[int, ...] | None = None

    def login(self, old: Lease | None, deadline: Deadline) -> Lease:
        """Waits, until the deadline, for the agent to write the file, or to write another token than the old one."""
        while True:
            stamp = self._stamped()
            found = self._read()
            is_new = isinstance(found, SecretStr) and not (old and _same(found, old.token))
            if is_new or deadline.remaining() <= 2 * _LOOK_AGAIN_S:
                break
            time.sleep(_LOOK_AGAIN_S)
        if isinstance(found, VaultError):
            raise found
        if not is_new:
            raise VaultRefused(f"{self._setting}: Vault does not take the token in this file, and no other was written")
        lease = _looked_up(self._settings, self._transport, found, self._setting, deadline)
        self._stamp = stamp
        return lease

    def is_current(self, lease: Lease) -> bool:
        stamp = self._stamped()
        if stamp is None or stamp == self._stamp:
            return True
        found = self._read()
        if isinstance(found, SecretStr) and not _same(found, lease.token):
            return False
        if isinstance(found, SecretStr):
            self._stamp = stamp
        return True

    def _read(self) -> SecretStr | VaultError:
        try:
            return _token_in(self._path, self._setting, private=True)
        except VaultSettingsError as failure:
            return failure

    def _stamped(self) -> tuple[int, ...] | None:
        try:
            status = self._path.stat()
        except (OSError, ValueError):
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size


def _looked_up(
    settings: VaultSettings, transport: Transport, token: SecretStr, setting: str, deadline: Deadline
) -> Lease:
    since = time.monotonic()
    facts = look_up(transport, token, deadline)
    if facts is None:
        raise VaultRefused(f"{setting}: Vault does not take the token, or not for auth/token/lookup-self")
    _check_not_root(settings, facts.policies)
    return Lease(token, facts.ttl, facts.renewable, since, facts.ttl)


def _check_not_root(settings: VaultSettings, policies: tuple[str, ...]) -> None:
    if _ROOT in policies and not settings.is_loopback:
        raise VaultRefused("a root token is only for development servers on loopback: use one with a policy of its own")


def _same(one: SecretStr, other: SecretStr) -> bool:
    return one.get_secret_value() == other.get_secret_value()


def _token_in(path: Path, setting: str, *, private: bool) -> SecretStr:
    """The token that is all there is in a file. Raises `VaultSettingsError`, which shows no content.

    ``private`` refuses a file that anybody may read. (The agent's is for its owner and group. A service account's
    is readable for everybody in the pod, where Kubernetes is not told otherwise.)
    """
    content: bytes | str
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_LARGEST_FILE)
    except (OSError, ValueError) as failure:
        raise VaultSettingsError(f"{setting}: the file cannot be read ({type(failure).__name__})") from None
    if private and mode & 0o007:
        raise VaultSettingsError(f"{setting}: a file of mode {mode:04o} gives the token to everybody")
    text = content.decode("ascii", errors="replace").strip()
    content = b""
    if not is_token(text):
        raise VaultSettingsError(f"{setting}: the file does not hold a token")
    return SecretStr(text)
