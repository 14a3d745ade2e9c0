"""Source topics, and the topics that the connector writes to."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import re2

from connector.config.reading import Reading
from transforms.transform import split_list

DEFAULT_SINK_FORMAT = "${topic}.protected"

_TOPIC = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
_A_TOPIC = "a topic name: letters, digits, dots, underscores and hyphens, at most 249"


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """`topics.regex`: Java's full match, in linear time. `source` is the text that was configured."""

    source: str
    compiled: Any

    def matches(self, topic: str) -> bool:
        """Whether the whole name matches."""
        return self.compiled.fullmatch(topic) is not None


@dataclass(frozen=True, slots=True)
class Sources:
    """The source topics: a list of names, or a pattern."""

    topics: tuple[str, ...] = ()
    pattern: TopicPattern | None = None

    def includes(self, topic: str) -> bool:
        """Whether records of this topic are read."""
        return topic in self.topics or (self.pattern is not None and self.pattern.matches(topic))


def read_sources(reading: Reading, *, required: bool) -> Sources:
    """`topics` or `topics.regex`, never both."""
    topics, regex = reading.plain("topics"), reading.plain("topics.regex")
    if topics is not None and regex is not None:
        reading.wrong("topics.regex", "to be absent where topics is given")
    if topics is not None:
        return Sources(topics=_names(reading, topics))
    if regex is not None:
        return Sources(pattern=_pattern(reading, regex))
    if required and not (reading.has("topics") or reading.has("topics.regex")):
        reading.wrong("topics", "a comma separated list of topics, or topics.regex instead", "nothing")
    return Sources()


def _names(reading: Reading, text: str) -> tuple[str, ...]:
    names = tuple(split_list(text))
    found = reading.shown("topics")
    if not names or "" in names:
        reading.wrong("topics", "a comma separated list without blank entries", found)
    elif len(set(names)) != len(names):
        reading.wrong("topics", "a comma separated list that names no topic twice", found)
    for name in filter(None, names):
        check_topic(reading, "topics", name)
    return names


def check_topic(reading: Reading, key: str, name: str) -> None:
    """Note an error where Kafka would not take the name."""
    if not _TOPIC.fullmatch(name):
        reading.wrong(key, _A_TOPIC, reading.shown(key))


def _pattern(reading: Reading, text: str) -> TopicPattern | None:
    options = re2.Options()
    options.log_errors = False
    try:
        if not text or _nests_sets(text):
            raise re2.error
        return TopicPattern(text, re2.compile(text, options))
    except re2.error:
        expected = "a regular expression in RE2's syntax: without lookaround, back references and sets within sets"
        reading.wrong("topics.regex", expected, reading.shown("topics.regex"))
        return None


def _nests_sets(text: str) -> bool:
    """Whether a set holds a set or an intersection: RE2 reads those too, but in another sense than Java."""
    inside = False
    for part in re.findall(r"\\.|\[\^?\]?|\]|&&", text, re.DOTALL):
        if inside and (part[0] == "[" or part == "&&"):
            return True
        inside = part[0] == "[" or (inside and part != "]")
    return False


def read_sink_format(reading: Reading, sources: Sources, own: Collection[tuple[str, str]]) -> str:
    """`sink.topic.format`, where `${topic}` stands for the topic as the chain leaves it.

    `own` are topics that no record of the chain may go to, each with the key that names it.
    """
    key = "sink.topic.format"
    text = reading.plain(key)
    if text is None:
        return DEFAULT_SINK_FORMAT
    sink = text.replace("${topic}", "t")
    if not _TOPIC.fullmatch(sink):
        reading.wrong(key, f"{_A_TOPIC}; ${{topic}} stands for the source topic", reading.shown(key))
    elif sink == text and sources.includes(sink):
        reading.wrong(key, "another topic than a source topic", reading.shown(key))
    elif sink == text and (taken := dict(own).get(sink)) is not None:
        reading.wrong(key, f"another topic than {taken}", reading.shown(key))
    return text
