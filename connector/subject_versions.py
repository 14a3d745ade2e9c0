"""The versions of a connector's subjects, read from the registry as trees with their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.config import Connector
from connector.source_schemas import UnusableSchema, registered_root, root_without_schema
from connector.source_topics import SourceTopics
from registry.client import RegistryClient
from registry.errors import RegistryError, SchemaNotFound
from registry.schema.tags import TagRules
from registry.schema.tree import Field

SIDES = ("key", "value")


@dataclass(frozen=True, slots=True)
class SubjectVersions:
    """A subject's versions in order: the roots of those that can be used, and why the others cannot."""

    subject: str
    roots: Mapping[int, Field]
    unusable: Mapping[int, str] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all versions, ascending."""
        return sorted((*self.roots, *self.unusable))

    @property
    def latest(self) -> Field | None:
        """The root of the last version that can be used."""
        return self.roots[max(self.roots)] if self.roots else None


@dataclass(frozen=True, slots=True)
class Topic:
    """A source topic: the versions of each side that has a schema, and the roots of those that have none."""

    name: str
    versions: Mapping[str, SubjectVersions]
    without_schema: Mapping[str, Field]


def read_topics(connector: Connector) -> list[Topic]:
    """Every source topic with every version of its subjects. Raises `UnusableSchema`, where none can be had at all.

    Blocks as long as the registry client's deadline for each version.
    """
    if connector.registry is None or not connector.converters.use_registry:
        raise UnusableSchema("neither converter is avro, so that there are no schemas to compare with")
    with RegistryClient(connector.registry) as registry:
        names = _topics_of(connector, registry)
        if not names:
            raise UnusableSchema("topics or topics.regex must name a source topic, of which the registry has a subject")
        return [_topic(name, connector, registry) for name in names]


def _topic(name: str, connector: Connector, registry: RegistryClient) -> Topic:
    versions: dict[str, SubjectVersions] = {}
    without_schema: dict[str, Field] = {}
    for side, converter in (("key", connector.converters.key), ("value", connector.converters.value)):
        if converter == "avro":
            versions[side] = _versions_of(registry, name, side, connector.tags)
        else:
            without_schema[side] = root_without_schema(side, converter, connector.tags)
    return Topic(name, versions, without_schema)


def _topics_of(connector: Connector, registry: RegistryClient) -> list[str]:
    """The source topics: those that are named, else those of the registry's subjects that `topics.regex` takes."""
    pattern = connector.sources.pattern
    if pattern is None:
        return list(connector.sources.topics)
    reads = SourceTopics((), pattern.matches, connector.sink_topic_format, connector.dead_letters.topic)
    try:
        subjects = registry.subjects()
    except RegistryError as error:
        raise UnusableSchema(str(error)) from None
    topics = (
        subject.removesuffix(f"-{side}") for subject in subjects for side in SIDES if subject.endswith(f"-{side}")
    )
    return list(dict.fromkeys(topic for topic in topics if reads.include(topic)))


def _versions_of(registry: RegistryClient, topic: str, side: str, rules: TagRules) -> SubjectVersions:
    """Every version of a topic's subject; none where the registry does not know it."""
    subject = f"{topic}-{side}"
    roots: dict[int, Field] = {}
    unusable: dict[int, str] = {}
    try:
        for number in _numbers(registry, subject):
            try:
                roots[number] = registered_root(side, registry.version(subject, number), subject, rules)
            except UnusableSchema as problem:
                unusable[number] = str(problem)
            except SchemaNotFound:
                continue  # deleted in between
    except RegistryError as error:
        raise UnusableSchema(str(error)) from None
    return SubjectVersions(subject, roots, unusable)


def _numbers(registry: RegistryClient, subject: str) -> Sequence[int]:
    try:
        return registry.versions(subject)
    except SchemaNotFound:
        return ()
