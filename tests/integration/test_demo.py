"""`streamveil demo` and `streamveil dev`, as somebody runs them who has just installed the package."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from urllib.request import urlopen

from confluent_kafka.admin import AdminClient

_STREAMVEIL = [sys.executable, "-m", "connector.cli"]


def test_the_demo_shows_that_each_record_arrived_exactly_once() -> None:
    done = subprocess.run([*_STREAMVEIL, "demo"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "each exactly once" in done.stdout
    assert "killed (SIGKILL)" in done.stdout
    assert "exit status 0" in done.stdout
    audit = done.stdout.partition("The audit had it first:")[2].partition("The count")[0]
    assert '"count": 3' in audit
    assert "@example.com" not in audit


def test_dev_serves_kafka_a_registry_and_a_vault_until_it_is_interrupted() -> None:
    with subprocess.Popen([*_STREAMVEIL, "dev"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said and (line := process.stdout.readline()):
            said += line
        where = re.search(r"Kafka at (?P<kafka>\S+), schema registry at (?P<registry>\S+)", said)
        try:
            assert where is not None, said
            assert AdminClient({"bootstrap.servers": where["kafka"]}).list_topics(timeout=10).brokers
            assert urlopen(f"{where['registry']}/subjects").read() == b"[]"
            exported = dict(re.findall(r"export (VAULT_\w+)=(\S+)", said))
            create = [*_STREAMVEIL, "keys", "create", "pseudonyms"]
            subprocess.run(create, env={**os.environ, **exported}, timeout=60, check=True)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
