"""What the development Vault can do that no real one does: fail on purpose, and tell what it was asked."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest

from vault.devserver import DevVault, Fault

PAGE = Path(__file__).parents[2] / "docs" / "dev-vault.md"
PLAINTEXT = {"plaintext": "c2VjcmV0"}


class Client:
    def __init__(self, vault: DevVault) -> None:
        self.vault = vault
        self.http = httpx.Client(trust_env=False, verify=False)

    def __call__(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-Vault-Token": self.vault.root_token}
        return self.http.request(method, f"{self.vault.url}/v1/{path}", json=body, headers=headers)


@pytest.fixture
def vault() -> Iterator[DevVault]:
    with DevVault() as started:
        yield started


@pytest.fixture
def ask(vault: DevVault) -> Client:
    client = Client(vault)
    client("POST", "transit/keys/k", {})
    return client


@pytest.mark.parametrize("status", [403, 412, 429, 472, 473, 500, 503])
def test_a_status_can_be_injected_for_the_next_requests(vault: DevVault, ask: Client, status: int) -> None:
    vault.inject(Fault(status, times=2, headers={"Retry-After": "1"}))

    answers = [ask("POST", "transit/encrypt/k", PLAINTEXT) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["Retry-After"] == "1"


def test_a_fault_can_be_for_some_paths_only(vault: DevVault, ask: Client) -> None:
    vault.inject(Fault(503, path="transit/encrypt/*", times=None))

    assert ask("GET", "transit/keys/k").status_code == 200
    assert [ask("POST", "transit/encrypt/k", PLAINTEXT).status_code for _ in range(3)] == [503] * 3

    vault.heal()
    assert ask("POST", "transit/encrypt/k", PLAINTEXT).status_code == 200


def test_an_answer_can_be_slow(vault: DevVault, ask: Client) -> None:
    vault.inject(Fault(delay=0.1))
    began = time.monotonic()

    assert ask("GET", "transit/keys/k").status_code == 200
    assert time.monotonic() - began >= 0.1


def test_a_connection_can_be_cut_before_its_answer(vault: DevVault, ask: Client) -> None:
    vault.inject(Fault(cut=True))

    with pytest.raises(httpx.TransportError):
        ask("GET", "transit/keys/k")
    assert ask("GET", "transit/keys/k").status_code == 200


def test_a_stop_is_an_outage_that_keeps_address_and_state(vault: DevVault, ask: Client) -> None:
    url = vault.url
    vault.stop()
    with pytest.raises(httpx.TransportError):
        ask("GET", "transit/keys/k")

    vault.start()

    assert vault.url == url
    assert ask("GET", "transit/keys/k").status_code == 200


def test_requests_and_the_sizes_of_batches_are_counted(vault: DevVault, ask: Client) -> None:
    ask("POST", "transit/encrypt/k", {"batch_input": [PLAINTEXT] * 3})

    assert list(vault.requests) == ["POST transit/keys/k", "POST transit/encrypt/k"]
    assert list(vault.batches) == [("transit/encrypt/k", 3)]


@pytest.mark.parametrize(("items", "status"), [(499, 200), (500, 400)])
def test_a_request_with_more_than_1000_strings_is_refused_as_openbao_does(ask: Client, items: int, status: int) -> None:
    """Names count as well: 499 items of one name and one value, and `batch_input`, are 999 strings."""
    answer = ask("POST", "transit/encrypt/k", {"batch_input": [PLAINTEXT] * items})

    assert answer.status_code == status


def test_neither_a_body_nor_a_token_is_printed() -> None:
    out = io.StringIO()
    with redirect_stderr(out), redirect_stdout(out), DevVault() as vault:
        ask = Client(vault)
        ask("POST", "transit/encrypt/new", PLAINTEXT)
        ask("POST", "transit/encrypt/new", {"plaintext": 5})
        assert vault.root_token not in repr(vault)
        assert all("c2VjcmV0" not in line for line in vault.requests)

    assert out.getvalue() == ""


def test_it_listens_on_loopback_alone(vault: DevVault) -> None:
    assert vault.url.startswith("http://127.0.0.1:")


def test_each_has_a_root_token_of_its_own(vault: DevVault) -> None:
    with DevVault() as other:
        assert other.root_token != vault.root_token
        assert Client(other)("GET", "auth/token/lookup-self").json()["data"]["policies"] == ["root"]


def test_conditions_in_a_policy_are_refused_and_not_ignored(ask: Client) -> None:
    text = 'path "transit/encrypt/k" { capabilities = ["update"] required_parameters = ["context"] }'

    assert ask("PUT", "sys/policies/acl/p", {"policy": text}).status_code == 400


def test_what_its_page_shows_works() -> None:
    start, faults = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    shown: dict[str, Any] = {"Fault": Fault}

    exec(start.replace("port=8200", "port=0"), shown)  # a test does not take a port that others may want
    exec(faults, shown)

    assert "POST transit/keys/streamveil-tokens" in shown["vault"].requests
