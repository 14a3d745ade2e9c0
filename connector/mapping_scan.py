"""The mapping topic and the markers of the forgotten, read from their beginnings to their ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from connector.clients import reader_config
from connector.config import Connector
from connector.logs import LibraryLog
from connector.markers import BadMarker, Forgotten
from connector.record import Stop
from connector.session_settings import TokenMapping
from connector.topic_reader import TopicReader
from transforms.token_vault import MappingRecord, read_mapping

_PATIENCE_S = 60.0
"""More than a transaction of a dead task may stay open: its timeout is 15 s, and brokers look every 10 s."""


class Entry(NamedTuple):
    """A record of the mapping topic; `value` None for a tombstone, and then `said` is None too."""

    partition: int
    key: bytes
    value: bytes | None
    said: MappingRecord | None


class MappingScan:
    """Reads both topics of a configuration that was loaded for the service. Its calls raise `Setback`, and `Stop`."""

    def __init__(self, connector: Connector, mapping: TokenMapping, admin: AdminClient) -> None:
        assert connector.service is not None  # noqa: S101  as said
        clients = connector.service.clients
        self._admin = admin
        self._consumer = clients.consumer.reveal()
        self._group = connector.service.group_id
        self._mapping = mapping

    def forgotten(self) -> Forgotten:
        """All markers that there are."""
        found = Forgotten()
        reader = self._reader(self._mapping.forgotten_topic)
        try:
            for message in reader.read(reader.ends(), patience=_PATIENCE_S):
                found.take(message.key() or b"", message.value())
        except BadMarker:
            raise Stop(f"{self._mapping.forgotten_topic} has a record that forget did not write") from None
        finally:
            reader.close()
        return found

    def committed(self, *, all_begun: bool = False) -> Iterator[Entry]:
        """The committed records. With `all_begun` also those of every transaction that has written something by now.

        That waits until these transactions have ended.
        """
        yield from self._entries({}, lambda reader: reader.ends(committed=not all_begun))

    def physical(self) -> Iterator[Entry]:
        """Whatever the log holds, committed or not: what whoever reads the brokers' disks would find."""
        level = {"isolation.level": "read_uncommitted"}
        yield from self._entries(level, lambda reader: reader.ends(committed=False))

    def _entries(self, more: dict[str, str], ends: Callable[[TopicReader], dict[int, int]]) -> Iterator[Entry]:
        reader = self._reader(self._mapping.topic, more)
        try:
            for message in reader.read(ends(reader), patience=_PATIENCE_S):
                key, value = message.key() or b"", message.value()
                said = None if value is None else read_mapping(key, value)
                yield Entry(message.partition() or 0, key, value, said)
        finally:
            reader.close()

    def _reader(self, topic: str, more: dict[str, str] | None = None) -> TopicReader:
        config = reader_config(self._consumer, self._group, LibraryLog("scan"))
        return TopicReader({**config, **(more or {})}, self._admin, topic)
