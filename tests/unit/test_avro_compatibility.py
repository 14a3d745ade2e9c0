"""Whether data written with one Avro schema can be read with another: Avro 1.12.0, "Schema Resolution"."""

import io
import json

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from registry.avsc import parse
from registry.compatibility import Kind, Level, incompatibilities, violations


def avro(schema):
    return parse(json.dumps(schema))[0]


def why_not(reader, writer):
    """The kinds and places of what keeps the reader from reading the writer's data."""
    return [(each.kind, each.path) for each in incompatibilities(avro(reader), avro(writer))]


def can_read(reader, writer):
    return not why_not(reader, writer)


def record(*fields, name="R", **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name, type_="string", **more):
    return {"name": name, "type": type_, **more}


def enum(*symbols, name="E", **more):
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size, name="F", **more):
    return {"type": "fixed", "name": name, "size": size, **more}


PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
PROMOTED = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


class TestPrimitives:
    @pytest.mark.parametrize("writer", PRIMITIVES)
    @pytest.mark.parametrize("reader", PRIMITIVES)
    def test_a_type_is_read_as_itself_or_as_what_the_specification_promotes_it_to(self, reader, writer):
        assert can_read(reader, writer) is (reader == writer or (writer, reader) in PROMOTED)

    def test_the_two_spellings_of_a_primitive_are_one(self):
        assert can_read({"type": "long"}, "int")

    def test_logical_types_are_not_looked_at(self):
        assert can_read("long", {"type": "long", "logicalType": "timestamp-millis"})

    def test_a_mismatch_says_where(self):
        assert why_not("int", "string") == [(Kind.TYPE_MISMATCH, "/")]


class TestRecords:
    def test_a_field_that_the_reader_lacks_is_skipped(self):
        assert can_read(record(field("a")), record(field("a"), field("b")))

    def test_a_field_that_the_writer_lacks_needs_a_default(self):
        missing = [(Kind.READER_FIELD_MISSING_DEFAULT_VALUE, "/fields/1")]
        assert why_not(record(field("a"), field("b")), record(field("a"))) == missing
        assert can_read(record(field("a"), field("b", default="")), record(field("a")))

    def test_a_null_default_is_a_default(self):
        assert can_read(record(field("a", ["null", "string"], default=None)), record())

    def test_the_order_of_fields_does_not_matter(self):
        assert can_read(record(field("a"), field("b", "int")), record(field("b", "int"), field("a")))

    def test_fields_are_compared_by_their_types(self):
        assert why_not(record(field("a", "int")), record(field("a"))) == [(Kind.TYPE_MISMATCH, "/fields/0/type")]

    def test_the_readers_alias_of_a_field_finds_the_writers_name(self):
        assert can_read(record(field("new", aliases=["old"])), record(field("old")))

    def test_the_writers_alias_does_not_count(self):
        assert not can_read(record(field("old")), record(field("new", aliases=["old"])))

    def test_the_field_of_that_name_goes_before_an_alias(self):
        reader = record(field("a", "int", aliases=["b"]))
        assert can_read(reader, record(field("a", "int"), field("b")))

    def test_another_name_is_a_mismatch(self):
        assert why_not(record(name="R"), record(name="S")) == [(Kind.NAME_MISMATCH, "/name")]

    def test_namespaces_are_not_compared(self):
        assert can_read(record(namespace="a"), record(namespace="b"))

    def test_the_readers_alias_of_a_record_is_a_full_name_in_its_namespace(self):
        reader = record(name="New", namespace="demo", aliases=["Old"])
        assert can_read(reader, record(name="Old", namespace="demo"))
        assert not can_read(reader, record(name="Old", namespace="other"))

    def test_all_reasons_are_told(self):
        assert len(why_not(record(field("a"), field("b"), field("c", "int")), record(field("c")))) == 3


class TestEnumsAndFixed:
    def test_the_reader_may_know_more_symbols(self):
        assert can_read(enum("A", "B"), enum("A"))

    def test_a_symbol_that_the_reader_lacks_is_a_mismatch(self):
        assert why_not(enum("A"), enum("A", "B")) == [(Kind.MISSING_ENUM_SYMBOLS, "/symbols")]

    def test_unless_the_reader_has_a_default_symbol(self):
        assert can_read(enum("A", default="A"), enum("A", "B"))

    def test_the_default_of_a_field_is_no_default_symbol(self):
        assert not can_read(record(field("e", enum("A"), default="A")), record(field("e", enum("A", "B"))))

    def test_enums_have_names(self):
        assert why_not(enum("A", name="E"), enum("A", name="X")) == [(Kind.NAME_MISMATCH, "/name")]
        assert can_read(enum("A", name="E", aliases=["X"]), enum("A", name="X"))

    def test_a_fixed_has_a_size_and_a_name(self):
        assert can_read(fixed(4), fixed(4))
        assert why_not(fixed(4), fixed(8)) == [(Kind.FIXED_SIZE_MISMATCH, "/size")]
        assert why_not(fixed(4, name="F"), fixed(4, name="G")) == [(Kind.NAME_MISMATCH, "/name")]

    def test_a_fixed_is_not_bytes(self):
        assert not can_read("bytes", fixed(4))
        assert not can_read(fixed(4), "bytes")


class TestCollections:
    @pytest.mark.parametrize(("kind", "content"), [("array", "items"), ("map", "values")])
    def test_contents_resolve_as_types_do(self, kind, content):
        assert can_read({"type": kind, content: "long"}, {"type": kind, content: "int"})
        narrowed = why_not({"type": kind, content: "int"}, {"type": kind, content: "long"})
        assert narrowed == [(Kind.TYPE_MISMATCH, f"/{content}")]

    def test_an_array_is_not_a_map(self):
        assert not can_read({"type": "array", "items": "int"}, {"type": "map", "values": "int"})


class TestUnions:
    def test_the_reader_needs_a_branch_for_each_of_the_writers(self):
        assert can_read(["null", "string", "int"], ["null", "string"])
        assert why_not(["null", "string"], ["null", "int"]) == [(Kind.MISSING_UNION_BRANCH, "/1")]

    def test_a_plain_type_is_read_with_a_union_that_has_it(self):
        assert can_read(["null", "string"], "string")
        assert why_not(["null", "string"], "int") == [(Kind.MISSING_UNION_BRANCH, "/")]

    def test_a_branch_may_promote(self):
        assert can_read(["null", "double"], "int")

    def test_a_union_is_read_with_a_plain_type_only_when_all_its_branches_are(self):
        assert can_read("long", ["int", "long"])
        assert why_not("string", ["null", "string"]) == [(Kind.TYPE_MISMATCH, "/")]
        assert why_not("string", ["string", "null"]) == [(Kind.TYPE_MISMATCH, "/")]

    def test_a_record_branch_must_resolve_to_its_end(self):
        inner = record(field("a"), name="Inner")
        assert can_read(["null", record(field("a"), field("b", default=""), name="Inner")], inner)
        assert not can_read(["null", record(field("a"), field("b"), name="Inner")], inner)

    def test_a_later_branch_is_tried_when_an_earlier_one_of_its_kind_does_not_fit(self):
        reader = [record(field("x", "int"), name="R", namespace="a"), record(field("x"), name="R", namespace="b")]
        assert can_read(reader, record(field("x"), name="R"))

    def test_an_optional_field_may_become_required_only_with_null_left_in(self):
        optional = record(field("a", ["null", "string"], default=None))
        assert can_read(optional, record(field("a")))
        assert not can_read(record(field("a")), optional)


class TestRecursion:
    @staticmethod
    def node(value, *more):
        return record(field("value", value), field("next", ["null", "Node"]), *more, name="Node")

    def test_a_recursive_type_reads_itself(self):
        assert can_read(self.node("long"), self.node("int"))

    def test_a_difference_inside_the_recursion_is_told_once(self):
        assert why_not(self.node("int"), self.node("long")) == [(Kind.TYPE_MISMATCH, "/fields/0/type")]

    def test_two_types_that_refer_to_each_other(self):
        def tree(leaf):
            return record(
                field("branches", {"type": "array", "items": record(field("tree", "Tree"), name="Branch")}),
                field("leaf", leaf),
                name="Tree",
            )

        assert can_read(tree("double"), tree("float"))
        assert not can_read(tree("float"), tree("double"))

    def test_a_wide_union_of_records_that_refer_to_each_other_is_decided_quickly(self):
        names = [f"R{index}" for index in range(12)]
        first = record(
            field("next", [record(field("next", ["null", "R0"]), name=name) for name in names[1:]]), name="R0"
        )
        assert can_read(first, first)


class TestLevels:
    """Which versions are compared, and which way."""

    OLD, LAST = avro(record(field("a", "string"))), avro(record())
    NEW = avro(record(field("a", "int", default=0)))

    def test_none_forbids_nothing(self):
        assert violations(Level.NONE, avro("int"), [avro("string")]) == []

    @pytest.mark.parametrize("level", [each for each in Level if each is not Level.NONE])
    def test_the_first_version_is_always_allowed(self, level):
        assert violations(level, self.NEW, []) == []

    def test_backward_means_that_the_new_one_reads_the_last(self):
        needs_more = avro(record(field("b")))
        assert violations(Level.BACKWARD, needs_more, [self.LAST])
        assert not violations(Level.FORWARD, needs_more, [self.LAST])

    def test_forward_means_that_the_last_one_reads_the_new(self):
        assert violations(Level.FORWARD, self.LAST, [self.OLD])
        assert not violations(Level.BACKWARD, self.LAST, [self.OLD])

    def test_full_means_both(self):
        assert violations(Level.FULL, self.LAST, [self.OLD])
        assert violations(Level.FULL, self.OLD, [self.LAST])
        assert not violations(Level.FULL, self.NEW, [self.LAST])

    @pytest.mark.parametrize("level", [Level.BACKWARD, Level.FORWARD, Level.FULL])
    def test_a_transitive_level_compares_with_every_version_and_says_with_which_it_clashes(self, level):
        assert violations(level, self.NEW, [self.OLD, self.LAST]) == []
        found = violations(Level(f"{level}_TRANSITIVE"), self.NEW, [self.OLD, self.LAST])
        assert {index for index, _ in found} == {0}


def values(schema):
    """Any value of a schema."""
    if isinstance(schema, list):
        return st.one_of([values(branch) for branch in schema])
    simple = {
        "null": st.none(),
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(width=32, allow_nan=False),
        "double": st.floats(allow_nan=False),
        "bytes": st.binary(max_size=4),
        "string": st.text("abc", max_size=4),
    }
    if isinstance(schema, str):
        return simple[schema]
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=2)
    if schema["type"] == "enum":
        return st.sampled_from(schema["symbols"])
    return st.fixed_dictionaries({each["name"]: values(each["type"]) for each in schema["fields"]})


PLAIN = st.sampled_from(["null", "boolean", "int", "long", "float", "double", "string"])
"""Without bytes: fastavro stumbles when it reads those that are no UTF-8 as a string."""


@st.composite
def schemas(draw, depth=2, name="R"):
    kind = draw(st.sampled_from(["enum", "array", "union", "record"] if depth else ["plain"]))
    if kind == "plain":
        return draw(PLAIN)
    if kind == "enum":
        return enum(*draw(st.lists(st.sampled_from("ABC"), min_size=1, unique=True)), name=f"{name}E")
    if kind == "array":
        return {"type": "array", "items": draw(schemas(depth - 1, f"{name}i"))}
    if kind == "union":
        return draw(st.lists(PLAIN, min_size=1, max_size=3, unique=True))
    names = draw(st.lists(st.sampled_from("ab"), unique=True))
    return record(*(field(each, draw(schemas(depth - 1, f"{name}{each}"))) for each in names), name=name)


@st.composite
def evolved(draw, schema):
    """The schema, with some of its parts changed in ways that a reader can often follow."""
    if isinstance(schema, list):
        return draw(st.permutations(schema)) + draw(st.lists(PLAIN.filter(lambda new: new not in schema), max_size=1))
    if isinstance(schema, str):
        return draw(st.sampled_from([schema, schema, ["boolean", schema] if schema != "boolean" else schema, "double"]))
    if schema["type"] == "array":
        return {**schema, "items": draw(evolved(schema["items"]))}
    if schema["type"] == "enum":
        symbols = [symbol for symbol in schema["symbols"] if draw(st.booleans())]
        return {**schema, "symbols": [*symbols, "D"], **draw(st.sampled_from([{}, {"default": "D"}]))}
    kept = [each for each in schema["fields"] if draw(st.integers(0, 3))]
    fields = [{**each, "type": draw(evolved(each["type"]))} for each in kept]
    added = [field("c", "long", **default) for default in draw(st.sampled_from([[], [{}], [{"default": 7}]]))]
    return {**schema, "fields": [*draw(st.permutations(fields)), *added]}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data())
def test_whatever_is_written_with_a_compatible_schema_fastavro_reads(data):
    """fastavro resolves schemas too: where we say that a reader can read, it does."""
    writer = data.draw(schemas())
    reader = data.draw(evolved(writer))
    assume(reader != writer and can_read(reader, writer))
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(writer), data.draw(values(writer)))
    schemaless_reader(io.BytesIO(out.getvalue()), parse_schema(writer), parse_schema(reader))
