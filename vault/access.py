"""Being logged in: the token of the moment, one login at a time, and what a 403 means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vault.answers import TokenFacts
from vault.authentication import Lease, look_up, method_of, renewed
from vault.deadline import Deadline
from vault.errors import VaultRefused, VaultUnavailable
from vault.settings import VaultSettings
from vault.transport import Answer, Request, Transport


class Access:
    """Sends requests with a token, logging in first where there is none. Safe to share between threads.

    ``on_new_token`` is called after each login, from the thread that logged in.
    """

    def __init__(
        self, settings: VaultSettings, transport: Transport, on_new_token: Callable[[], None] = lambda: None
    ) -> None:
        self._transport = transport
        self._method = method_of(settings, transport)
        self._on_new_token = on_new_token
        self._lock = threading.Lock()
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease | None:
        """What we are logged in with; None before the first login."""
        return self._lease

    @property
    def renews(self) -> bool:
        """Whether it is for us to renew the token."""
        return self._method.renews

    @property
    def logs_in(self) -> bool:
        """Whether another login can give another token."""
        return self._method.logs_in

    def call(self, request: Request, deadline: Deadline) -> Answer:
        """What Vault answers. Raises `VaultRefused` after a 403 with a token that Vault takes.

        A token that Vault does not take is replaced by one login, and the request is sent once more.
        """
        lease = self._current(deadline)
        answer = self._transport.call(request, lease.token, deadline)
        if answer.status != 403:
            return answer
        if look_up(self._transport, lease.token, deadline) is not None:
            raise VaultRefused(f"{request}: status 403: the token is valid, and its policies do not allow this")
        answer = self._transport.call(request, self._another(lease, request, deadline).token, deadline)
        if answer.status == 403:
            raise VaultRefused(f"{request}: status 403 right after a login: the policies do not allow this")
        return answer

    def facts(self, deadline: Deadline) -> TokenFacts:
        """What Vault knows about our token."""
        lease = self._current(deadline)
        facts = look_up(self._transport, lease.token, deadline)
        if facts is None:
            facts = look_up(self._transport, self.replace(lease, deadline).token, deadline)
        if facts is None:
            raise VaultRefused("GET auth/token/lookup-self: status 403 right after a login")
        return facts

    def replace(self, lease: Lease | None, deadline: Deadline) -> Lease:
        """Another token than this one, by a login unless another thread has logged in meanwhile."""
        with self._alone(deadline):
            if self._lease is None or self._lease is lease:
                self._lease = self._method.login(lease, deadline)
                self._on_new_token()
            return self._lease

    def renew(self, lease: Lease, deadline: Deadline) -> None:
        """Makes our token last longer. Raises `VaultRejected` or `VaultRefused` where Vault will not."""
        longer = renewed(self._transport, lease, deadline)
        with self._alone(deadline):
            if self._lease is lease:
                self._lease = longer

    def _current(self, deadline: Deadline) -> Lease:
        lease = self._lease
        if lease is not None and self._method.is_current(lease):
            return lease
        return self.replace(lease, deadline)

    def _another(self, lease: Lease, request: Request, deadline: Deadline) -> Lease:
        try:
            return self.replace(lease, deadline)
        except VaultRefused as failure:
            problem = str(failure)
        raise VaultRefused(f"{request}: status 403, the token is not valid, and there is no other: {problem}")

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=max(deadline.remaining(), 0)):
            raise VaultUnavailable("another thread was still logging in to Vault at the deadline")
        try:
            yield
        finally:
            self._lock.release()
