"""Our registry client and credentials: how it authenticates, and that nothing of it shows."""

import base64
import io
import logging
import secrets
import traceback

import httpx
import pytest
from rich.console import Console
from rich.traceback import Traceback

from registry.client import RegistryClient
from registry.devserver import DevRegistry, Fault
from registry.errors import RegistryError, RegistryRefused, SchemaNotFound
from registry.settings import RegistrySettings


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def asks(**settings):
    """Whether a client with these settings gets as far as being told that there is no such schema."""
    with RegistryClient(RegistrySettings(**settings), deadline=5.0) as client, pytest.raises(SchemaNotFound):
        client.schema(1)
    return True


class TestAuthentication:
    def test_user_and_password_from_the_settings(self):
        with DevRegistry(authorization=basic("user", "pass:wörd")) as registry:
            assert asks(url=registry.url, basic_auth_user_info="user:pass:wörd")

    def test_user_and_password_from_the_url(self):
        with DevRegistry(authorization=basic("us@er", "p/w")) as registry:
            assert asks(url=registry.url.replace("://", "://us%40er:p%2Fw@"))

    def test_a_bearer_token(self):
        with DevRegistry(authorization="Bearer abc.def") as registry:
            assert asks(url=registry.url, bearer_auth_token="abc.def")

    def test_none_by_default_and_none_from_the_environment(self, monkeypatch, tmp_path):
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password word\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with DevRegistry(authorization=basic("user", "word")) as registry, pytest.raises(RegistryRefused):
            asks(url=registry.url)

    def test_a_proxy_in_the_environment_is_not_used(self, monkeypatch):
        with DevRegistry() as proxy, DevRegistry() as registry:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            assert asks(url=registry.url)
            assert not proxy.requests

    def test_credentials_in_one_url_are_not_shown_to_the_other(self):
        expected = basic("user", "one")
        with DevRegistry() as first, DevRegistry(authorization=expected) as second:
            first.faults.append(Fault(status=503))
            with pytest.raises(RegistryRefused):
                asks(url=f"{first.url.replace('://', '://user:one@')},{second.url}")


FAILURES = {
    "unknown id": [],
    "unavailable": [Fault(status=503)] * 100,
    "reset": [Fault(cut=True)] * 100,
    "refused": [Fault(status=401, body=b"{}")],
    "forbidden": [Fault(status=403, body=b"{}")],
    "rejected": [Fault(status=422, body=b'{"error_code": 42201, "message": "no"}')],
    "redirected": [Fault(status=302, headers={"Location": "http://127.0.0.1:1/"})],
    "not JSON": [Fault(status=200, body=b"<html>")],
    "wrong shape": [Fault(status=200, body=b'{"schema": 1}')],
}


class TestNothingShows:
    """A planted user, password and token, looked for as they are, and as the header carries them."""

    @pytest.fixture(params=["user info", "url", "token"])
    def planted(self, request):
        user, password = f"u{secrets.token_hex(8)}", secrets.token_hex(16)
        self.traces = [user, password, base64.b64encode(f"{user}:{password}".encode()).decode()]
        with DevRegistry() as self.registry:
            if request.param == "user info":
                yield {"url": self.registry.url, "basic_auth_user_info": f"{user}:{password}"}
            elif request.param == "url":
                yield {"url": self.registry.url.replace("://", f"://{user}:{password}@")}
            else:
                yield {"url": self.registry.url, "bearer_auth_token": password}

    def assert_hidden(self, text):
        assert text
        assert not [trace for trace in self.traces if trace in text]

    @pytest.mark.parametrize("failure", FAILURES)
    def test_in_no_error_nor_in_what_led_to_it(self, planted, failure):
        self.registry.faults.extend(FAILURES[failure])
        error = failed_with(planted)
        assert error.__cause__ is None
        assert not isinstance(error.__context__, httpx.HTTPError | httpx.InvalidURL | ValueError)
        self.assert_hidden(f"{error} {error!r} {error.args} {vars(error)}")
        self.assert_hidden("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))

    @pytest.mark.parametrize("failure", ["unavailable", "rejected"])
    def test_not_even_in_a_rich_traceback_with_all_local_variables(self, planted, failure):
        self.registry.faults.extend(FAILURES[failure])
        error = failed_with(planted)
        shown = Traceback.from_exception(
            type(error), error, error.__traceback__, show_locals=True, locals_max_string=None, locals_max_length=None
        )
        console = Console(file=io.StringIO(), width=10_000)
        console.print(shown)
        assert "locals" in console.file.getvalue()
        self.assert_hidden(console.file.getvalue())

    @pytest.mark.parametrize("failure", FAILURES)
    def test_in_no_log_line_at_debug_level(self, planted, failure, caplog, capsys):
        self.registry.faults.extend(FAILURES[failure])
        caplog.set_level(logging.DEBUG)
        logging.getLogger(__name__).debug("the log is being read")
        failed_with(planted, deadline=0.7)  # long enough for retries, which are logged
        captured = capsys.readouterr()
        self.assert_hidden(caplog.text + captured.out + captured.err)
        assert "Authorization" not in caplog.text + captured.out + captured.err

    def test_in_no_log_line_of_the_http_library_even_when_somebody_turns_it_up(self, planted, caplog):
        with RegistryClient(RegistrySettings(**planted)) as client:
            for name in ("httpx", "httpcore"):
                caplog.set_level(logging.DEBUG, logger=name)
            with pytest.raises(SchemaNotFound):
                client.schema(1)
        self.assert_hidden(caplog.text)

    def test_response_headers_are_not_logged_either(self, planted, caplog):
        cookie = secrets.token_hex(16)
        self.registry.faults.append(Fault(status=401, headers={"Set-Cookie": cookie}, body=b"{}"))
        caplog.set_level(logging.DEBUG)
        failed_with(planted)
        assert cookie not in caplog.text

    def test_in_no_repr(self, planted):
        settings = RegistrySettings(**planted)
        with RegistryClient(settings) as client:
            self.assert_hidden(f"{settings!r} {settings} {settings.endpoints!r} {client!r}")


def failed_with(planted, deadline=0.3):
    """The error of one call, with frames of the registry package only: the tests' own hold what was planted."""
    settings = RegistrySettings(**planted)
    with RegistryClient(settings, deadline=deadline) as client:
        try:
            client.schema(1)
        except RegistryError as error:
            return error.with_traceback(error.__traceback__.tb_next)
    raise AssertionError("the call was to fail")
