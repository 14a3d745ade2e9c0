"""Keeping logged in: a thread that renews the token in time, and logs in again where renewing has come to its end."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Final

import structlog

from vault.access import Access
from vault.authentication import Lease
from vault.deadline import Deadline
from vault.errors import VaultError, VaultRefused, VaultUnavailable

_SHARE: Final = 2 / 3
"""Of the TTL that has passed when the token is renewed."""
_JITTER: Final = 0.1
"""Up to this part of it is taken off, so that processes started together do not renew together."""
_SHORTEST_REST_S: Final = 0.5
_LONGEST_REST_AFTER_FAILURE_S: Final = 60.0


class Step(Enum):
    """What keeps us logged in next."""

    RENEW = "renew"
    LOG_IN = "log in"


class Renewer:
    """Renews at two thirds of the TTL, and logs in again near the maximum TTL, or where Vault will not renew.

    While Vault is away the old token is kept, and another attempt made after a growing pause. A token that was
    given is renewed for as long as Vault does, and then left to end; so is one in whose place Vault refuses to give
    another, because Vault counts such logins and locks the role out, for others as well. Nothing is raised: when the
    token has ended, the next request finds out. ``clock`` is the monotonic one.
    """

    def __init__(self, access: Access, *, deadline: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._deadline = deadline
        self._clock = clock
        self._log = structlog.get_logger()
        self._lease: Lease | None = None
        self._share = _SHARE
        self._failures = 0
        self._not_before = 0.0
        self._is_denied = self._is_refused = False
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """There is a new token. Starts the thread the first time."""
        if not self._access.renews:
            return
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="vault-renewal", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends the thread; waits for a request of its own that is under way."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(self._deadline + 1)

    def next(self) -> tuple[float, Step] | None:
        """In how many seconds what is to be done; None where nothing is, until there is another token."""
        lease = self._access.lease
        if lease is None or lease.ttl == 0:
            return None
        if lease is not self._lease:
            self._lease = lease
            self._share = _SHARE * (1 - random.uniform(0, _JITTER))  # noqa: S311 -- spreads load, hides nothing
            self._failures, self._not_before = 0, 0.0
            self._is_denied = self._is_refused = False
        now = self._clock()
        due = max(lease.since + lease.ttl * self._share, lease.since + _SHORTEST_REST_S, self._not_before, now)
        step = self._step(lease, due)
        return None if step is None else (due - now, step)

    def act(self, step: Step) -> None:
        """Renews or logs in, now. Blocks for the deadline at most."""
        lease = self._access.lease
        try:
            if step is Step.RENEW and lease is not None:
                self._access.renew(lease, Deadline(self._deadline))
            else:
                self._access.replace(lease, Deadline(self._deadline))
        except VaultError as failure:
            self._failed(step, failure, str(failure))
        except Exception as failure:  # whatever it is, the thread must go on
            self._failed(step, failure, "unforeseen")

    def _step(self, lease: Lease, at: float) -> Step | None:
        may_log_in = self._access.logs_in and not self._is_refused
        if may_log_in and lease.ttl < lease.longest:
            return Step.LOG_IN  # the maximum TTL is near
        if lease.renewable and at < lease.since + lease.ttl and not self._is_denied:
            return Step.RENEW
        return Step.LOG_IN if may_log_in else None

    def _failed(self, step: Step, failure: Exception, reason: str) -> None:
        self._log.warning("vault_renewal_failed", step=step.value, error=type(failure).__name__, reason=reason)
        if step is Step.RENEW and not isinstance(failure, VaultUnavailable):
            self._is_denied = True
            return
        if isinstance(failure, VaultRefused):
            self._is_refused = True
            return
        self._failures += 1
        pause = min(_LONGEST_REST_AFTER_FAILURE_S, 2.0**self._failures)
        self._not_before = self._clock() + pause * random.uniform(0.5, 1.0)  # noqa: S311 -- as above

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            planned = self.next()
            if planned is None:
                self._wake.wait()
            elif not self._wake.wait(planned[0]):
                self.act(planned[1])
