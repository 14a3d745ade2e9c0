"""The corpus of schemas: the tags of each are exactly those expected, and untouched records keep every byte.

A file of `schemas/` has a schema, the schemas that it refers to, metadata and configuration, all tags by path, and
records in Avro's JSON encoding.
"""

from __future__ import annotations

import json
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from connector.config import Need, load
from connector.shapes import tagged_avro
from registry.avro_codec import AvroReader, AvroWriter, opaque_leaves
from registry.schema.paths import Matcher
from registry.schema.printer import print_schema
from registry.schema.tags import Referenced, Said, TagRules
from registry.schema.tree import Field, leaves
from registry.schema.walk import rewrite, select
from registry.wire import prefix
from tests.golden.avro_json import Encoder

FILES = sorted((Path(__file__).parent / "schemas").glob("*.json"))
PREFIX = prefix(7)


class Case:
    """One file of the corpus."""

    def __init__(self, path: Path, tmp_path: Path) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        self.schema = content["schema"]
        self.references = content.get("references", [])
        self.metadata = content.get("metadata")
        self.tags: dict[str, list[str]] = content["tags"]
        self.rules = _rules(content.get("config", {}), tmp_path)
        encoder = Encoder(self.schema, [each["schema"] for each in self.references])
        self.payloads = [PREFIX + encoder.encode(record) for record in content["records"]]

    def root(self) -> Field:
        references = [
            Referenced(json.dumps(each["schema"]), f"reference {number}", each.get("metadata"))
            for number, each in enumerate(self.references)
        ]
        said = [Said(self.metadata)] if self.metadata else []
        text = self.schema if isinstance(self.schema, str) else json.dumps(self.schema)
        more = {"references": references, "metadata": said, "subjects": ["corpus-value"]}
        return tagged_avro("value", text, self.rules, **more).root


def _rules(config: dict[str, Any], tmp_path: Path) -> TagRules:
    if "tags.file" in config:
        file = tmp_path / "tags.json"
        file.write_text(json.dumps(config["tags.file"]))
        config = {**config, "tags.file": str(file)}
    return load(config, need=Need.CHAIN).tags


@pytest.fixture(params=FILES, ids=lambda path: path.stem, scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(request.param, tmp_path_factory.mktemp("case"))


def test_there_are_sixty_schemas_and_more() -> None:
    assert len(FILES) >= 60


def test_the_tags_are_exactly_those_expected(case: Case) -> None:
    assert tags_of(case.root()) == case.tags


def tags_of(root: Field) -> dict[str, list[str]]:
    """Path to tags, of the leaves that carry any; a union's branches share a path."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, leaf in leaves(root):
        found[path] |= leaf.tags
        assert {source.tag for source in leaf.tag_sources} == leaf.tags
    return {path: sorted(tags) for path, tags in found.items() if tags}


def test_untouched_records_are_byte_identical(case: Case) -> None:
    root = case.root()
    decoded = AvroReader(root).decode(case.payloads)
    assert not decoded.bad
    # Python widens 32-bit floats, which turns a signalling NaN into a quiet one: the connector leaves such bytes alone.
    signalling = b"\x01\x00\xa0\x7f"
    expected = [payload for payload in case.payloads if signalling not in payload]
    written = AvroWriter(root).encode(decoded.records, PREFIX).payloads
    assert [w for w, payload in zip(written, case.payloads, strict=True) if signalling not in payload] == expected


def test_records_of_which_no_leaf_is_read_are_byte_identical(case: Case) -> None:
    root = case.root()
    opaque = opaque_leaves(root, [])
    decoded = AvroReader(root, opaque).decode(case.payloads)
    assert not decoded.bad
    assert AvroWriter(root, opaque).encode(decoded.records, PREFIX).payloads == case.payloads


def test_records_keep_every_byte_where_only_the_type_of_one_leaf_is_made_anew(case: Case) -> None:
    """As a transform does: what leads to the leaf is new, and shares the rest with the tree of before."""
    root = case.root()
    for path, leaf in leaves(root):
        walk = select(root, Matcher([path or "**"]))
        if walk is None:
            assert leaf.type.kind == "null"
            continue
        opaque = opaque_leaves(root, [])
        new = rewrite(walk, lambda _, place: place.but(tags=frozenset()))
        decoded = AvroReader(root, opaque).decode(case.payloads)
        assert AvroWriter(new, opaque).encode(decoded.records, PREFIX).payloads == case.payloads


def test_another_implementation_reads_the_records_by_the_schema_and_by_what_is_printed_of_it(case: Case) -> None:
    named: dict[str, Any] = {}
    for each in case.references:
        fastavro.parse_schema(each["schema"], named_schemas=named)
    schema = fastavro.parse_schema(_without_wrappers(case.schema), named_schemas=named)
    printed = fastavro.parse_schema(json.loads(print_schema(case.root(), case.rules.property)))
    for payload in case.payloads:
        assert repr(_read(payload, printed)) == repr(_read(payload, schema))


def _without_wrappers(schema: Any) -> Any:
    """Objects around a whole type object are Avro, and more than fastavro takes."""
    if isinstance(schema, list):
        return [_without_wrappers(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "name" not in schema and isinstance(schema.get("type"), dict):
        return _without_wrappers(schema["type"])
    return {key: _without_wrappers(each) for key, each in schema.items()}


def _read(payload: bytes, schema: Any) -> Any:
    stream = BytesIO(payload[len(PREFIX) :])
    try:
        value = fastavro.schemaless_reader(stream, schema, None)
    except (OverflowError, ValueError, KeyError):  # an instant that datetime cannot hold, a decimal without precision
        return None
    assert stream.read() == b""
    return value


def test_what_is_printed_of_a_schema_has_the_same_tags(case: Case) -> None:
    printed = print_schema(case.root(), case.rules.property)
    found = tags_of(tagged_avro("value", printed, TagRules(property=case.rules.property)).root)
    # A schema cannot say of a map's keys what does not hold for its values too.
    keys = {path.replace("{#}", "{*}"): set(tags) for path, tags in case.tags.items()}
    assert found == {path: sorted({*tags, *keys.get(path, ())}) for path, tags in case.tags.items()}
