"""Vault's HTTP API called by hand, as the conformance tests call it."""

import base64
import secrets
import ssl
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Answer:
    """One answer: the HTTP status and the parts of Vault's envelope."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        return self.body["data"]

    @property
    def auth(self) -> dict[str, Any]:
        return self.body["auth"]

    @property
    def errors(self) -> list[str]:
        return self.body["errors"]


class Api:
    """The HTTP API with one token; `mounted` makes mounts of the tests' own, which `close` removes."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.own = f"streamveil-conformance-{secrets.token_hex(6)}"
        self.transit, self.kv, self.approle = (f"{self.own}/{kind}" for kind in ("transit", "kv", "approle"))
        self._policies: list[str] = []
        # Loading the public authorities takes longer than a test.
        context = httpx.create_ssl_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(base_url=url, trust_env=False, verify=context, timeout=30)

    def __call__(self, method: str, path: str, body: Any = None, token: str | None = None, **query: str) -> Answer:
        headers = {"X-Vault-Token": self.token if token is None else token}
        answer = self._http.request(method, f"/v1/{path}", json=body, headers=headers, params=query)
        return Answer(answer.status_code, answer.json() if answer.content else {})

    def send(self, method: str, path: str, content: bytes) -> Answer:
        """A body that need not be JSON."""
        answer = self._http.request(method, f"/v1/{path}", content=content, headers={"X-Vault-Token": self.token})
        return Answer(answer.status_code, answer.json())

    def did(self, method: str, path: str, body: Any = None, token: str | None = None) -> Answer:
        """A request that must succeed."""
        answer = self(method, path, body, token)
        assert answer.status < 300, answer
        return answer

    def name(self) -> str:
        return f"n-{secrets.token_hex(6)}"

    def policy(self, text: str) -> str:
        """A new policy; its name."""
        name = f"{self.own}-{secrets.token_hex(4)}"
        self._policies.append(name)
        self.did("PUT", f"sys/policies/acl/{name}", {"policy": text})
        return name

    def token_for(self, *rules: tuple[str, list[str]]) -> str:
        """A token that may do only what the rules say: pairs of path and capabilities."""
        text = "\n".join(f'path "{path}" {{ capabilities = {capabilities} }}' for path, capabilities in rules)
        return self.token_with(self.policy(text.replace("'", '"')))

    def token_with(self, *policies: str, **more: Any) -> str:
        """A token with these policies, `default` not among them."""
        asked = {"policies": list(policies), "no_default_policy": True, "ttl": "10m", **more}
        return self.did("POST", "auth/token/create", asked).auth["client_token"]

    def mount(self) -> None:
        self.did("POST", f"sys/mounts/{self.transit}", {"type": "transit"})
        self.did("POST", f"sys/mounts/{self.kv}", {"type": "kv", "options": {"version": "2"}})
        self.did("POST", f"sys/auth/{self.approle}", {"type": "approle"})
        while self("GET", f"{self.kv}/config").status == 400:
            continue  # a fresh mount of KV version 2 sets itself up first

    def close(self) -> None:
        self.did("DELETE", f"sys/mounts/{self.transit}")
        self.did("DELETE", f"sys/mounts/{self.kv}")
        self.did("DELETE", f"sys/auth/{self.approle}")
        for name in self._policies:
            self.did("DELETE", f"sys/policies/acl/{name}")
        self._http.close()


def text(data: bytes) -> str:
    """As Vault wants bytes: base64."""
    return base64.b64encode(data).decode()
