"""One call of ours to Vault by way of hvac, which knows the paths and the bodies; the rest of hvac is not used.

hvac's own adapters follow redirects to any host, retry nothing, and raise exceptions that hold the answer. This one
hands each request to a function, and turns the answer into its JSON or into an error of `vault.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hvac.adapters import Adapter

from vault.errors import VaultConflict, VaultError, VaultNotFound, VaultProtocolError, VaultRefused, VaultRejected
from vault.transport import Answer, Request

_OTHER_VERSION = "check-and-set parameter did not match"
_NO_SUCH_KEY = ("encryption key not found", "not supported for this operation")


class Denied(VaultRefused):
    """Vault answers 403: the token is not valid, or its policies do not allow this. Which of the two is not said."""


class Conversation(Adapter):  # type: ignore[misc]  # hvac has no types
    """An adapter of hvac's for the requests of one call. ``repeated`` says whether one of them was sent again."""

    def __init__(self, send: Callable[[Request], Answer]) -> None:
        self._send = send
        self.repeated = False

    def request(
        self, method: str, url: str, headers: Any = None, raise_exception: bool = True, **arguments: Any
    ) -> Any:
        """The JSON of a success, None where it has none; raises the error that any other status stands for."""
        body = arguments.get("json")
        given = None if body is None else {key: value for key, value in body.items() if value is not None}
        request = Request(method.upper(), url, given)
        answer = self._send(request)
        self.repeated = self.repeated or answer.repeated
        problem = _problem(request, answer)
        if problem is not None:
            raise problem
        return answer.content

    def get_login_token(self, response: Any) -> Any:
        """What hvac asks for after a login that is to keep its token. Ours are kept elsewhere."""
        return response


def _problem(request: Request, answer: Answer) -> VaultError | None:
    if answer.is_success:
        return None
    if not isinstance(answer.content, Mapping):
        return VaultProtocolError(f"{request}: not an answer of Vault (status {answer.status}): is vault.url right?")
    where = f"{request}: status {answer.status}"
    said = _said(answer.content)
    if answer.status == 403:
        return Denied(f"{where}: Vault denies permission")
    if answer.status == 404:
        return VaultNotFound(f"{where}: Vault has nothing there")
    if answer.status == 400:
        if "batch_results" in (answer.content.get("data") or {}):
            return None
        if _OTHER_VERSION in said:
            return VaultConflict(f"{where}: the secret is at another version")
        if any(text in said for text in _NO_SUCH_KEY):
            return VaultNotFound(f"{where}: Vault has no such Transit key")
    return VaultRejected(f"{where}: Vault rejects the request")


def _said(content: Mapping[str, Any]) -> str:
    """Vault's own words, to tell one 400 from another. They are shown nowhere: they may quote what was sent."""
    errors = content.get("errors")
    return " ".join(text for text in errors if isinstance(text, str)) if isinstance(errors, list) else ""
