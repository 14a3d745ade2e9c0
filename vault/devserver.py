"""A Vault for development and tests: Vault's HTTP API on the loopback interface, state in memory.

    with DevVault() as vault:
        httpx.get(f"{vault.url}/v1/auth/token/lookup-self", headers={"X-Vault-Token": vault.root_token})

Never for production: keys live in this process's memory and die with it. The cryptography is real
(docs/dev-vault.md says what it speaks), the root token random. No token and no body is ever logged.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from vault.devapi import DevVaultState, envelope
from vault.devmodel import Answer, Refusal

_HOST: Final = "127.0.0.1"
_LARGEST_BODY: Final = 32 * 1024 * 1024
_PREFIX: Final = "/v1/"


@dataclass(slots=True)
class Fault:
    """What happens to requests instead of, or before, their proper answer.

    First a pause of ``delay`` seconds; then the connection is ``cut`` without an answer, or ``status`` is the
    answer, or, with neither, the request is served as usual. It meets the next ``times`` requests, None for all
    until `DevVault.heal`, whose path below ``/v1/`` the glob ``path`` matches.
    """

    status: int | None = None
    delay: float = 0.0
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ("injected",)
    path: str = "*"
    times: int | None = 1


class DevVault:
    """The server and its state. Starting again after a stop keeps both the port and the state, like an outage.

    ``port`` 0 takes a free one, ``tls`` is the context to serve HTTPS with. KV version 2 is mounted at
    ``secret``, transit at ``transit``, the login methods AppRole and Kubernetes at their names.
    """

    def __init__(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: deque[str] = deque(maxlen=10_000)
        """The latest requests as ``METHOD path``, the path without ``/v1/``."""
        self.batches: deque[tuple[str, int]] = deque(maxlen=10_000)
        """The latest requests with a batch, as path and number of items."""
        self._faults: list[Fault] = []
        self._state = DevVaultState()
        self._lock = threading.Lock()
        self._port = port
        self._tls = tls
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where Vault is, once it was started."""
        return f"{'https' if self._tls else 'http'}://{_HOST}:{self._port}"

    @property
    def root_token(self) -> str:
        """The token that may do everything."""
        return self._state.tokens.root.id

    @property
    def unseal_key(self) -> str:
        """What `PUT /v1/sys/unseal` asks for."""
        return self._state.unseal_key

    def start(self) -> None:
        """Listens when it returns. Raises `OSError` when the port is taken."""
        self._server = _Server(self, self._port)
        self._port = self._server.server_port
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), name="dev-vault", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and cuts all connections, as an outage does. Does nothing when it is not running."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.cut_connections()
        self._server = self._thread = None

    def seal(self) -> None:
        """From now on every request but for health and unsealing is a 503."""
        with self._lock:
            self._state.sealed = True

    def unseal(self) -> None:
        """Ends `seal`; tokens, keys and secrets are as before."""
        with self._lock:
            self._state.sealed = False

    def inject(self, *faults: Fault) -> None:
        """From now on the faults happen, the first that a request matches."""
        with self._lock:
            self._faults.extend(replace(fault) for fault in faults)  # what is left of each is counted in it

    def heal(self) -> None:
        """No fault that was injected happens any more."""
        with self._lock:
            self._faults.clear()

    def service_account_token(self, name: str, namespace: str, *, ttl: float = 3600) -> str:
        """The token of a service account as Kubernetes would project it into a pod, for the login there."""
        return self._state.accounts.token(name, namespace, ttl)

    def next_fault(self, path: str) -> Fault | None:
        """The fault that this request meets, which uses it up."""
        with self._lock:
            for fault in self._faults:
                if fnmatchcase(path, fault.path):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def serve(self, method: str, target: str, body: bytes, token: str) -> tuple[int, bytes]:
        """The status and the JSON that answer one request, faults aside."""
        try:
            answer = self._answer(method, target, body, token)
        except Refusal as refusal:
            return refusal.status, _errors(refusal.errors)
        except Exception as bug:  # its text may hold a plaintext
            return 500, _errors((f"the development Vault failed: {type(bug).__name__}",))
        if answer.data is None and answer.auth is None:
            return 204, b""
        return answer.status, json.dumps(envelope(answer)).encode()

    def _answer(self, method: str, target: str, body: bytes, token: str) -> Answer:
        parts = urlsplit(target)
        if not parts.path.startswith(_PREFIX):
            raise Refusal(404)
        query = dict(parse_qsl(parts.query))
        if method == "GET" and query.pop("list", "") == "true":
            method = "LIST"
        path = tuple(segment for segment in unquote(parts.path.removeprefix(_PREFIX)).split("/") if segment)
        content = {**query, **_parsed(body)}
        if isinstance(content.get("batch_input"), list):
            self.batches.append(("/".join(path), len(content["batch_input"])))
        with self._lock:
            return self._state.answer(method, path, content, token)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, vault: DevVault, port: int) -> None:
        self.vault = vault
        self._connections: set[socket.socket] = set()
        super().__init__((_HOST, port), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own would look up the host's name
        self.server_name, self.server_port = _HOST, self.socket.getsockname()[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""

    def cut_connections(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it was closed already


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write for headers and body

    def do_request(self) -> None:
        vault = self.server.vault
        path = unquote(urlsplit(self.path).path).removeprefix(_PREFIX)
        vault.requests.append(f"{self.command} {path}")
        body = self._body()
        fault = vault.next_fault(path) or Fault()
        time.sleep(fault.delay)
        if fault.cut:
            self.close_connection = True
        elif fault.status is not None:
            self._send(fault.status, _errors(fault.errors), fault.headers)
        else:
            self._send(*vault.serve(self.command, self.path, body, self._token()), {})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = do_request  # noqa: N815 -- http.server looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
        """Silent: what is asked of Vault is secret."""

    def _token(self) -> str:
        bearer = (self.headers.get("Authorization") or "").partition("Bearer ")[2]
        return self.headers.get("X-Vault-Token") or bearer

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.close_connection = True  # what is not read must not be taken for the next request
        return self.rfile.read(min(length, _LARGEST_BODY))

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        standard = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        for name, value in {**standard, **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _parsed(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Refusal(400, "failed to parse JSON input")
    return content


def _errors(errors: tuple[str, ...]) -> bytes:
    return json.dumps({"errors": errors}).encode()
