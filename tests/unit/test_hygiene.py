"""What a process does for its secrets before it has any."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from connector.config import Need, load
from tests.unit.configuring import LEAST, RING

_ROOT = Path(__file__).parents[2]
_LOOK = """
import ctypes, resource, sys
from connector.cli import main
sys.argv = ["streamveil", "--version"]
try:
    main()
except SystemExit:
    pass
PR_GET_DUMPABLE = 3
print(resource.getrlimit(resource.RLIMIT_CORE))
print(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) if sys.platform == "linux" else 0)
"""
_FORGET = """
import os, subprocess
from connector.hygiene import forget_variables
forget_variables(["RING", "NOT_THERE"])
print("RING" in os.environ, "KEPT" in os.environ)
print(subprocess.run(["env"], capture_output=True, text=True).stdout)
print(open("/proc/self/environ").read().replace("\\0", "\\n") if os.path.exists("/proc") else "")
"""
_TASK = """
import os, pathlib, sys, threading
from connector import service
from connector.record import Stop

class Broken:
    def __del__(self):
        raise ValueError("cannot drop ada@example.com")

def build(connector, closing):
    def fail():
        raise RuntimeError("cannot handle ada@example.com")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Broken()
    raise Stop("enough")

if sys.argv[2] == "unreadable":
    def load(*_, **__):
        raise LookupError("cannot read ada@example.com")
    service.load = load
service._child(sys.argv[1], build, os.getppid(), 0)
"""
_TASKS = """
import sys
from multiprocessing import resource_tracker
from pathlib import Path
from connector import service
from connector.config import Need, load
from connector.record import Stop

def build(connector, closing):
    raise Stop(f"the ring has version {connector.rings['ring'].writing_version}")

if __name__ == "__main__":
    service.run(load(Path(sys.argv[1]), need=Need.SERVICE), build)
    for process in (resource_tracker._resource_tracker._pid, "self"):
        environment = Path(f"/proc/{process}/environ")
        print(environment.read_text() if environment.exists() else "KEPT=yes")
"""


def _python(program: str, **variables: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_the_command_allows_no_core_dump_and_nobody_to_read_its_memory() -> None:
    assert _python(_LOOK)[-2:] == ["(0, 0)", "0"]


def test_a_variable_that_held_a_secret_is_gone_from_the_process_and_its_children() -> None:
    said = _python(_FORGET, RING="secret-of-the-ring", KEPT="yes")

    assert said[0] == "False True"
    assert "KEPT=yes" in said
    assert not [line for line in said if "secret-of-the-ring" in line]


def _task(tmp_path: Path, what: str) -> tuple[int, str]:
    document = tmp_path / "connector.json"
    document.write_text(json.dumps(LEAST))
    done = subprocess.run(
        [sys.executable, "-c", _TASK, str(document), what], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_task_shows_no_text_of_an_error_in_a_thread_or_where_nobody_can_catch_it(tmp_path: Path) -> None:
    status, said = _task(tmp_path, "readable")

    assert status == 1
    assert "an unforeseen error: RuntimeError\nstreamveil: an unforeseen error: ValueError\n" in said
    assert "ada" not in said


def test_a_task_shows_no_text_of_an_error_that_nobody_foresaw_while_it_loads(tmp_path: Path) -> None:
    status, said = _task(tmp_path, "unreadable")

    assert status == 70
    assert "an unforeseen error: LookupError" in said
    assert "ada" not in said


def test_tasks_have_their_secrets_and_no_other_process_of_the_service_does(tmp_path: Path) -> None:
    program, document = tmp_path / "program.py", tmp_path / "connector.json"
    program.write_text(_TASKS)
    ring = {"keys": "ring", "keys.ring.provider": "env", "keys.ring.variable": "RING"}
    document.write_text(json.dumps({**LEAST, **ring, "tasks.max": "2"}))
    done = subprocess.run(
        [sys.executable, str(program), str(document)],
        cwd=_ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(_ROOT), "RING": RING, "KEPT": "yes"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr.count("the ring has version 1") == 2
    assert done.stdout.count("KEPT=yes") == 2
    assert RING not in done.stdout


def test_the_variables_of_key_rings_and_passwords_are_known_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEYS", "PASSWORD", "USER_INFO", "SERVERS"):
        monkeypatch.setenv(name, RING if name == "KEYS" else "a:1")
    config = {
        **LEAST,
        "bootstrap.servers": "${env:SERVERS}",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.username": "me",
        "kafka.sasl.password": "${env:PASSWORD}",
        "schema.registry.basic.auth.user.info": "${env:USER_INFO}",
        "keys": "ring",
        "keys.ring.provider": "env",
        "keys.ring.variable": "KEYS",
    }

    assert load(config, need=Need.SERVICE).secret_variables == {"KEYS", "PASSWORD", "USER_INFO"}


def test_what_was_loaded_still_has_its_secrets_after_their_variables_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", RING)
    config = {**LEAST, "keys": "ring", "keys.ring.provider": "env", "keys.ring.variable": "KEYS"}
    connector = load(config, need=Need.SERVICE)

    monkeypatch.delenv("KEYS")

    assert len(connector.rings["ring"].subkey("hmac", "d", 32)) == 32


@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_of_secrets_that_every_user_may_read_is_noticed(tmp_path: Path, mode: int, exposed: bool) -> None:
    file = tmp_path / "secrets.properties"
    file.write_text("password=pw\nservers=broker:9092\n")
    file.chmod(mode)
    config = {
        **LEAST,
        "bootstrap.servers": f"${{file:{file}:servers}}",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.username": "me",
        "kafka.sasl.password": f"${{file:{file}:password}}",
    }

    assert load(config, need=Need.SERVICE).exposed_files == ({file} if exposed else set())


def test_a_file_that_every_user_may_read_may_hold_what_is_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "servers.properties"
    file.write_text("servers=broker:9092\n")
    file.chmod(0o644)

    config = {**LEAST, "bootstrap.servers": f"${{file:{file}:servers}}"}

    assert load(config, need=Need.SERVICE).exposed_files == set()
