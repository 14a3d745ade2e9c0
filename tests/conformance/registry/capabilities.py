"""What Streamveil can do without in a registry. All that the suite asks beyond it is required of every registry.

Tests of a capability run everywhere. The development registry has to pass them all; another registry may fail them, and
then the report at the end of the run says that it lacks the capability, wholly or in part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

import pytest

DEVELOPMENT = "dev"


class Capability(StrEnum):
    """Named by what is lost without it."""

    METADATA = "metadata and rules are kept"
    REFERENCES = "Avro schemas may refer to others"
    GUIDS = "schemas can be had by GUID"
    REFERENCED_BY = "it tells which schemas refer to one"
    ONE_ID = "one schema has one id in all subjects"
    SPELLING = "white space makes no other schema"
    CODES = "errors have Confluent's codes"
    STRICT_VERSIONS = "version numbers that cannot be are told from unknown ones"
    STRICT_AVRO = "schemas are checked to the letter of the Avro specification"
    TEXT_ALONE = "a schema's text can be had alone"
    SUBJECTS_OF_ID = "the subjects of an id can be had without versions"
    JAVA_PARAMETERS = "parameters of the Java client are tolerated"
    PREFIXES = "subjects can be listed by prefix"
    MEDIA_TYPE = "answers have Confluent's media type"
    OTHER_TYPES = "JSON Schema and Protobuf are taken"
    LEVELS = "all compatibility levels are there, for each subject"
    TRIALS = "compatibility can be tried without registering"
    REASONS = "reasons of incompatibility are told in Confluent's words"


def needs(capability: Capability) -> pytest.MarkDecorator:
    """Marks a test, or a class of them, as asking for a capability."""
    return pytest.mark.optional(capability)


def allow_failures(items: Iterable[pytest.Item]) -> None:
    """On any registry but the development one, let tests of capabilities fail; each remembers what it is about."""
    for item in items:
        marker = item.get_closest_marker("optional")
        registry = getattr(item, "callspec", None) and item.callspec.params.get("url", DEVELOPMENT)
        if marker is not None and registry not in (None, DEVELOPMENT):
            (capability,) = marker.args
            item.user_properties.append(("capability", (registry, capability)))
            item.add_marker(pytest.mark.xfail(reason=f"optional: {capability}", strict=False))


def report(passed: Iterable[pytest.TestReport], failed: Iterable[pytest.TestReport]) -> Iterator[str]:
    """Of each registry that was met, the capabilities that it has, those that it lacks, and those that it half has."""
    has, lacks = Counter(map(_subject, passed)), Counter(map(_subject, failed))
    registries = {subject[0] for subject in (*has, *lacks) if subject is not None}
    for registry in sorted(registries):
        yield f"{registry}:"
        for capability in Capability:
            count = has[registry, capability]
            total = count + lacks[registry, capability]
            if total:
                answer = "yes" if count == total else f"in part, {count} of {total}" if count else "NO"
                yield f"  {capability}: {answer}"


def _subject(outcome: pytest.TestReport) -> tuple[str, Capability] | None:
    return dict(outcome.user_properties).get("capability")
