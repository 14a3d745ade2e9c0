"""A Vault on loopback that answers by a script: for what a real one does not do when asked."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from vault.settings import VaultSettings

TOKEN = "hvs.scripted-5b1f0c"


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def token(self) -> str | None:
        return self.headers.get("X-Vault-Token")

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/v1/')}"


@dataclass
class Reply:
    """What to answer: a status and JSON, late, with headers, or a connection that breaks off instead."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    reset: bool = False


Script = Callable[[Seen], Reply]


class ScriptedVault:
    """Answers each path with the first of its replies that is left, else as ``on`` says, else as a healthy Vault."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.valid = {TOKEN}
        self.replies: dict[str, list[Reply]] = {}
        self.scripts: dict[str, Script] = {}
        self.facts: dict[str, Any] = {"ttl": 0, "renewable": False, "policies": ["default"], "accessor": "acc"}
        self._lock = threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def settings(self, **options: Any) -> VaultSettings:
        """Settings for a client of this server, by default with the token that it takes."""
        given = {"token": TOKEN} if "auth" not in options else {}
        return VaultSettings(**{"url": self.url, **given, **options})

    def then(self, path: str, *replies: Reply) -> None:
        """The next answers at a path, given as `POST transit/encrypt/k`."""
        self.replies.setdefault(path, []).extend(replies)

    def on(self, path: str, script: Script) -> None:
        """What to answer at a path from now on."""
        self.scripts[path] = script

    @property
    def requests(self) -> list[str]:
        """`METHOD path` of everything that has been asked."""
        return [str(each) for each in self.seen]

    def asked(self, path: str) -> list[Seen]:
        """The requests for one path."""
        return [each for each in self.seen if str(each) == path]

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            left = self.replies.get(str(seen))
            if left:
                return left.pop(0)
        if "auth/" in seen.path and seen.path.endswith("/login"):
            return self._scripted(seen)
        if seen.token not in self.valid:
            return Reply(403, {"errors": ["permission denied"]})
        if str(seen) == "GET auth/token/lookup-self" and str(seen) not in self.scripts:
            return Reply(200, {"data": {"id": seen.token, **self.facts}})
        return self._scripted(seen)

    def _scripted(self, seen: Seen) -> Reply:
        script = self.scripts.get(str(seen))
        return script(seen) if script else Reply(404, {"errors": []})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vault = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                reply = vault.answer(Seen(self.command, self.path, dict(self.headers), body))
                time.sleep(reply.delay)
                if reply.reset:
                    self.close_connection = True
                    self.connection.close()
                    return
                content = b"" if reply.content is None else _encoded(reply.content)
                try:
                    self.send_response(reply.status)
                    for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:  # the client has given up
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_LIST = _answer  # noqa: N815 -- the names that http.server looks for

        return Handler


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up, or does not trust us, is what some tests are about."""


def _encoded(content: Any) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def secret(data: dict[str, Any], version: int = 1) -> Reply:
    """The answer to reading a KV v2 secret."""
    return Reply(200, {"data": {"data": data, "metadata": {"version": version}}})


def logged_in(
    token: str, ttl: int = 3600, *, renewable: bool = True, policies: tuple[str, ...] = ("default",)
) -> Reply:
    """The answer to a login or a renewal."""
    auth = {"client_token": token, "lease_duration": ttl, "renewable": renewable, "policies": list(policies)}
    return Reply(200, {"auth": auth})
