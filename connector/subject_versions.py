"""The versions of a connector's subjects, read from the registry as trees with their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.config import Connector
from connector.config.own_topics import own_topics
from connector.source_schemas import UnusableSchema, root_without_schema, subject_of
from connector.source_topics import SourceTopics
from connector.tagging import Facts, Tagging, facts_of
from registry.client import RegistryClient
from registry.errors import RegistryError, SchemaNotFound
from registry.registered import AVRO
from registry.schema.avro import BadSchema
from registry.schema.tree import Field

SIDES = ("key", "value")


@dataclass(frozen=True, slots=True)
class SubjectVersions:
    """A subject's versions in order, soft-deleted ones too: records may still carry their ids.

    `roots` are those that can be used, with all tags that hold there; `alone` the same with no more tags than each
    version says itself. `unusable` says why the others cannot be used.
    """

    subject: str
    roots: Mapping[int, Field]
    alone: Mapping[int, Field]
    unusable: Mapping[int, str]
    deleted: frozenset[int]

    @property
    def numbers(self) -> list[int]:
        """The numbers of all versions, ascending."""
        return sorted((*self.roots, *self.unusable))

    @property
    def last(self) -> int:
        """The number of the last version that can be used, and is not deleted if one is not; 0 for none."""
        return max(self.roots.keys() - self.deleted, default=max(self.roots, default=0))

    @property
    def latest(self) -> Field | None:
        """The root of the last version."""
        return self.roots.get(self.last)


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
        tagging = Tagging(connector.tags)
        return [_topic(name, connector, tagging, registry) for name in names]


def _topic(name: str, connector: Connector, tagging: Tagging, registry: RegistryClient) -> Topic:
    versions: dict[str, SubjectVersions] = {}
    without_schema: dict[str, Field] = {}
    for side, converter in (("key", connector.converters.key), ("value", connector.converters.value)):
        if converter == "avro":
            versions[side] = _versions_of(registry, subject_of(connector, name, side), side, tagging)
        else:
            without_schema[side] = root_without_schema(side, converter, connector.tags)
    return Topic(name, versions, without_schema)


def _topics_of(connector: Connector, registry: RegistryClient) -> list[str]:
    """The source topics: those that are named, else those of the registry's subjects that `topics.regex` takes."""
    pattern = connector.sources.pattern
    if pattern is None:
        return list(connector.sources.topics)
    own = frozenset(topic for topic, _ in own_topics(connector.dead_letters, connector.mapping, connector.audit))
    reads = SourceTopics((), pattern.matches, connector.sink_topic_format, own)
    try:
        subjects = registry.subjects()
    except RegistryError as error:
        raise UnusableSchema(str(error)) from None
    topics = (
        subject.removesuffix(f"-{side}") for subject in subjects for side in SIDES if subject.endswith(f"-{side}")
    )
    return list(dict.fromkeys(topic for topic in topics if reads.include(topic)))


def _versions_of(registry: RegistryClient, subject: str, side: str, tagging: Tagging) -> SubjectVersions:
    """Every version of a subject; none where the registry does not know it."""
    roots: dict[int, Field] = {}
    alone: dict[int, Field] = {}
    unusable: dict[int, str] = {}
    try:
        every, live = _numbers(registry, subject, deleted=True), _numbers(registry, subject, deleted=False)
        for number in every:
            try:
                schema = registry.version(subject, number)
                if schema.schema_type != AVRO:
                    unusable[number] = f"it is {schema.schema_type}, which is not handled"
                    continue
                roots[number] = tagging.root(side, facts_of(registry, schema, subject)).root
                alone[number] = tagging.root(side, Facts(schema, (), subject)).root
            except BadSchema as problem:
                unusable[number] = str(problem)
            except SchemaNotFound:
                continue  # deleted in between
    except RegistryError as error:
        raise UnusableSchema(str(error)) from None
    return SubjectVersions(subject, roots, alone, unusable, frozenset(every) - frozenset(live))


def _numbers(registry: RegistryClient, subject: str, *, deleted: bool) -> Sequence[int]:
    try:
        return registry.versions(subject, deleted=deleted)
    except SchemaNotFound:
        return ()
