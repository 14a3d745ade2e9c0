"""A real Apache Kafka broker on loopback, for tests, `streamveil demo` and `streamveil dev`.

One KRaft node, broker and controller in one process, started from Kafka's own jars. There is no Docker path:
Python is enough, with a Maven repository in reach the first time (docs/adr/0001).
"""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from connector.loopback.errors import LoopbackError
from connector.loopback.jars import kafka_jars
from connector.loopback.java import find_java
from connector.loopback.leash import Leash
from connector.loopback.ports import HOST, free_ports

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0
_LOG_TAIL_LINES = 30

# For a fast start and a small process: a single node needs neither the optimizing compiler nor a large heap.
_JVM_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": "data",
    # After SIGKILL the next start has to wait until the session of the dead broker is over.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # A topic that nobody created is a mistake to be seen.
    "auto.create.topics.enable": "false",
    # Records keep the timestamps they were produced with, and tests use old ones.
    "log.retention.ms": "-1",
    "group.initial.rebalance.delay.ms": "0",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
}

_CONFIG = "server.properties"
_LOG = "broker.log"
_LOG4J = "log4j2.properties"
_LOG4J_CONFIG = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
"""


class Broker:
    """A broker whose address is known from the start and stays the same over every restart.

    `with Broker() as broker:` starts it and, at the end, stops it and removes its data. `config_overrides`
    are broker properties that go before the built-in ones. Not for use by two threads at once. Neither the
    broker nor its data outlive this process, even when this process is killed.
    """

    def __init__(self, config_overrides: Mapping[str, str] = MappingProxyType({})) -> None:
        self._port, controller_port = free_ports(2)
        self._properties = {
            **_PROPERTIES,
            "listeners": f"PLAINTEXT://{HOST}:{self._port},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self._port}",
            "controller.quorum.voters": f"1@{HOST}:{controller_port}",
            **config_overrides,
        }
        self._leash: Leash | None = None  # there from the first start to stop, with the data
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self._port}"

    def start(self) -> None:
        """Starts the broker, after `kill` on the data that it left, and blocks until it answers (3 to 4 s).

        The first time on a machine it also fetches the jars (`connector.loopback.jars`). Raises
        `LoopbackError`, with the end of the broker's log, when the broker ends or gives no answer in 60 s.
        """
        if self._process is not None:
            raise LoopbackError("the broker is already started")
        java = _java_command()
        try:
            if self._leash is None:
                self._leash = Leash(Path(tempfile.mkdtemp(prefix="streamveil-kafka-")))
                _format_storage(java, self._leash.directory, self._properties)
            self._process = _launch(java, self._leash.directory)
            self._leash.hold(self._process.pid)
            self._await_answer(self._process, self._leash.directory)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shuts the broker down and removes its data; does nothing when it is not started."""
        self._end(signal.SIGTERM)
        if self._leash is not None:
            self._leash.close()
            self._leash = None

    def kill(self) -> None:
        """Ends the broker by SIGKILL, as a crash would. Its data stay, for `start`."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Shuts the broker down and starts it again, on the same address and data."""
        self._end(signal.SIGTERM)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

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

    def _await_answer(self, process: subprocess.Popen[bytes], directory: Path) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not (_accepts(self._port) and _answers(self.bootstrap_servers)):
            if process.poll() is not None:
                raise LoopbackError(f"Kafka ended at start, status {process.returncode}\n{_tail(directory)}")
            if time.monotonic() > deadline:
                raise LoopbackError(f"Kafka gave no answer in {_START_TIMEOUT_S:.0f} s\n{_tail(directory)}")
            time.sleep(0.05)


def _java_command() -> list[str]:
    logging = f"-Dlog4j2.configurationFile={_LOG4J}"
    return [str(find_java()), *_JVM_OPTIONS, logging, "-cp", f"{kafka_jars()}/*"]


def _format_storage(java: Sequence[str], directory: Path, properties: Mapping[str, str]) -> None:
    (directory / _CONFIG).write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    (directory / _LOG4J).write_text(_LOG4J_CONFIG)
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    format_storage = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config", _CONFIG]
    done = subprocess.run(  # noqa: S603  our own arguments
        [*java, *format_storage], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise LoopbackError(f"Kafka's storage cannot be formatted:\n{_last_lines(done.stdout)}")


def _launch(java: Sequence[str], directory: Path) -> subprocess.Popen[bytes]:
    with (directory / _LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own arguments
            [*java, "kafka.Kafka", _CONFIG],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C at the terminal is ours to answer
        )


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _answers(bootstrap_servers: str) -> bool:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    with suppress(KafkaException):
        return bool(admin.list_topics(timeout=5).brokers)
    return False


def _tail(directory: Path) -> str:
    return _last_lines((directory / _LOG).read_text(errors="replace"))


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-_LOG_TAIL_LINES:])
