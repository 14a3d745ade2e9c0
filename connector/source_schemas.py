"""The schemas that `explain` and `apply` judge: from files, from the registry, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from connector.config import Connector
from connector.config.converters import Format
from connector.shapes import raw_root, shape_of
from connector.subject_rules import Strategy
from connector.tagging import TaggedRoot, Tagging, facts_of
from registry.client import RegistryClient
from registry.errors import RegistryError
from registry.registered import AVRO, RegisteredSchema
from registry.schema.avro import BadSchema
from registry.schema.tags import TagRules
from registry.schema.tree import Field, Shape


class UnusableSchema(Exception):
    """A schema that cannot be had or read. Says which one and why, for the person at the command line."""


class FromFile(NamedTuple):
    """A schema that stands in a file."""

    file: str


class FromRegistry(NamedTuple):
    """A schema that the registry has under a subject."""

    subject: str
    version: int
    id: int


@dataclass(frozen=True, slots=True)
class Source:
    """The shape of the records before the chain; by side, the texts of its Avro schemas and where they come from.

    `warnings` are about the tags: patterns that find nothing, tags that are let go.
    """

    shape: Shape
    texts: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, FromFile | FromRegistry] = field(default_factory=dict)


def source_from_files(connector: Connector, value: Path | None, key: Path | None) -> Source:
    """The source whose Avro schemas are in files. Raises `UnusableSchema`.

    A side without a file is judged as what has no schema. Where its converter is `avro` it must have one, except
    for the key: then it is judged as bytes of which nothing is known.
    """
    if value is None and connector.converters.value == "avro":
        raise UnusableSchema("value.converter is avro: the schema of the values is needed")
    rules = connector.tags
    tagging = Tagging(rules)
    texts: dict[str, str] = {}
    origins = {}
    roots = {}
    warnings: list[str] = []
    for side, path, converter in (("key", key, connector.converters.key), ("value", value, connector.converters.value)):
        if path is None:
            roots[side] = root_without_schema(side, converter, rules)
        else:
            tagged, texts[side] = root_from_file(side, path, converter, tagging)
            origins[side] = FromFile(str(path))
            roots[side] = tagged.root
            warnings += tagged.warnings
    return Source(shape_of(roots["key"], roots["value"], rules), texts, tuple(warnings), origins)


def source_from_registry(connector: Connector, topic: str) -> Source:
    """The source whose schemas are the latest versions under a topic's subjects. Raises `UnusableSchema`.

    Blocks as long as the registry client's deadline for each side.
    """
    if connector.registry is None:
        raise UnusableSchema("schema.registry.url is needed to look up the schemas of a topic")
    rules = connector.tags
    tagging = Tagging(rules)
    texts: dict[str, str] = {}
    origins = {}
    roots = {}
    warnings: list[str] = []
    with RegistryClient(connector.registry) as registry:
        for side, converter in (("key", connector.converters.key), ("value", connector.converters.value)):
            if converter != "avro":
                roots[side] = root_without_schema(side, converter, rules)
                continue
            subject = subject_of(connector, topic, side)
            version, schema = _latest(registry, subject)
            texts[side] = schema.text
            origins[side] = FromRegistry(subject, version, schema.id)
            tagged = _registered_root(side, schema, subject, tagging, registry)
            roots[side] = tagged.root
            warnings += tagged.warnings
    return Source(shape_of(roots["key"], roots["value"], rules), texts, tuple(warnings), origins)


def subject_of(connector: Connector, topic: str, side: str) -> str:
    """The subject of a topic's schemas. Raises `UnusableSchema` where a topic alone does not tell it."""
    strategy = connector.subjects.strategy(side)
    if strategy is not Strategy.TOPIC_NAME:
        key = f"{side}.subject.name.strategy"
        raise UnusableSchema(f"{key} is {strategy}: a topic alone does not tell the subject, so give the schema")
    return f"{topic}-{side}"


def root_from_file(side: str, path: Path, converter: Format, tagging: Tagging) -> tuple[TaggedRoot, str]:
    """The root of a side whose Avro schema is in a file, and the schema's text. Raises `UnusableSchema`."""
    if converter != "avro":
        raise UnusableSchema(f"{side}.converter is {converter}: its records have no schema, so none can be given")
    try:
        text = path.read_text(encoding="utf-8")
        return tagging.root_of_text(side, text), text
    except OSError as error:
        raise UnusableSchema(f"{path} cannot be read ({type(error).__name__})") from None
    except BadSchema as problem:
        raise UnusableSchema(f"{path}: {problem}") from None
    except UnicodeDecodeError:
        raise UnusableSchema(f"{path} is not an Avro schema") from None


def root_without_schema(side: str, converter: Format, rules: TagRules) -> Field:
    """The root of a side whose schema nobody knows. Raises `UnusableSchema` where tags cannot be declared for it."""
    try:
        return raw_root(side, "bytes" if converter == "avro" else converter, rules)
    except BadSchema as problem:
        raise UnusableSchema(str(problem)) from None


def _latest(registry: RegistryClient, subject: str) -> tuple[int, RegisteredSchema]:
    try:
        return registry.latest(subject)
    except RegistryError as error:
        raise UnusableSchema(str(error)) from None


def _registered_root(
    side: str, schema: RegisteredSchema, subject: str, tagging: Tagging, registry: RegistryClient
) -> TaggedRoot:
    if schema.schema_type != AVRO:
        raise UnusableSchema(f"subject {subject} is {schema.schema_type}, which is not handled")
    try:
        return tagging.root(side, facts_of(registry, schema, subject))
    except RegistryError as error:
        reason = str(error)
    except BadSchema as problem:
        reason = f"subject {subject}, schema id {schema.id}: {problem}"
    raise UnusableSchema(reason)
