"""The audit: who had tokens resolved or subjects forgotten, when and why; never a value.

A record is one JSON object. It is acknowledged by every replica of `audit.topic`, or `audit.file` is synced to disk,
before whoever wrote it goes on. Nothing here makes anybody write one: whoever holds a key ring can do without.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from connector.config import Connector
from connector.logs import LibraryLog
from connector.record import Stop
from connector.topics import Topics
from transforms.outcome import Unavailable
from vault.client import VaultClient
from vault.errors import VaultError

_FLUSH_S = 30.0
_MODE = 0o600


class _Book(Protocol):
    def add(self, line: bytes) -> None:
        """Returns once the line is kept. Raises `Stop` where it may not be."""


class Audit:
    """Writes records that say who, when and why."""

    def __init__(self, book: _Book, who: Mapping[str, str], connector: str, reason: str) -> None:
        self._book = book
        self._common = {**who, "connector": connector, "reason": reason}

    def write(self, event: str, **facts: Any) -> None:
        """Write a record, and return when it is kept. Raises `Stop` where it may not be."""
        record = {"event": event, "at": now(), **self._common, **facts}
        self._book.add(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def audit_of(connector: Connector, vault: VaultClient | None, reason: str, closing: ExitStack) -> Audit:
    """The audit that a configuration names, for one command. Asks Vault who this is, where there is one.

    Raises `Stop` where nothing is named, or it cannot be used.
    """
    keys = connector.audit
    if keys.topic is not None:
        book: _Book = _Topic(connector, keys.topic)
    elif keys.file is not None:
        book = closing.enter_context(_File(keys.file))
    else:
        raise Stop("audit.topic or audit.file must say where it is recorded what is done here")
    return Audit(book, _who(vault), connector.name, reason)


def digest_of(lines: Iterable[str]) -> str:
    """SHA-256 of lines that each end in a line feed, in hex: as `sha256sum` has it."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")).hexdigest()


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _who(vault: VaultClient | None) -> dict[str, str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # an id that has no name
        user = ""
    who = {"os.user": user, "os.uid": str(os.getuid())}
    if vault is None:
        return who
    try:
        token = vault.lookup_self()
    except VaultError as problem:
        reason = str(problem)
    else:
        return {**who, "vault.entity": token.entity_id, "vault.accessor": token.accessor}
    raise Stop(f"Vault does not say who this is: {reason}")


class _File:
    """Lines at the end of a file that nobody else may read."""

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, _MODE)
        except (OSError, ValueError) as failure:
            reason = type(failure).__name__
        else:
            status = os.fstat(self._file)
            if stat.S_ISREG(status.st_mode) and not stat.S_IMODE(status.st_mode) & ~_MODE:
                return
            os.close(self._file)
            reason = f"it must be a regular file of mode {_MODE:04o}"
        raise Stop(f"audit.file cannot be written: {reason}")

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def add(self, line: bytes) -> None:
        try:
            written = os.write(self._file, line)
            os.fsync(self._file)
        except OSError as failure:
            reason = type(failure).__name__
        else:
            if written == len(line):
                return
            reason = "it was written in part"
        raise Stop(f"audit.file cannot be written: {reason}")


class _Topic:
    """Records without a key in a topic that is there."""

    def __init__(self, connector: Connector, topic: str) -> None:
        assert connector.service is not None  # noqa: S101  loaded for the service
        clients = connector.service.clients
        self._topic = topic
        self._there = Topics(AdminClient({**clients.admin.reveal(), "log_level": 0}))
        self._settings = {
            **clients.producer.reveal(),
            "acks": "all",
            "enable.idempotence": True,
            "allow.auto.create.topics": False,
            **LibraryLog("audit").settings(),
        }

    def add(self, line: bytes) -> None:
        try:
            if self._topic not in self._there.describe([self._topic]):
                raise Stop(f"audit.topic {self._topic} does not exist")
        except Unavailable as problem:
            reason = str(problem)
        else:
            reason = self._refusal(line)
        if reason:
            raise Stop(f"audit.topic {self._topic} cannot be written: {reason}")

    def _refusal(self, line: bytes) -> str:
        """Why the record may not have been kept, empty where it was."""
        answers: list[KafkaError | None] = []

        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            answers.append(error)

        producer = Producer(self._settings)
        try:
            producer.produce(self._topic, line.rstrip(b"\n"), on_delivery=on_delivery)
            left = producer.flush(_FLUSH_S)
        except KafkaException as raised:
            return str(raised.args[0].name())
        if left or not answers:
            producer.purge()
            return "Kafka does not answer"
        return answers[0].name() if answers[0] is not None else ""
