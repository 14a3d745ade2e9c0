"""The mapping topic and the topic of forgotten subjects: made, or checked, before anything is written to them.

Erasure rests on compaction: a value that a tombstone follows is gone once its segment was compacted. So the mapping
topic must compact within a day, and neither topic may lose records to their age or number.
"""

from __future__ import annotations

from connector.record import Stop
from connector.session_settings import TokenMapping
from connector.topics import Config, Topics, text

COMPACTS_WITHIN_MS = 86_400_000
_PARTITIONS = 6
_COMPACTED = {"cleanup.policy": "compact"}


def checked(topics: Topics, mapping: TokenMapping) -> tuple[int, Config]:
    """The partitions and the configuration of the mapping topic, once both topics are there and fit.

    Raises `Stop` where one does not fit, and as `Topics` does.
    """
    there = topics.describe([mapping.topic, mapping.forgotten_topic])
    if mapping.topic not in there:
        wanted = {**_COMPACTED, "max.compaction.lag.ms": str(COMPACTS_WITHIN_MS)}
        there[mapping.topic] = topics.create(mapping.topic, _PARTITIONS, replication=mapping.replication, config=wanted)
    if mapping.forgotten_topic not in there:
        topics.create(mapping.forgotten_topic, 1, replication=mapping.replication, config=_COMPACTED)
    configs = topics.configs([mapping.topic, mapping.forgotten_topic])
    for topic, config in configs.items():
        policies = {policy.strip() for policy in text(config, "cleanup.policy").split(",")}
        if policies != {"compact"}:
            raise Stop(f"the topic {topic} must have cleanup.policy=compact and nothing else")
    lag = text(configs[mapping.topic], "max.compaction.lag.ms")
    if not lag.isdigit() or int(lag) > COMPACTS_WITHIN_MS:
        raise Stop(
            f"the topic {mapping.topic} must compact within a day: max.compaction.lag.ms={COMPACTS_WITHIN_MS} or less"
        )
    return there[mapping.topic], configs[mapping.topic]
