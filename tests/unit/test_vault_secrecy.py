"""Our Vault client shows nothing: no token, no value, in no error, log line or repr, whatever Vault answers."""

from __future__ import annotations

import base64
import io
import logging
import pickle
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
import structlog
from rich.console import Console
from rich.traceback import Traceback

from tests.unit.vault_script import Reply, ScriptedVault, logged_in
from vault.client import VaultClient
from vault.errors import VaultError
from vault.settings import VaultSettings

ENCRYPT, DECRYPT = "POST transit/encrypt/k", "POST transit/decrypt/k"
LOGIN = "POST auth/approle/login"


class Planted:
    """A token, credentials and values, each once in this test; and all the forms in which they travel."""

    def __init__(self) -> None:
        self.token, self.role, self.secret = (secrets.token_hex(12) for _ in range(3))
        self.value = secrets.token_hex(12)
        self.ciphertext = f"vault:v1:{secrets.token_hex(12)}"
        self.answer = secrets.token_hex(12)

    def in_text(self, text: str) -> list[str]:
        encoded = base64.b64encode(self.value.encode()).decode()
        return [each for each in (*vars(self).values(), encoded) if each in text]


@pytest.fixture
def planted():
    return Planted()


@pytest.fixture
def vault(planted):
    with serving(planted) as vault:
        yield vault


@contextmanager
def serving(planted: Planted) -> Iterator[ScriptedVault]:
    """A Vault whose AppRole login gives the planted token."""
    with ScriptedVault() as vault:
        vault.valid = {planted.token}
        vault.on(LOGIN, lambda _: logged_in(planted.token))
        yield vault


def quoting(planted: Planted, status: int) -> Reply:
    """An error that quotes everything that was sent, as some of Vault's do."""
    said = f"{planted.token} {planted.value} {planted.ciphertext} {planted.answer} {planted.secret}"
    return Reply(status, {"errors": [said], "data": {"said": said}})


def failures(planted: Planted) -> dict[str, dict[str, list[Reply]]]:
    """What may go wrong, as replies by path."""

    def at_both(*replies: Reply) -> dict[str, list[Reply]]:
        return {ENCRYPT: [*replies] * 50, DECRYPT: [*replies] * 50}

    garbage = f"<html>{planted.answer}".encode()
    return {
        "rejected": at_both(quoting(planted, 400)),
        "denied": at_both(quoting(planted, 403)),
        "not found": at_both(quoting(planted, 404)),
        "unavailable": at_both(quoting(planted, 503)),
        "reset": at_both(Reply(reset=True)),
        "redirected": at_both(Reply(307, headers={"Location": f"http://127.0.0.1:1/{planted.answer}"})),
        "not JSON": at_both(Reply(200, garbage)),
        "not JSON, and an error": at_both(Reply(400, garbage)),
        "wrong shape": at_both(Reply(200, {"data": {"batch_results": [{"ciphertext": [planted.answer]}]}})),
        "no batch": at_both(Reply(200, {"data": planted.answer})),
        "a header that is none": at_both(Reply(200, {}, headers={"Content-Length": f"x{planted.answer}"})),
        "login refused": {LOGIN: [quoting(planted, 400)]},
        "login of no shape": {LOGIN: [Reply(200, {"auth": {"client_token": f"{planted.token}\n"}})]},
        "login unavailable": {LOGIN: [quoting(planted, 500)] * 50},
    }


FAILURES = list(failures(Planted()))


def settings_of(vault: ScriptedVault, planted: Planted) -> VaultSettings:
    return vault.settings(auth="approle", approle_role_id=planted.role, approle_secret_id=planted.secret)


@dataclass
class Failed:
    """The errors of the calls that carry values, and everything that was logged or printed meanwhile."""

    planted: Planted
    errors: list[VaultError]
    logged: str


@pytest.fixture(scope="module", params=FAILURES)
def failed(request):
    planted = Planted()
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with structlog.testing.capture_logs() as events, serving(planted) as vault:
        for path, replies in failures(planted)[request.param].items():
            vault.then(path, *replies)
        errors = list(errors_of_both(vault, planted))
    root.removeHandler(handler)
    root.setLevel(level)
    return Failed(planted, errors, f"{lines.getvalue()} {events}")


def errors_of_both(vault: ScriptedVault, planted: Planted) -> Iterator[VaultError]:
    """Each with the frames of the package only: the test's own hold what is planted."""
    with VaultClient(settings_of(vault, planted), deadline=0.6) as client:
        for call, items in (
            (partial(client.encrypt, key_version=1), [planted.value.encode()]),
            (client.decrypt, [planted.ciphertext]),
        ):
            try:
                call("k", items * 300, context=b"c")
            except VaultError as error:
                yield error.with_traceback(error.__traceback__.tb_next)


class TestErrors:
    def test_leave_the_package(self, failed):
        assert failed.errors

    def test_have_nothing_behind_them(self, failed):
        assert {(error.__cause__, error.__context__) for error in failed.errors} == {(None, None)}

    def test_show_nothing_themselves_nor_in_the_local_variables_that_led_to_them(self, failed):
        for error in failed.errors:
            shown = f"{error} {error!r} {error.args} {vars(error)}"
            shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            assert not failed.planted.in_text(shown)

    def test_show_nothing_in_a_rich_traceback_with_all_local_variables(self, failed):
        everything = {"show_locals": True, "locals_max_string": None, "locals_max_length": None}
        for error in failed.errors:
            console = Console(file=io.StringIO(), width=10_000)
            console.print(Traceback.from_exception(type(error), error, error.__traceback__, **everything))
            assert not failed.planted.in_text(console.file.getvalue())

    def test_show_nothing_in_any_object_within_reach(self, failed):
        for error in failed.errors:
            assert not [each for each in reachable(error) if failed.planted.in_text(each)]

    def test_show_nothing_in_a_log_at_debug_level(self, failed):
        assert not failed.planted.in_text(failed.logged)


def reachable(error: BaseException) -> Iterator[str]:
    """Every text and every bytes that hang on an exception: args, attributes, what led to it, locals of its frames."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        match each:
            case str():
                yield each
            case bytes() | bytearray():
                yield each.decode("latin-1")
            case BaseException():
                waiting += [each.__context__, each.__cause__, *each.args, vars(each)]
                trace = each.__traceback__
                while trace is not None:
                    waiting.append(trace.tb_frame.f_locals)
                    trace = trace.tb_next
            case dict():
                waiting += [*each.keys(), *each.values()]
            case list() | tuple() | set() | frozenset():
                waiting += each


class TestOtherwise:
    def test_no_repr_shows_a_token(self, vault, planted):
        settings = settings_of(vault, planted)
        with VaultClient(settings) as client:
            facts = client.lookup_self()
            held = [settings, client, facts, client._access.lease, client._access, client._transport, client._renewer]
            assert not planted.in_text(" ".join(f"{each!r} {each}" for each in held))

    def test_a_refused_item_shows_nothing_of_itself(self, vault, planted):
        refused = {"data": {"batch_results": [{"error": planted.ciphertext}]}}
        vault.on(DECRYPT, lambda _: Reply(400, refused))
        with VaultClient(settings_of(vault, planted)) as client:
            (found,) = client.decrypt("k", [planted.ciphertext], context=None)
        assert not planted.in_text(f"{found!r} {vars(type(found))}")
        with pytest.raises(TypeError):
            pickle.dumps(found)

    def test_the_http_library_logs_no_path_even_when_somebody_turns_the_root_logger_up(self, vault, planted, caplog):
        caplog.set_level(logging.DEBUG)
        with VaultClient(settings_of(vault, planted)) as client:
            client.lookup_self()
        assert "urllib3" not in caplog.text

    def test_a_fault_of_ours_is_named_by_its_class_alone(self, vault, planted, monkeypatch):
        def broken(*_: object) -> None:
            raise ValueError(planted.value)

        monkeypatch.setattr("vault.client.cut", broken)
        with VaultClient(settings_of(vault, planted)) as client, pytest.raises(VaultError) as caught:
            client.encrypt("k", [planted.value.encode()], context=None, key_version=1)
        assert "ValueError" in str(caught.value)
        assert caught.value.__context__ is None
        assert not planted.in_text(str(caught.value))
