"""Topics beside sources and sinks: dead letters, mappings of tokens, the audit. Each has one use, and no other."""

from __future__ import annotations

from collections.abc import Collection

from connector.config.reading import Need, Reading
from connector.config.sections import Audit, DeadLetters, MappingKeys
from connector.config.sources import Sources, check_topic
from connector.markers import FORGOTTEN
from connector.plan import Link
from transforms.tokenize import Tokenize

DEAD_LETTER_TOPIC = "errors.deadletterqueue.topic.name"
_MAPPING_TOPIC = "mapping.topic"
_AUDIT_TOPIC = "audit.topic"


def read_mapping(reading: Reading, chain: Collection[Link]) -> MappingKeys:
    """`mapping.*`. The service needs it where the chain makes tokens of mode=vault."""
    found = reading.section(MappingKeys)
    needed = any(isinstance(link.transform, Tokenize) and link.transform.mode == "vault" for link in chain)
    if needed and reading.need >= Need.SERVICE and not reading.has(_MAPPING_TOPIC):
        reading.wrong(_MAPPING_TOPIC, "a topic, because a Tokenize has mode=vault", "nothing")
    return found


def read_audit(reading: Reading) -> Audit:
    """`audit.*`, one of the two."""
    found = reading.section(Audit)
    if found.topic is not None and found.file is not None:
        reading.wrong("audit.file", f"to be absent where {_AUDIT_TOPIC} is given")
    return found


def own_topics(dead_letters: DeadLetters, mapping: MappingKeys, audit: Audit) -> list[tuple[str, str]]:
    """Each of these topics with the key that names it."""
    forgotten = f"{mapping.topic}{FORGOTTEN}" if mapping.topic is not None else None
    named = [
        (dead_letters.topic, DEAD_LETTER_TOPIC),
        (mapping.topic, _MAPPING_TOPIC),
        (forgotten, _MAPPING_TOPIC),
        (audit.topic, _AUDIT_TOPIC),
    ]
    return [(topic, key) for topic, key in named if topic is not None]


def check_own_topics(reading: Reading, own: Collection[tuple[str, str]], sources: Sources) -> None:
    """Note names that Kafka would not take, and topics that would have two uses."""
    taken: dict[str, str] = {}
    for topic, key in own:
        check_topic(reading, key, topic)
        if topic in sources.topics:
            reading.wrong(key, "another topic than a source topic", reading.shown(key))
        if topic in taken:
            reading.wrong(key, f"another topic than that of {taken[topic]}", reading.shown(key))
        taken[topic] = key
