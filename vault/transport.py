"""HTTP with Vault: one address, retries within a deadline, and errors that carry no secrets.

The exceptions of requests hold the request, and with it the token. So a failure is turned into a value inside the
``except`` clause and raised outside it: nothing that leaves this module has one of them as its ``__context__``.
"""

from __future__ import annotations

import json
import logging
import queue
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
import stamina
import urllib3
from pydantic import SecretStr

from vault.deadline import Deadline
from vault.errors import VaultError, VaultProtocolError, VaultRefused, VaultUnavailable
from vault.settings import VaultSettings
from vault.tls import check_files, is_distrust

_CONNECT_TIMEOUT: Final = 1.0
_ATTEMPT_TIMEOUT: Final = 2.0
"""For the first attempt; each later one has that much more, so that a Vault which is only slow is heard out."""
_LONGEST_WAIT: Final = 0.5
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
_PIECE: Final = 256 * 1024
_MOST_REDIRECTS: Final = 3

_PASSING: Final = frozenset({412, 429, 472, 473})
"""Statuses that pass: a replica that lags behind, too many requests, a standby that asks for another node."""

_MEANT: Final = "invalid secret id"
"""What Vault 1.13 says with a status of 500 when AppRole refuses a login. After five of these it locks the role out."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Vault: a method, a path from ``/v1/`` on, and a body for JSON. Shows no body."""

    method: str
    path: str
    body: Any = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/v1/')}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status from 200 on that is not worth a retry, and the JSON that came with it (None where none did).

    A 500 is among them only where Vault refuses a login by it.

    ``repeated`` says that an earlier attempt failed, and may have had its effect all the same. Shows no content.
    """

    status: int
    content: Any = field(default=None, repr=False)
    repeated: bool = False

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Transport:
    """Kept-alive connections to one Vault. Safe to share between threads, each of which gets a session of its own.

    Follows redirects to its own host only (a load balancer in front of several nodes answers so), because requests
    would take the token along to any other. Takes no proxy, no password and no certificates from the environment.

    Raises `VaultSettingsError` where a file of TLS cannot be loaded.
    """

    def __init__(self, settings: VaultSettings) -> None:
        check_files(settings)
        _quiet_http_loggers()
        self._settings = settings
        self._idle: queue.LifoQueue[requests.Session] = queue.LifoQueue()

    def close(self) -> None:
        """Closes the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def call(self, request: Request, token: SecretStr | None, deadline: Deadline) -> Answer:
        """What Vault answers in the end: a success, or a refusal that is meant.

        Blocks until ``deadline`` at most: it is looked at before each attempt and between two reads of an answer.
        (Looking up a host name takes what the resolver takes.) Every request of ours may be repeated.
        """
        attempts = stamina.retry_context(
            on=lambda failure: isinstance(failure, _Transient) and deadline.remaining() > _LONGEST_WAIT,
            attempts=None,
            timeout=None,
            wait_initial=0.05,
            wait_max=_LONGEST_WAIT,
            wait_jitter=0.1,
        )
        last = "the deadline has passed"
        try:
            for attempt in attempts:
                with attempt:
                    status, content = self._exchanged(request, token, deadline, attempt.num)
                    return Answer(status, content, repeated=attempt.num > 1)
        except _Transient as failure:
            last = str(failure)
        raise VaultUnavailable(f"Vault at {self._settings.url} is unavailable for {request}; last: {last}")

    def _exchanged(
        self, request: Request, token: SecretStr | None, deadline: Deadline, attempt: int
    ) -> tuple[int, Any]:
        if deadline.remaining() <= 0:
            raise _Transient("the deadline has passed")
        outcome = self._with_a_session(request, token, deadline, _ATTEMPT_TIMEOUT * attempt)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _with_a_session(
        self, request: Request, token: SecretStr | None, deadline: Deadline, longest: float
    ) -> tuple[int, Any] | VaultError | _Transient:
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = _session(self._settings)
        try:
            outcome = self._following(session, request, token, deadline, longest)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
            session.close()
            if is_distrust(failure):
                return VaultRefused(f"TLS with {self._settings.url} failed: one side distrusts the other")
            return _Transient(type(failure).__name__)
        except Exception as failure:
            session.close()
            return VaultProtocolError(f"{request}: {type(failure).__name__} while reading what Vault answers")
        self._idle.put(session)
        return outcome

    def _following(
        self, session: requests.Session, request: Request, token: SecretStr | None, deadline: Deadline, longest: float
    ) -> tuple[int, Any] | VaultError | _Transient:
        url = self._settings.url + request.path
        for _ in range(_MOST_REDIRECTS + 1):
            with session.request(
                request.method,
                url,
                data=None if request.body is None else json.dumps(request.body).encode(),
                headers=_headers(self._settings.namespace, token),
                timeout=_timeouts(deadline, longest),
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                if status in _PASSING or status >= 500:
                    return _refusal(response, deadline) or _Transient(f"status {status}")
                if not 300 <= status < 400:
                    return _whole(response, deadline)
                target = urljoin(url, response.headers.get("Location", ""))
            if status not in (307, 308) or _origin(target) != _origin(url):
                return VaultProtocolError(
                    f"{request}: {self._settings.url} answers with a redirect (status {status}) that is not "
                    "followed: vault.url must lead to the active node, or to a load balancer before it"
                )
            url = target
        return _Transient(f"more than {_MOST_REDIRECTS} redirects")


class _Transient(Exception):
    """One attempt failed in a way that may pass. Its text is safe: stamina logs it with each retry."""


def _session(settings: VaultSettings) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept-Encoding": "identity", "X-Vault-Request": "true"})
    session.verify = settings.ssl_verify if settings.ssl_ca_location is None else str(settings.ssl_ca_location)
    if not settings.ssl_verify:
        session.verify = False
    if settings.ssl_certificate_location is not None and settings.ssl_key_location is not None:
        session.cert = (str(settings.ssl_certificate_location), str(settings.ssl_key_location))
    return session


def _headers(namespace: str | None, token: SecretStr | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if namespace is not None:
        headers["X-Vault-Namespace"] = namespace
    if token is not None:
        headers["X-Vault-Token"] = token.get_secret_value()
    return headers


def _timeouts(deadline: Deadline, longest: float) -> tuple[float, float]:
    left = max(deadline.remaining(), 0.01)
    return min(_CONNECT_TIMEOUT, left), min(longest, left)


def _refusal(response: requests.Response, deadline: Deadline) -> tuple[int, Any] | None:
    """The answer, where it refuses a login by a status that says something else."""
    if response.status_code != 500:
        return None
    whole = _whole(response, deadline)
    if isinstance(whole, _Transient) or not isinstance(whole[1], dict) or whole[1].get("errors") != [_MEANT]:
        return None
    return whole


def _whole(response: requests.Response, deadline: Deadline) -> tuple[int, Any] | _Transient:
    body = bytearray()
    # One read of the socket at a time: a read of a whole piece could wait for as long as bytes trickle in.
    while piece := response.raw.read1(_PIECE, decode_content=False):
        body += piece
        if len(body) > _LARGEST_ANSWER:
            return _Transient(f"an answer of more than {_LARGEST_ANSWER} bytes")
        if deadline.remaining() <= 0:
            return _Transient("a slow answer")
    return response.status_code, _json(bytes(body))


def _json(body: bytes) -> Any:
    """The parsed answer; None when it is no JSON. (The parser's exception holds the text: it ends here.)"""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _quiet_http_loggers() -> None:
    """urllib3 logs paths and statuses, at a level that a debug run shows."""
    for name in ("urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.WARNING)
