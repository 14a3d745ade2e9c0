"""The one question that Vault asks of a Kubernetes: whose is this service account token? (TokenReview, v1)"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from vault.devserviceaccounts import ServiceAccounts


class TokenReviews:
    """Answers on loopback for the tokens that `accounts` made."""

    def __init__(self) -> None:
        self.accounts = ServiceAccounts()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.accounts))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(accounts: ServiceAccounts) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({**asked, "status": _status(accounts.claims(asked["spec"]["token"]))}).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
            """Silent."""

    return Handler


def _status(claims: dict[str, Any] | None) -> dict[str, Any]:
    if claims is None:
        return {"authenticated": False, "error": "unknown token"}
    namespace = claims["kubernetes.io"]["namespace"]
    uid = claims["kubernetes.io"]["serviceaccount"]["uid"]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    user = {"username": claims["sub"], "uid": uid, "groups": groups}
    return {"authenticated": True, "user": user, "audiences": claims["aud"]}
