"""A real Vault on loopback, from HashiCorp's own modules, with the surface of `vault.devserver.DevVault`.

Its storage is files, so a Vault that was killed comes back with its data. KV version 2 is mounted at `secret`, transit
at `transit`, the login methods AppRole and Kubernetes at their names.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from connector.loopback.errors import LoopbackError
from connector.loopback.leash import Leash
from connector.loopback.ports import HOST, free_ports
from tests.realvault.build import vault_binary
from tests.realvault.token_reviews import TokenReviews

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_MOUNTS = {
    "sys/mounts/secret": {"type": "kv", "options": {"version": "2"}},
    "sys/mounts/transit": {"type": "transit"},
    "sys/auth/approle": {"type": "approle"},
    "sys/auth/kubernetes": {"type": "kubernetes"},
}


class RealVault:
    """The server process and its data; neither outlives the process that started it, nor `with`."""

    def __init__(self) -> None:
        (self._port,) = free_ports(1)
        self._leash: Leash | None = None  # there from the first start on, with the data
        self._process: subprocess.Popen[bytes] | None = None
        self._kubernetes = TokenReviews()
        self._credentials: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._kubernetes.__enter__()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._remove()
        self._kubernetes.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Where Vault is."""
        return f"http://{HOST}:{self._port}"

    @property
    def root_token(self) -> str:
        """The token that may do everything."""
        return self._credentials["root_token"]

    @property
    def unseal_key(self) -> str:
        """What `PUT /v1/sys/unseal` asks for."""
        return self._credentials["unseal_key"]

    def start(self) -> None:
        """Starts Vault, after `kill` or `stop` on the data that it left, and blocks until it serves (about a second).

        Raises `LoopbackError`, with the end of its log, when it ends or does not serve in 30 s, and
        `tests.realvault.build.BuildError` when it cannot be built.
        """
        if self._process is not None:
            raise LoopbackError("Vault is already started")
        first = self._leash is None
        binary = vault_binary()
        try:
            if self._leash is None:
                self._leash = Leash(Path(tempfile.mkdtemp(prefix="streamveil-vault-")))
            self._process = _launch(binary, self._leash.directory, self._port)
            self._leash.hold(self._process.pid)
            self._await(lambda: self._request("GET", "sys/health").status_code == 200)
            self._credentials = json.loads((self._leash.directory / "credentials.json").read_text())
            if first:
                self._mount()
        except BaseException:
            self.stop()
            self._remove()
            raise

    def kill(self) -> None:
        """Ends Vault by SIGKILL, as a crash would. Its data stay, for `start`."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends Vault as its supervisor would. Its data stay, for `start`. Does nothing when it is not started."""
        self._end(signal.SIGTERM)

    def seal(self) -> None:
        """From now on every request but for health and unsealing is a 503."""
        self._request("PUT", "sys/seal").raise_for_status()

    def unseal(self) -> None:
        """Ends `seal`, and blocks until Vault serves again."""
        self._request("PUT", "sys/unseal", {"key": self.unseal_key}).raise_for_status()
        self._await(lambda: self._request("GET", "sys/health").status_code == 200)

    def service_account_token(self, name: str, namespace: str, *, ttl: float = 3600) -> str:
        """The token of a service account as Kubernetes would project it into a pod, for the login there."""
        return self._kubernetes.accounts.token(name, namespace, ttl)

    def _remove(self) -> None:
        if self._leash is not None:
            self._leash.close()
            self._leash = None

    def _mount(self) -> None:
        for path, what in _MOUNTS.items():
            self._request("POST", path, what).raise_for_status()
        kubernetes = {"kubernetes_host": self._kubernetes.url, "disable_local_ca_jwt": True}
        kubernetes["kubernetes_ca_cert"] = "unused, over plain HTTP, but asked for"
        self._request("POST", "auth/kubernetes/config", kubernetes).raise_for_status()
        # A fresh mount of KV version 2 refuses everything with a 400 until it has set itself up.
        self._await(lambda: self._request("GET", "secret/config").status_code == 200)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"X-Vault-Token": self._credentials.get("root_token", "")}
        with httpx.Client(trust_env=False, verify=False, timeout=_STOP_TIMEOUT_S) as http:
            return http.request(method, f"{self.url}/v1/{path}", json=body, headers=headers)

    def _await(self, ready: Any) -> None:
        assert self._process is not None
        assert self._leash is not None
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            with suppress(httpx.TransportError):
                if ready():
                    return
            if self._process.poll() is not None:
                raise LoopbackError(f"Vault ended, status {self._process.returncode}\n{_tail(self._leash.directory)}")
            if time.monotonic() > deadline:
                raise LoopbackError(f"Vault did not serve in {_START_TIMEOUT_S:.0f} s\n{_tail(self._leash.directory)}")
            time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._leash is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._leash.let_go()
        self._process = None


def _launch(binary: Path, directory: Path, port: int) -> subprocess.Popen[bytes]:
    with (directory / "vault.log").open("ab") as log:
        return subprocess.Popen(
            [str(binary), "-data", str(directory), "-address", f"{HOST}:{port}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C at the terminal is ours to answer
        )


def _tail(directory: Path) -> str:
    return "\n".join((directory / "vault.log").read_text(errors="replace").splitlines()[-20:])
