"""What the command shows of an error that nobody foresaw: its class name, and nothing of a record."""

from __future__ import annotations

import threading

import pytest

from connector import apply, cli, logs
from tests.unit.commands import MASK, Folder, streamveil


@pytest.fixture(autouse=True)
def _no_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command would send this process's logs to a standard error that is gone after it."""
    monkeypatch.setattr(logs, "configure", lambda **_: None)


def test_an_unforeseen_error_is_a_class_name_and_status_70(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        email = "ada@example.com"
        raise RuntimeError(f"cannot handle {email}")

    monkeypatch.setattr(apply, "apply_lines", fail)
    monkeypatch.setattr("sys.argv", ["streamveil", "apply", folder.connector({"mask": MASK})])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capfd.readouterr()
    assert ended.value.code == 70
    assert shown.err == "streamveil: an unforeseen error: RuntimeError\n"
    assert shown.out == ""


def test_an_error_in_another_thread_is_a_class_name_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("cannot handle ada@example.com")

    def start_and_end() -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr("sys.unraisablehook", None)
    monkeypatch.setattr(cli, "app", lambda prog_name: start_and_end())
    cli.main()
    assert capfd.readouterr().err == "streamveil: an unforeseen error: RuntimeError\n"


def test_the_version_is_that_of_the_package() -> None:
    done = streamveil("--version")
    assert done.stdout.startswith("streamveil ")
    assert done.exit_code == 0
