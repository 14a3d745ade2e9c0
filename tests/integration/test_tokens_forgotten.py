"""Tokens of mode=vault on real Kafka, with the commands as users run them: resolved by the few, and forgotten."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from connector.loopback.kafka import Broker
from tests.integration.clients import create_topic, read_committed, transactional_producer
from tests.integration.programs import Program, program
from tests.integration.workers import eventually, send
from transforms.token_vault import Mapped, Mapper, Subjects
from vault.keyring import Ring

_ROOT = Path(__file__).parents[2]
_REASON = ("--reason", "a test")


class Service:
    """A connector that tokenizes JSON values, with the files and topics around it."""

    def __init__(self, broker: Broker, directory: Path) -> None:
        self.address = broker.bootstrap_servers
        self.sources = [create_topic(self.address) for _ in range(2)]
        self.mapping = f"mapping-{uuid.uuid4().hex[:8]}"
        self.audit = directory / "audit.jsonl"
        self._ring = directory / "ring.json"
        self.keys = [secrets.token_bytes(32)]
        self._document = directory / "connector.json"
        self._write_ring()
        self.configure()

    def configure(self, **config: str) -> None:
        common = {
            "topics": ",".join(self.sources),
            "bootstrap.servers": self.address,
            "key.converter": "string",
            "value.converter": "json",
            "errors.deadletterqueue.topic.replication.factor": "1",
            "mapping.topic": self.mapping,
            "mapping.topic.replication.factor": "1",
            "audit.file": str(self.audit),
            "keys": "ring",
            "keys.ring.provider": "file",
            "keys.ring.path": str(self._ring),
            "tags.fields.EMAIL": "email",
            "transforms": "email",
            "transforms.email.type": "Tokenize",
            "transforms.email.tags": "EMAIL",
            "transforms.email.key": "ring",
            "transforms.email.mode": "vault",
            "transforms.email.subject.field": "id",
            "worker.id": "one",
        }
        document = {"name": self.sources[0], "config": {**common, **config}}
        self._document.write_text(
            json.dumps({**document, "config": {k: v for k, v in document["config"].items() if v}})
        )  # type: ignore[attr-defined]  # it is a dict

    def rotate(self) -> None:
        """Another version of the ring, which is written with from now on."""
        self.keys.append(secrets.token_bytes(32))
        self._write_ring()

    def _write_ring(self) -> None:
        self._ring.touch(mode=0o600)
        versions = {str(number): base64.b64encode(key).decode() for number, key in enumerate(self.keys, start=1)}
        self._ring.write_text(json.dumps({"current": len(self.keys), "versions": versions}))

    def send(self, source: str, *records: tuple[int, str]) -> None:
        send(self.address, source, *(json.dumps({"id": id_, "email": email}).encode() for id_, email in records))

    def run(self, *, until: int) -> None:
        """Runs it until that many records have come out of it, over all its runs."""
        with program(self._document) as running:
            eventually(lambda: self._is_done(running, until), f"{until} records are there")
            assert running.stop() == 0

    def _is_done(self, running: Program, wanted: int) -> bool:
        assert running.process.poll() is None, running.said()
        return len(self.out()) >= wanted

    def out(self) -> list[dict[str, Any]]:
        """The records that came out."""
        there = AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=30).topics
        sinks = [sink for source in self.sources if (sink := f"{source}.protected") in there]
        return [json.loads(m.value() or b"") for sink in sinks for m in read_committed(self.address, sink)]

    def tokens(self) -> dict[int, str]:
        """The last token of each id."""
        return {record["id"]: record["email"] for record in self.out()}

    def live(self) -> int:
        """How many mappings have no tombstone after them."""
        last = {message.key(): message.value() for message in read_committed(self.address, self.mapping)}
        return sum(1 for value in last.values() if value is not None)

    def command(
        self, name: str, *options: str, lines: Iterable[str] = (), before: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        """A command that has ended. `before` is what is done to `Forgetting` and others in its process first."""
        running = self.start(name, *options, lines=lines, before=before)
        out, errors = running.communicate(timeout=90)
        return subprocess.CompletedProcess(running.args, running.returncode, out, errors)

    def start(self, name: str, *options: str, lines: Iterable[str] = (), before: str = "") -> subprocess.Popen[bytes]:
        given = self._document.with_suffix(".lines")
        given.write_text("".join(f"{line}\n" for line in lines))
        program = (
            f"import os; from connector.forget import Forgetting; {before}\nfrom connector.cli import main; main()"
        )
        with given.open() as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", program, name, str(self._document), *options],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=_ROOT,
                env={**os.environ, "STREAMVEIL_LOG_LEVEL": "warning"},
            )

    def resolve(self, *tokens: str) -> list[str]:
        """What each token resolves to: the value, or the error in brackets."""
        done = self.command("resolve", *_REASON, lines=list(tokens))
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert [answer["token"] for answer in answers] == list(tokens)
        return [answer.get("value") or f"[{answer['error']}]" for answer in answers]

    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


@pytest.fixture
def service(broker: Broker, tmp_path: Path) -> Service:
    return Service(broker, tmp_path)


def test_tokens_resolve_across_topics_and_after_rotation_and_not_once_their_subject_is_forgotten(
    service: Service,
) -> None:
    one, two = service.sources
    service.send(one, (1, "ann@example.com"), (2, "bob@example.com"))
    service.send(two, (3, "bob@example.com"))
    service.run(until=3)
    first = service.tokens()
    assert first[2] == first[3] != first[1]
    assert service.resolve(first[1], first[2]) == ["ann@example.com", "bob@example.com"]

    service.rotate()
    service.send(one, (1, "ann@example.com"))
    service.run(until=4)
    second = service.tokens()
    assert second[1] != first[1]
    assert service.resolve(first[1], second[1], first[2]) == ["ann@example.com"] * 2 + ["bob@example.com"]

    done = service.command("forget", *_REASON, lines=["1"])
    assert (done.returncode, done.stdout) == (0, b"erased 0, still in the log 1\n"), done.stderr
    assert service.resolve(first[1], second[1], first[2]) == ["[unknown-token]"] * 2 + ["bob@example.com"]

    service.send(one, (1, "ann@example.com"), (4, "cyd@example.com"))
    service.run(until=6)
    third = service.tokens()
    assert third[1] == second[1], "the stream goes on"
    assert service.resolve(third[1], third[4]) == ["[unknown-token]", "cyd@example.com"]

    done = service.command("forget", *_REASON, lines=["2"])
    assert done.returncode == 0
    assert service.resolve(first[3]) == ["bob@example.com"], "it is the value of subject 3 as well"


def test_a_subject_is_erased_when_the_log_holds_nothing_of_it_any_more(service: Service) -> None:
    at_once = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "500"}
    create_topic(service.address, 1, {"cleanup.policy": "compact", **at_once}, name=service.mapping)
    service.send(service.sources[0], (1, "ann@example.com"), (2, "bob@example.com"))
    service.run(until=2)
    assert service.command("forget", *_REASON, lines=["1"]).returncode == 0
    assert [record["event"] for record in service.audited()] == ["forget requested"]

    def erased() -> bool:
        done = service.command("forget", *_REASON, "--check")
        assert done.returncode in (0, 4), done.stderr
        return done.returncode == 0

    eventually(erased, "the log was compacted")
    requested, last = service.audited()
    assert last["event"] == "forget erased"
    assert requested["subjects"] == last["subjects"]
    (left,) = (m for m in read_committed(service.address, service.mapping) if m.value() is not None)
    assert (left.key() or b"").startswith(service.tokens()[2].encode())


def test_a_forget_that_died_after_its_marker_is_completed_by_the_next(service: Service) -> None:
    service.send(service.sources[0], (1, "ann@example.com"))
    service.run(until=1)
    assert (
        service.command(
            "forget", *_REASON, lines=["1"], before="Forgetting.complete = lambda _: os._exit(9)"
        ).returncode
        == 9
    )
    assert service.live() == 1

    assert service.command("forget", *_REASON, "--check").returncode == 4
    assert service.live() == 0
    assert [record["event"] for record in service.audited()] == ["forget requested"]


def test_forget_waits_for_a_transaction_that_had_written_a_mapping_when_its_marker_came(service: Service) -> None:
    service.send(service.sources[0], (2, "bob@example.com"))
    service.run(until=1)
    ring = Ring({1: service.keys[0]}, 1)
    mapper = Mapper(ring, "EMAIL", 1)
    (token,) = mapper.tokens([b"ann@example.com"])
    assert isinstance(token, Mapped)
    along = mapper.mapping(token, Subjects(ring).digests(b"1"))
    writer = transactional_producer(service.address)
    writer.begin_transaction()
    writer.produce(service.mapping, along.value, along.key)
    writer.flush()

    forgetting = service.start("forget", *_REASON, lines=["1"])
    eventually(lambda: service.audit.exists() and bool(service.audited()), "it began")
    time.sleep(2)
    assert forgetting.poll() is None
    writer.commit_transaction()
    assert forgetting.wait(60) == 0
    assert service.live() == 1, "that of subject 2"


def test_the_audit_says_who_when_why_how_many_and_no_value(service: Service) -> None:
    service.send(service.sources[0], (1, "planted-7f3a@example.com"))
    service.run(until=1)
    token = service.tokens()[1]
    assert service.resolve(token) == ["planted-7f3a@example.com"]

    (record,) = service.audited()
    assert (record["event"], record["reason"], record["count"]) == ("resolve", "a test", 1)
    assert (record["os.uid"], record["connector"]) == (str(os.getuid()), service.sources[0])
    assert record["sha256"] == hashlib.sha256(f"{token}\n".encode()).hexdigest()
    assert record["domains"] == ["EMAIL"]
    assert "planted" not in service.audit.read_text()
    assert token not in service.audit.read_text()
    assert service.audit.stat().st_mode & 0o777 == 0o600


def test_nothing_is_printed_when_the_audit_cannot_be_written(service: Service) -> None:
    for audit in (
        {"audit.file": "/nowhere/audit"},
        {"audit.file": "", "audit.topic": "no-such-topic"},
        {"audit.file": ""},
        {"audit.file": str(service.audit), "audit.topic": "both"},
    ):
        service.configure(**audit)
        done = service.command("resolve", *_REASON, lines=["tok_"])
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"audit" in done.stderr


def test_the_audit_may_be_a_topic(service: Service) -> None:
    audit = create_topic(service.address)
    service.configure(**{"audit.file": "", "audit.topic": audit})
    assert service.resolve("tok_") == ["[not-a-token]"]

    (record,) = (json.loads(m.value() or b"") for m in read_committed(service.address, audit))
    assert (record["event"], record["count"]) == ("resolve", 1)


def test_too_many_tokens_are_refused_before_anything_is_asked(service: Service) -> None:
    service.configure(**{"bootstrap.servers": "127.0.0.1:1"})
    done = service.command("resolve", *_REASON, "--max", "2", lines=["tok_a", "tok_b", "tok_c"])

    assert (done.returncode, done.stdout) == (1, b"")
    assert b"more than 2 lines" in done.stderr
    assert not service.audit.exists()
