"""Which topics a connector reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PLACEHOLDER: Final = "${topic}"

_INTERNAL = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})


@dataclass(frozen=True, slots=True)
class SourceTopics:
    """Names, or a pattern (`matches`, None where the topics are named), and what must be known of the sinks.

    `own_topics` are written by the connector and are no sinks: dead letters, the mapping of tokens, the audit.
    """

    topics: tuple[str, ...]
    matches: Callable[[str], bool] | None
    sink_topic_format: str
    own_topics: frozenset[str]

    def include(self, topic: str) -> bool:
        """Whether the connector reads this topic, now or once it exists. A sink never is one.

        With a pattern what is a sink is told by the name alone, so that a restart decides as the run before did.
        """
        if self.matches is None:
            return topic in self.topics
        is_ours = topic in self.own_topics or topic in _INTERNAL or self._has_format_of_a_sink(topic)
        return not is_ours and self.matches(topic)

    def _has_format_of_a_sink(self, topic: str) -> bool:
        before, _, after = self.sink_topic_format.partition(PLACEHOLDER)
        if not before and not after:
            return False
        longer = len(topic) > len(before) + len(after)
        return longer and topic.startswith(before) and topic.endswith(after)
