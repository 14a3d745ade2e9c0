"""A worker process for session tests: a real session around a pipeline that only copies bytes.

`python -m tests.integration.session_worker SETTINGS.json` runs until SIGTERM and exits as `streamveil run` does.
What the pipeline should make of a record is said by the record's own value:

- `poison...` is rejected,
- `drop...` is dropped,
- `route:TOPIC:...` goes to that topic,
- `hold...` is held while the file `holding` of the settings exists, and copied afterwards,
- `map:KEY:SUBJECT:...` takes a mapping along, of that key and of that subject's digest,
- anything else is copied.

While the file `unavailable` of the settings exists, the pipeline raises `Unavailable`. It takes `seconds` a batch.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from connector.logs import configure
from connector.record import Failure, Held, Outcome, Sink, Stop
from connector.session import Session
from connector.session_settings import Errors, SessionSettings, TokenMapping
from transforms.outcome import Code, Dropped, Unavailable
from transforms.transform import Along

FINGERPRINT = "f00dfeed"
"""Of the one key that the tests' subjects are digested under."""


class Copying:
    """The test pipeline."""

    subject_keys = frozenset({FINGERPRINT})

    def __init__(
        self, settings: SessionSettings, unavailable: Path | None, seconds: float, holding: Path | None = None
    ) -> None:
        self._settings = settings
        self._unavailable = unavailable
        self._holding = holding
        self._seconds = seconds

    def process(self, messages: Sequence[Message]) -> list[Outcome | Held]:
        if self._unavailable is not None and self._unavailable.exists():
            raise Unavailable("the test says so")
        time.sleep(self._seconds)
        holds = self._holding is not None and self._holding.exists()
        return [self._outcome(m, holds=holds) for m in messages]

    def _outcome(self, message: Message, *, holds: bool) -> Outcome | Held:
        value: Any = message.value()
        if holds and value is not None and value.startswith(b"hold"):
            return Held()
        topic = self._settings.sink_for(str(message.topic()))
        if value is not None and value.startswith(b"poison"):
            return Failure(Code.MAGIC_BYTE, "value.converter", "a.b", "ValueError")
        if value is not None and value.startswith(b"drop"):
            return Dropped()
        if value is not None and value.startswith(b"route:"):
            topic = value.split(b":")[1].decode()
        along: tuple[Along, ...] = ()
        if value is not None and value.startswith(b"map:"):
            _, key, subject, way_back = value.split(b":", 3)
            along = (Along(key, way_back, (digest_of(subject),)),)
        headers: Any = message.headers()
        return Sink(topic, message.partition(), message.key(), value, headers, message.timestamp()[1], along)


def digest_of(subject: bytes) -> bytes:
    """What stands for a subject in these tests."""
    return hashlib.sha256(subject).digest()


def settings_from(given: dict[str, Any]) -> SessionSettings:
    servers = {"bootstrap.servers": given.pop("bootstrap_servers")}
    errors = Errors(**given.pop("errors", {}))
    mapping = given.pop("mapping", None)
    return SessionSettings(
        **{
            "name": "copy",
            "group_id": f"streamveil-{given['topics'][0]}",
            "worker_id": "one",
            "worker_id_given": True,
            **given,
            "topics": tuple(given["topics"]),
            "errors": errors,
            "mapping": TokenMapping(mapping, 1) if mapping else None,
            "consumer": {**servers, **given.get("consumer", {})},
            "producer": {**servers, **given.get("producer", {})},
            "admin": servers,
        }
    )


def main() -> int:
    configure()
    given = json.loads(Path(sys.argv[1]).read_text())
    unavailable = given.pop("unavailable", None)
    holding = given.pop("holding", None)
    seconds = given.pop("seconds", 0)
    settings = settings_from(given)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    try:
        pipeline = Copying(
            settings, Path(unavailable) if unavailable else None, seconds, Path(holding) if holding else None
        )
        Session(settings, pipeline, stopping).run()
    except Stop as reason:
        print(f"stopped: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
