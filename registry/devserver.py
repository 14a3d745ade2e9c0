"""A schema registry for development and tests: Confluent's REST API on the loopback interface.

Its state is in memory, and on request in a file.

    with DevRegistry() as registry:
        client = RegistryClient(RegistrySettings(url=registry.url))

Never for production: it has no clustering and no access control worth the name.
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
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from registry.devapi import Raw, answer
from registry.devfile import StateFile
from registry.devmodel import ApiError
from registry.devstore import DevStore
from registry.transport import MEDIA_TYPE

_HOST: Final = "127.0.0.1"
_LARGEST_BODY: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request instead of, or before, its proper answer.

    First a pause of ``delay`` seconds; then the connection is ``cut`` without an answer, or ``status`` is the
    answer, or, with neither, the request is served as usual.
    """

    delay: float = 0.0
    cut: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class DevRegistry:
    """The server and its state. Starting again after a stop keeps both the port and the state, like an outage.

    ``port`` 0 takes a free one. ``authorization`` is the whole header that each request has to bring, ``tls``
    the context to serve HTTPS with. ``faults`` are used up one a request, and may be added to at any time;
    ``requests`` has the latest requests as ``METHOD path``.

    With a ``file`` the state is read from it, and is in it before a change is answered; making the registry then
    raises `registry.devfile.RegistryFileError` where the file cannot be used.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        file: Path | None = None,
        authorization: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.faults: deque[Fault] = deque()
        self.requests: deque[str] = deque(maxlen=1000)
        self.authorization = authorization
        self._file = None if file is None else StateFile(file)
        self._store = DevStore() if self._file is None else self._file.load()
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
        """Where the registry is, once it was started."""
        return f"{'https' if self._tls else 'http'}://{_HOST}:{self._port}"

    def start(self) -> None:
        """Listens when it returns. Raises `OSError` when the port is taken."""
        self._server = _Server(self, self._port)
        self._port = self._server.server_port
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.005,), name="dev-registry", daemon=True
        )
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

    def serve(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """The status and the JSON that answer one request, faults and authorization aside."""
        try:
            return 200, _encoded(self._answer(method, target, body))
        except ApiError as failure:
            return failure.status, _error(failure.code, failure.message)
        except Exception as bug:  # its text may hold the schema
            return 500, _error(50001, f"the development registry failed: {type(bug).__name__}")

    def _answer(self, method: str, target: str, body: bytes) -> Any:
        parts = urlsplit(target)
        # Split first: an encoded slash belongs to a subject's name.
        path = [unquote(segment) for segment in parts.path.split("/") if segment]
        with self._lock:
            answered = answer(self._store, method, path, parse_qs(parts.query), _parsed(body))
            if self._file is not None and method != "GET":
                self._keep(self._file)
            return answered

    def _keep(self, file: StateFile) -> None:
        """What is not in the file has not happened."""
        try:
            file.keep(self._store)
        except OSError as failure:
            self._store = file.last()
            raise ApiError(50001, f"the registry's file cannot be written ({type(failure).__name__})") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, registry: DevRegistry, port: int) -> None:
        self.registry = registry
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
        registry = self.server.registry
        registry.requests.append(f"{self.command} {self.path}")
        body = self._body()
        fault = registry.faults.popleft() if registry.faults else Fault()
        time.sleep(fault.delay)
        if fault.cut:
            self.close_connection = True
        elif fault.status is not None:
            self._send(fault.status, fault.body, fault.headers)
        elif registry.authorization not in (None, self.headers.get("Authorization")):
            self._send(401, _error(401, "Unauthorized"), {"WWW-Authenticate": "Basic"})
        else:
            self._send(*registry.serve(self.command, self.path, body), {})

    do_GET = do_POST = do_PUT = do_DELETE = do_request  # noqa: N815 -- http.server looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
        """Silent: a request's body may be a schema with sensitive defaults."""

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.close_connection = True  # what is not read must not be taken for the next request
        return self.rfile.read(min(length, _LARGEST_BODY))

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": MEDIA_TYPE, **headers, "Content-Length": str(len(body))}.items():
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
        raise ApiError(400, "Bad Request: the body is not a JSON object")
    return content


def _encoded(content: Any) -> bytes:
    return content.encode() if isinstance(content, Raw) else json.dumps(content, ensure_ascii=False).encode()


def _error(code: int, message: str) -> bytes:
    return json.dumps({"error_code": code, "message": message}).encode()
