"""HTTP with the registry: addresses in turn, retries, a deadline, and errors that carry no secrets.

httpx's exceptions hold the request, and with it the ``Authorization`` header. So a failure is turned into a
value inside the ``except`` clause and raised outside it: nothing that leaves this module has an exception of
httpx as its ``__context__``.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import httpx
import stamina
from pydantic import SecretStr

from registry.errors import (
    RegistryError,
    RegistryProtocolError,
    RegistryRefused,
    RegistryRejected,
    RegistryUnavailable,
    SchemaNotFound,
)
from registry.settings import Endpoint, RegistrySettings
from registry.tls import is_distrust, tls_context

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"

_CONNECT_TIMEOUT: Final = 1.0
_ATTEMPT_TIMEOUT: Final = 2.0
_LONGEST_WAIT: Final = 0.5
_LARGEST_ANSWER: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the registry; ``what`` is the thing asked for, as `SchemaNotFound` would name it."""

    method: str
    path: str
    what: int | str | UUID
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class Deadline:
    """A moment on the monotonic clock that a whole call shares, however many requests it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; zero or less once it has passed."""
        return self._end - time.monotonic()


class Transport:
    """A pool of kept-alive connections to the addresses of one registry. Safe to share between threads."""

    def __init__(self, settings: RegistrySettings) -> None:
        _quiet_http_loggers()
        self._endpoints = settings.endpoints
        self._token = settings.bearer_auth_token
        self._preferred = 0
        self._unreached = False
        self._http = httpx.Client(
            verify=tls_context(settings),
            trust_env=False,
            follow_redirects=False,
            headers={"Accept": f"{MEDIA_TYPE}, application/json", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Closes the pooled connections; the transport cannot be used afterwards."""
        self._http.close()

    def call(self, request: Request, deadline: Deadline) -> Any:
        """The JSON that the registry answers, or an error of `registry.errors`.

        Blocks until ``deadline`` at most: it is looked at before each attempt and between two reads of an
        answer. (Looking up a host name takes what the resolver takes.) All our requests may be repeated. Where the
        call before could not even connect, and this one cannot either, it does not wait for the deadline again.
        """
        in_vain = self._unreached

        def passes(failure: Exception) -> bool:
            if not isinstance(failure, _TooLate):
                self._unreached = isinstance(failure, _Unreached)
            hopeless = in_vain and isinstance(failure, _Unreached)
            return isinstance(failure, _Transient) and not hopeless and deadline.remaining() > _LONGEST_WAIT

        attempts = stamina.retry_context(
            on=passes,
            attempts=None,
            timeout=None,
            wait_initial=0.05,
            wait_max=_LONGEST_WAIT,
            wait_jitter=0.1,
        )
        last = "no attempt was made"
        try:
            for attempt in attempts:
                with attempt:
                    answer = self._from_any_endpoint(request, deadline)
                    self._unreached = False
                    return _read(*answer, request.what)
        except _Transient as failure:
            last = str(failure)
        raise RegistryUnavailable(f"the schema registry is unavailable; last: {last}")

    def _from_any_endpoint(self, request: Request, deadline: Deadline) -> tuple[int, bytes]:
        last: _Transient = _TooLate("the deadline has passed")
        for index in self._turn():
            if deadline.remaining() <= 0:
                break
            outcome = self._exchange(self._endpoints[index], request, deadline)
            if isinstance(outcome, _Transient):
                last = outcome
            elif isinstance(outcome, RegistryError):
                raise outcome
            else:
                self._preferred = index
                return outcome
        raise last

    def _turn(self) -> Iterator[int]:
        """Every address once, beginning with the one that answered last."""
        first, count = self._preferred, len(self._endpoints)
        return ((first + step) % count for step in range(count))

    def _exchange(
        self, endpoint: Endpoint, request: Request, deadline: Deadline
    ) -> tuple[int, bytes] | RegistryRefused | _Transient:
        left = max(deadline.remaining(), 0.01)
        try:
            with self._http.stream(
                request.method,
                endpoint.url + request.path,
                params=request.query or None,
                content=None if request.body is None else json.dumps(request.body).encode(),
                headers=None if request.body is None else {"Content-Type": MEDIA_TYPE},
                auth=_auth(endpoint, self._token),
                timeout=httpx.Timeout(min(_ATTEMPT_TIMEOUT, left), connect=min(_CONNECT_TIMEOUT, left)),
            ) as response:
                return _whole(response, endpoint, deadline)
        except httpx.TransportError as failure:
            if is_distrust(failure):
                return RegistryRefused(f"TLS with {endpoint.url} failed: one side distrusts the other")
            kind = _Unreached if isinstance(failure, (httpx.ConnectError, httpx.ConnectTimeout)) else _Transient
            return kind(f"{type(failure).__name__} from {endpoint.url}")


class _Transient(Exception):
    """One attempt failed in a way that may pass. Its text is safe: stamina logs it with each retry."""


class _TooLate(_Transient):
    """No attempt was made any more, so that nothing is known of the registry."""


class _Unreached(_Transient):
    """Nobody listens at the address, as far as we can tell."""


def _whole(response: httpx.Response, endpoint: Endpoint, deadline: Deadline) -> tuple[int, bytes] | _Transient:
    status = response.status_code
    if status in (408, 429) or status >= 500:
        return _Transient(f"status {status} from {endpoint.url}")
    answer = bytearray()
    for chunk in response.iter_raw():
        answer += chunk
        if len(answer) > _LARGEST_ANSWER:
            return _Transient(f"an answer of more than {_LARGEST_ANSWER} bytes from {endpoint.url}")
        if deadline.remaining() <= 0:
            return _Transient(f"a slow answer from {endpoint.url}")
    return status, bytes(answer)


def _read(status: int, answer: bytes, what: int | str | UUID) -> Any:
    """The JSON of a success, else the error that the status and the registry's own code stand for."""
    content = _json(answer)
    if 200 <= status < 300 and content is not None:
        return content
    code, message = _registry_error(content)
    if status in (401, 403):
        raise RegistryRefused(f"the schema registry refuses access: status {status}")
    if status == 404 and 40400 <= code < 40500:
        raise SchemaNotFound(what, code)
    if status in (409, 422):
        raise RegistryRejected(code or status, message)
    raise RegistryProtocolError(f"not an answer of a schema registry (status {status}): is the URL right?", status)


def _json(answer: bytes) -> Any:
    """The parsed answer; None when it is no JSON. (The parser's exception holds the text: it ends here.)"""
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None


def _registry_error(content: Any) -> tuple[int, str]:
    if not isinstance(content, dict):
        return 0, "no message"
    code, message = content.get("error_code"), content.get("message")
    return code if isinstance(code, int) else 0, message if isinstance(message, str) else "no message"


def _auth(endpoint: Endpoint, token: SecretStr | None) -> httpx.Auth:
    if endpoint.user is not None and endpoint.password is not None:
        return httpx.BasicAuth(endpoint.user, endpoint.password.get_secret_value())
    return httpx.Auth() if token is None else _Bearer(token)


class _Bearer(httpx.Auth):
    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request


def _quiet_http_loggers() -> None:
    """httpx logs URLs and httpcore response headers, at levels that a debug run shows."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
