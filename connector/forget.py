"""The right to erasure: `streamveil forget`.

In order, so that a crash between any two steps is mended by the same command again:

1. The audit says `requested`. A marker of each subject is committed: no transaction that begins after it writes a
   mapping of the subject, not even from a replay (`connector.mappings` says why).
2. All mappings that were committed, or in the log when the marker was, are followed by tombstones: from now on no
   token of the subject resolves. Done again until a reading finds none.
3. The log still holds the old values until brokers compact it. Whoever asks again reads all that the log holds,
   uncommitted records included. A subject of which it holds nothing is `erased`: the audit says so, then the marker.
   Where it holds something, the tombstone is written once more, because a segment is only closed, and so compacted,
   when something is written after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.audit import Audit, now
from connector.config import Connector
from connector.failures import advice
from connector.logs import LibraryLog
from connector.mapping_scan import MappingScan
from connector.markers import Forgotten, Marker, to_text
from connector.record import Stop
from connector.session_settings import TokenMapping
from transforms.keys import KeyRing
from transforms.token_vault import Subjects

_FLUSH_S = 60.0

_Place = tuple[int, bytes]
"""The partition and the key of a mapping."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it, in numbers of markers: erased by now, and those of which the log still holds something."""

    erased: int
    pending: int


class Forgetting:
    """Forgets subjects under every key of some rings. Its calls raise `Stop` and `Setback`; each may be made again."""

    def __init__(
        self, connector: Connector, mapping: TokenMapping, rings: Sequence[KeyRing], scan: MappingScan, audit: Audit
    ) -> None:
        assert connector.service is not None  # noqa: S101  loaded for the service
        self._mapping = mapping
        self._subjects = [Subjects(ring) for ring in rings]
        self._scan = scan
        self._audit = audit
        self._writer = _Writer(connector.service.clients.producer.reveal())

    def request(self, subjects: Sequence[str]) -> None:
        """Marks these subjects as forgotten. From then on no mapping of theirs is written."""
        digests = [kind.by_fingerprint(subject.encode()) for subject in subjects for kind in self._subjects]
        keys = [to_text(_newest(known)) for known in digests]
        self._audit.write("forget requested", count=len(subjects), subjects=keys)
        earlier = self._scan.forgotten()
        at = now()
        for key, known in zip(keys, digests, strict=True):
            self._writer.write(self._forgotten_topic, 0, key.encode(), Marker("requested", at, known).to_value())
        replaced = {owner for known in digests for digest in known.values() if (owner := earlier.owner(digest))}
        for old in replaced - {key.encode() for key in keys}:  # of a time when the ring had fewer versions
            self._writer.write(self._forgotten_topic, 0, old, None)
        self._writer.flush()

    def complete(self) -> Report:
        """Erases the mappings of all subjects that are marked, and notes those of which nothing is left."""
        forgotten = self._scan.forgotten()
        pending = {key: marker for key, marker in forgotten.markers.items() if marker.state == "requested"}
        fresh = self._bury(forgotten)
        left = self._left(forgotten, fresh)
        erased = {key: marker for key, marker in pending.items() if key not in left}
        if erased:
            self._audit.write("forget erased", count=len(erased), subjects=[key.decode() for key in erased])
            for key, marker in erased.items():
                self._writer.write(self._forgotten_topic, 0, key, replace(marker, state="erased", at=now()).to_value())
            self._writer.flush()
        return Report(len(erased), len(pending) - len(erased))

    @property
    def _forgotten_topic(self) -> str:
        return self._mapping.forgotten_topic

    def _bury(self, forgotten: Forgotten) -> set[_Place]:
        """Writes a tombstone for each mapping of a forgotten subject, until none is found; returns which."""
        buried: set[_Place] = set()
        while live := self._live(forgotten):
            self._tombstones(live)
            buried |= live
        return buried

    def _live(self, forgotten: Forgotten) -> set[_Place]:
        live: set[_Place] = set()
        for entry in self._scan.committed(all_begun=True):
            if entry.value is None:
                live.discard((entry.partition, entry.key))
            elif entry.said is not None and forgotten.holds(entry.said.subject):
                live.add((entry.partition, entry.key))
        return live

    def _left(self, forgotten: Forgotten, fresh: set[_Place]) -> set[bytes]:
        """The markers of subjects of which the log still holds values; those get their tombstones again."""
        left: dict[_Place, bytes] = {}
        for entry in self._scan.physical():
            owner = forgotten.owner(entry.said.subject) if entry.said is not None else None
            if owner is not None:
                left[entry.partition, entry.key] = owner
        self._tombstones(left.keys() - fresh)
        return set(left.values())

    def _tombstones(self, places: set[_Place]) -> None:
        for partition, key in places:
            self._writer.write(self._mapping.topic, partition, key, None)
        self._writer.flush()


def _newest(digests: Mapping[str, bytes]) -> bytes:
    return list(digests.values())[-1]


class _Writer:
    """Writes records that every replica has once `flush` returns. Raises `Stop`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._failed: list[KafkaError] = []
        self._producer = Producer(
            {
                **settings,
                "acks": "all",
                "enable.idempotence": True,
                "allow.auto.create.topics": False,
                "on_delivery": self._on_delivery,
                **LibraryLog("forget").settings(),
            }
        )

    def write(self, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        while True:
            try:
                return self._producer.produce(topic, value, key, partition)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as raised:
                error = raised.args[0]
                break
        raise Stop(advice(error.code(), error.name()))

    def flush(self) -> None:
        left = self._producer.flush(_FLUSH_S)
        if left:
            self._producer.purge()
            raise Stop("Kafka does not answer")
        if self._failed:
            raise Stop(advice(self._failed[0].code(), self._failed[0].name()))

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(error)
