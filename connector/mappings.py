"""The mappings of one task's tokens on their way to the mapping topic, less those of forgotten subjects.

`streamveil forget` promises that no transaction which begins after its marker was committed writes a mapping of the
subject. A process may be held up between any two of its calls, so looking at the markers *before* a transaction proves
nothing. They are looked at when the transaction's records are all in the log: a marker that is there by then is seen,
and the transaction starts anew without the mapping. What a later marker meets is in the log already, where `forget`
waits for it to be committed or aborted.
"""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from connector.clients import reader_config
from connector.failures import Setback, advice
from connector.logs import LibraryLog
from connector.markers import BadMarker, Forgotten
from connector.record import Outcome, Sink, Stop
from connector.session_settings import SessionSettings, TokenMapping
from connector.topic_reader import TopicReader
from transforms.outcome import Unavailable

_PATIENCE_S = 5.0


class Mappings:
    """Knows which subjects were forgotten, as far as it has read. Not for use by two threads."""

    def __init__(
        self, admin: AdminClient, settings: SessionSettings, mapping: TokenMapping, subject_keys: frozenset[str]
    ) -> None:
        self._admin = admin
        self._settings = settings
        self._mapping = mapping
        self._subject_keys = subject_keys
        self._forgotten = Forgotten()
        self._unjudged = False  # markers that were read, and perhaps are beyond the keys of this task
        self._reader: TopicReader | None = None

    def start(self) -> None:
        """Reads all markers that there are. Raises `Unavailable` during an outage, and `Stop`."""
        try:
            self.refresh()
        except Setback as setback:
            # A topic that was made a moment ago is not known to every broker yet.
            passes = setback.passing or setback.code == KafkaError.UNKNOWN_TOPIC_OR_PART
            reason = advice(setback.code, setback.name)
        else:
            return
        if passes:
            raise Unavailable("Kafka does not answer")
        raise Stop(reason)

    def due(self, outcomes: Sequence[Outcome]) -> list[Sink]:
        """The mappings to write with these outcomes, each once, those of forgotten subjects left out."""
        topic = self._mapping.topic
        along = {record.key: record for o in outcomes if type(o) is Sink and o.along for record in o.along}
        return [
            Sink(topic, None, record.key, record.value, None, -1)
            for record in along.values()
            if not any(map(self._forgotten.holds, record.subjects))
        ]

    def refresh(self) -> bool:
        """Reads the markers that came since the last call; whether there were any.

        Raises `Setback` when Kafka does not answer in time, and `Stop` for a marker that this task cannot honour.
        """
        if self._reader is None:
            log = LibraryLog("markers")
            config = reader_config(self._settings.consumer, self._settings.group_id, log)
            self._reader = TopicReader(config, self._admin, self._mapping.forgotten_topic)
        came = False
        for message in self._reader.read(self._reader.ends(), patience=_PATIENCE_S):
            self._take(message.key(), message.value())
            came = self._unjudged = True
        if self._unjudged and (beyond := self._forgotten.beyond(self._subject_keys)):
            raise Stop(
                f"{self._mapping.forgotten_topic}: {beyond} subjects were forgotten under keys that the key rings of "
                "this chain do not have; restart with these keys, or tell forget these subjects again"
            )
        self._unjudged = False
        return came

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        try:
            self._forgotten.take(key or b"", value)
        except BadMarker:
            raise Stop(f"{self._mapping.forgotten_topic} has a record that forget did not write") from None
