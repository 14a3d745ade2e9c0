"""Avro schema texts, as the development registry checks and spells them."""

import json

import pytest

from registry.avsc import InvalidAvro, canonical, parse


def record(*fields, **more):
    return {"type": "record", "name": "R", "fields": list(fields), **more}


def field(type_, **more):
    return {"name": "a", "type": type_, **more}


E = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "record", "name": "1R", "fields": []}, "not a valid name"),
        ({"type": "record", "fields": []}, "without a name"),
        ({"type": "record", "name": "R"}, "without a list of fields"),
        (record({"name": "a"}), "without a type"),
        (record(field("int"), field("int")), "twice"),
        (record(field("Unknown")), "unknown type Unknown"),
        (record(field(record())), "defined twice"),
        (record(field("int", aliases="b")), "not a list of strings"),
        ({**E, "symbols": ["A", "A"]}, "symbol twice"),
        ({**E, "symbols": ["1"]}, "not a valid name"),
        ({**E, "default": "C"}, "none of its symbols"),
        ({"type": "fixed", "name": "F"}, "without a size"),
        ({"type": "fixed", "name": "F", "size": -1}, "without a size"),
        ({"type": "array"}, "without items"),
        ({"type": "map"}, "without values"),
        (["int", "int"], "int twice"),
        (["int", ["string"]], "union directly inside a union"),
        ({"type": {"type": "int"}}, "type of a schema is a name"),
        (3, "not a name, a list, or an object"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(schema, rule):
    with pytest.raises(InvalidAvro, match=rule):
        parse(json.dumps(schema))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "{}", "null"])
def test_what_is_no_schema_at_all_is_refused(text):
    with pytest.raises(InvalidAvro):
        parse(text)


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("null", None),
        ("int", -(2**31)),
        ("long", 2**63 - 1),
        ("double", 1),
        ("bytes", "ÿ"),
        ({"type": "array", "items": "int"}, [1]),
        ({"type": "map", "values": "int"}, {"k": 1}),
        (E, "A"),
        (["null", "int"], None),
        (["null", "int"], 1),
        ({"type": "record", "name": "S", "fields": [field("int", default=0)]}, {}),
    ],
)
def test_a_default_that_fits_its_type_is_taken(type_, default):
    root, _ = parse(json.dumps(record(field(type_, default=default))))
    assert root.fields[0].has_default


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("null", 0),
        ("int", 2**31),
        ("int", True),
        ("int", 1.5),
        ("boolean", 0),
        ("double", "1"),
        ("string", None),
        ({"type": "array", "items": "int"}, ["1"]),
        ({"type": "map", "values": "int"}, [1]),
        (E, "C"),
        (["null", "int"], "1"),
        ({"type": "record", "name": "S", "fields": [field("int")]}, {}),
    ],
)
def test_a_default_that_does_not_fit_is_refused_without_being_shown(type_, default):
    with pytest.raises(InvalidAvro) as caught:
        parse(json.dumps(record(field(type_, default=default))))
    assert str(caught.value) == "the default of field a does not fit its type"


def test_names_are_full_and_live_in_the_namespace_around_them():
    inner = {"type": "enum", "name": "E", "symbols": ["A"]}
    other = {"type": "fixed", "name": "x.F", "size": 1}
    fields = [field(inner), {"name": "b", "type": other}, {"name": "c", "type": "E"}, {"name": "d", "type": "x.F"}]
    root, names = parse(json.dumps(record(*fields, namespace="demo", aliases=["Old", "y.Old"])))
    assert set(names) == {"demo.R", "demo.E", "x.F"}
    assert root.aliases == {"demo.Old", "y.Old"}
    assert [each.type.name for each in root.fields] == ["demo.E", "x.F", "demo.E", "x.F"]


def test_a_recursive_type_refers_to_itself():
    root, _ = parse(json.dumps(record(field(["null", "R"]))))
    assert root.fields[0].type.branches[1] is root


def test_names_known_from_references_may_be_used_but_not_defined_again():
    _, known = parse(json.dumps(E))
    assert parse(json.dumps(record(field("E"))), known)[0].fields[0].type is known["E"]
    with pytest.raises(InvalidAvro, match="defined twice"):
        parse(json.dumps(E), known)


def test_the_canonical_text_is_compact_with_known_attributes_first_and_all_others_kept():
    text = """{ "fields": [ {"type": {"type": "string"}, "pii": {"z": 1, "a": 2}, "name": "a"} ],
               "x": [1], "name": "R", "type": "record" }"""
    assert canonical(text) == (
        '{"type":"record","name":"R","fields":[{"name":"a","type":"string","pii":{"z":1,"a":2}}],"x":[1]}'
    )


def test_a_bare_primitive_name_and_its_object_are_one_text():
    assert canonical("string") == canonical('"string"') == canonical('{"type": "string"}') == '"string"'


def test_normalizing_spells_names_in_full_and_sorts_what_avro_does_not_know():
    one = {**record(field("R"), namespace="demo"), "b": 1, "a": 2}
    other = {**record(field("demo.R")), "name": "demo.R", "a": 2, "b": 1}
    assert canonical(json.dumps(one)) != canonical(json.dumps(other))
    assert canonical(json.dumps(one), normalize=True) == canonical(json.dumps(other), normalize=True)
