"""What output schemas say: everything of the source that is no secret, and what was done to what was one."""

from __future__ import annotations

import hashlib
import hmac as standard_hmac
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.publishing import published
from registry.schema.avro import parse
from registry.schema.paths import TagGlobs
from registry.schema.printer import schema_of
from registry.schema.tree import Field, Shape, leaves
from tests.unit.chains import PII, avro, bound
from tests.unit.rings import RING
from transforms.fpe import Fpe, FpeDecrypt
from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.replace_field import ReplaceField
from transforms.transform import Transform

ALL = TagGlobs(["*"])
BY_FIRST_CONNECTOR = {
    "streamveil:protected": [{"transform": "Fpe", "step": "e", "key": "ring", "version": 1, "domain": "d"}],
    "streamveil:was": ["PII"],
}


def output(schema: Any, *transforms: Transform, sensitive: TagGlobs = ALL) -> Any:
    (end,) = (end.shape for end in bound(avro(schema), *transforms).ends())
    assert isinstance(end, Shape)
    return schema_of(published(end.value, sensitive))


def record(*fields: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", **attrs, "fields": list(fields)}


def field(name: str, type_: Any = "string", **attrs: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **attrs}


def hmac(**options: Any) -> Transform:
    return Hmac.model_validate({"key": "ring", "domain": "d", **options})


def mask(**options: Any) -> Transform:
    return MaskField.model_validate(options)


def lineage(step: str = "t0", **facts: Any) -> dict[str, Any]:
    named = {"step": step, "key": "ring", "version": 1, "domain": "d", "fingerprint": RING.fingerprint(1)}
    return {"transform": "Hmac", **named, **facts}


HMACKED = {"streamveil:protected": [lineage()], "streamveil:was": ["PII"]}


def test_names_logical_types_docs_defaults_and_aliases_are_carried() -> None:
    day = {"type": "int", "logicalType": "date"}
    plain = field("day", ["null", day], default=None, doc="of birth", aliases=["born"], custom=1)
    schema = record(field("x", **PII), plain, doc="people", aliases=["Old"], namespace="demo")
    printed = output(schema, hmac(tags="PII"))
    assert printed["fields"][1] == plain
    assert {k: printed[k] for k in ("name", "namespace", "doc", "aliases")} == {
        "name": "R",
        "namespace": "demo",
        "doc": "people",
        "aliases": ["Old"],
    }


def test_a_protected_leaf_tells_its_lineage_and_says_nothing_else_of_the_source() -> None:
    loud = field("x", **PII, doc="such as ada", aliases=["mail"], example="ada")
    assert output(record(loud), hmac(tags="PII"))["fields"] == [field("x", **HMACKED)]


@pytest.mark.parametrize(
    ("nested", "inner"),
    [
        ({"type": "array", "items": {"type": "string", **PII}}, lambda printed: printed["items"]),
        ({"type": "map", "values": {"type": "string", **PII}}, lambda printed: printed["values"]),
        (["null", "int", {"type": "string", **PII}], lambda printed: printed[2]),
        (record(field("y", **PII)) | {"name": "Inner"}, lambda printed: printed["fields"][0]),
    ],
    ids=["items", "map values", "union branch", "inner record"],
)
def test_lineage_stands_at_the_leaf_wherever_it_lies(nested: Any, inner: Any) -> None:
    (x,) = output(record(field("x", nested)), hmac(tags="PII"))["fields"]
    assert {k: inner(x["type"])[k] for k in HMACKED} == HMACKED


def test_the_lineage_of_map_keys_stands_on_the_map_and_is_read_back_from_there() -> None:
    (x,) = output(
        record(field("x", {"type": "map", "values": "int"}, **PII)), hmac(fields="x{#}"), mask(fields="x{*}")
    )["fields"]
    assert x["type"]["streamveil:keys"] == {"protected": [lineage()], "was": ["PII"]}
    again = parse(record(field("x", x["type"])), root="value")
    keys, _ = again.type.fields[0].type.fields
    assert keys.attrs == HMACKED


def test_a_named_type_used_twice_becomes_two_where_only_one_use_is_protected() -> None:
    address = {"type": "record", "name": "Address", "fields": [field("street", **PII)]}
    home, work = output(record(field("home", address), field("work", "Address")), hmac(fields="home.street"))["fields"]
    assert home["type"]["name"] == "Address"
    assert home["type"]["fields"][0] == field("street", **HMACKED)
    assert work["type"]["name"] == "Address_2"
    assert "streamveil:protected" not in json.dumps(work)


def test_lineage_at_a_use_of_a_named_leaf_type_says_nothing_of_its_other_uses() -> None:
    fixed = {"type": "fixed", "name": "F", "size": 4}
    schema = record(field("a", {"type": "array", "items": fixed}), field("b", {"type": "array", "items": "F"}))
    printed = output(schema, mask(fields="a[*]", tags="NONE"))
    a, b = parse(printed, root="value").type.fields
    assert "streamveil:protected" in a.type.fields[0].attrs
    assert "streamveil:protected" not in b.type.fields[0].attrs


@pytest.mark.parametrize(
    "options",
    [{"keep.first": "1"}, {"keep.last": "4"}, {"pattern": "[0-9]{4}"}, {"keep.chars": "-"}, {"email": "domain"}],
)
def test_what_is_masked_in_part_keeps_its_tags(options: dict[str, str]) -> None:
    (x,) = output(record(field("x", **PII)), mask(tags="PII", **options))["fields"]
    assert x == field(
        "x", **PII, **{"streamveil:protected": [{"transform": "MaskField", "step": "t0", "partial": True}]}
    )


def test_what_is_masked_in_part_and_then_whole_loses_its_tags() -> None:
    (x,) = output(record(field("x", **PII)), mask(tags="PII", **{"keep.last": "4"}), hmac(tags="PII"))["fields"]
    assert x["streamveil:was"] == ["PII"]
    assert "confluent:tags" not in x


def test_tags_that_are_not_sensitive_stay_on_a_protected_leaf() -> None:
    tagged = {"confluent:tags": ["PII", "team.sales"]}
    (x,) = output(record(field("x", **tagged)), hmac(tags="PII"), sensitive=TagGlobs(["PII"]))["fields"]
    assert x == field("x", **HMACKED, **{"confluent:tags": ["team.sales"]})


def test_what_an_earlier_connector_wrote_of_a_leaf_stays_where_this_one_leaves_it_alone() -> None:
    items = {"type": "array", "items": {"type": "string", **BY_FIRST_CONNECTOR}}
    schema = record(field("x", **PII), field("card", **BY_FIRST_CONNECTOR), field("cards", items))
    rename = ReplaceField.model_validate({"renames": "card:number"})
    _, card, cards = output(schema, hmac(tags="PII"), rename)["fields"]
    assert card == field("number", **BY_FIRST_CONNECTOR)
    assert cards == field("cards", items)


@pytest.mark.parametrize(
    "transform", [FpeDecrypt.model_validate({"key": "ring", "domain": "d", "fields": "x"}), mask(fields="x")]
)
def test_what_an_earlier_connector_wrote_goes_where_this_one_changes_the_value(transform: Transform) -> None:
    (x,) = output(record(field("x", **BY_FIRST_CONNECTOR)), transform)["fields"]
    assert x.get("streamveil:protected") != BY_FIRST_CONNECTOR["streamveil:protected"]
    assert "streamveil:was" not in x


def test_what_is_reversed_has_its_tags_again() -> None:
    decrypt = FpeDecrypt.model_validate({"key": "ring", "domain": "d", "fields": "x"})
    (x,) = output(record(field("x", **BY_FIRST_CONNECTOR)), decrypt)["fields"]
    assert x == field("x", **PII)


def test_what_is_reversed_in_part_keeps_the_claim_of_the_rest_and_of_its_tags() -> None:
    hashed = BY_FIRST_CONNECTOR["streamveil:protected"][0]
    twice = {"streamveil:protected": [{**hashed, "transform": "Hmac"}, hashed], "streamveil:was": ["PII"]}
    decrypt = FpeDecrypt.model_validate({"key": "ring", "domain": "d", "fields": "x"})
    (x,) = output(record(field("x", **twice)), decrypt)["fields"]
    assert x == field("x", **{**twice, "streamveil:protected": twice["streamveil:protected"][:1]})


@pytest.mark.parametrize("was", ["PII", [1], {"PII": 1}, None])
def test_a_claim_about_tags_that_nobody_of_ours_wrote_is_no_tag(was: Any) -> None:
    decrypt = FpeDecrypt.model_validate({"key": "ring", "domain": "d", "fields": "x"})
    (x,) = output(record(field("x", **{**BY_FIRST_CONNECTOR, "streamveil:was": was})), decrypt)["fields"]
    assert x == field("x")


class TestDefaults:
    def test_null_stays_the_default_of_a_sensitive_leaf(self) -> None:
        (x,) = output(record(field("x", ["null", "string"], default=None, **PII)), hmac(tags="PII"))["fields"]
        assert x["default"] is None

    def test_a_default_takes_the_protected_form_that_its_values_take(self) -> None:
        schema = record(field("x", default="ada", **PII))
        (x,) = output(schema, hmac(tags="PII"))["fields"]
        subkey = RING.subkey("hmac", "d", 32)
        assert x["default"] == standard_hmac.new(subkey, b"ada", hashlib.sha256).hexdigest()

    def test_a_default_that_has_no_protected_form_goes(self) -> None:
        fpe = Fpe.model_validate({"key": "ring", "domain": "d", "alphabet": "digits", "tags": "PII"})
        (x,) = output(record(field("x", default="12", **PII)), fpe)["fields"]
        assert "default" not in x

    def test_a_default_that_is_none_of_its_type_goes(self) -> None:
        (x,) = output(record(field("x", default=7, **PII)), hmac(tags="PII"))["fields"]
        assert "default" not in x

    def test_a_default_of_a_container_goes_with_what_is_protected_in_it(self) -> None:
        address = {"type": "record", "name": "A", "fields": [field("street", **PII)]}
        schema = record(field("a", address, default={"street": "1 Main St"}, doc="where they live"))
        (a,) = output(schema, hmac(tags="PII"))["fields"]
        assert "default" not in a
        assert a["doc"] == "where they live"

    def test_an_empty_default_of_a_container_stays(self) -> None:
        (x,) = output(record(field("x", {"type": "array", "items": "string"}, default=[], **PII)), hmac(fields="x[*]"))[
            "fields"
        ]
        assert x["default"] == []

    def test_the_default_of_a_leaf_that_is_not_sensitive_stays_as_it_is(self) -> None:
        (x,) = output(record(field("x", default="eu")), hmac(fields="x"))["fields"]
        assert x["default"] == "eu"


def test_a_container_that_is_tagged_itself_says_nothing_of_its_content() -> None:
    address = {"type": "record", "name": "A", "fields": [field("street")], "doc": "such as 1 Main St"}
    (a,) = output(record(field("a", address, doc="such as 1 Main St", **PII)), hmac(tags="PII"))["fields"]
    assert "Main" not in json.dumps(a)


@st.composite
def types(draw: st.DrawFn, depth: int = 3) -> Any:
    """Avro types with tags on some leaves, and on named types that are used again."""
    tagged = st.sampled_from([{}, PII])
    kinds = ["leaf", "fixed"] if depth == 0 else ["leaf", "fixed", "array", "map", "nullable", "union", "record"]
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return {"type": draw(st.sampled_from(["string", "long", "boolean", "bytes"])), **draw(tagged)}
        case "fixed":
            return draw(st.sampled_from(["again", "new"]))
        case "array":
            return {"type": "array", "items": draw(types(depth=depth - 1))}
        case "map":
            return {"type": "map", "values": draw(types(depth=depth - 1)), **draw(tagged)}
        case "nullable":
            return ["null", draw(types(depth=0))]
        case "union":
            return ["null", {"type": "int"}, {"type": "string", **draw(tagged)}]
        case _:
            inner = [
                field(f"f{n}", draw(types(depth=depth - 1)), **draw(tagged)) for n in range(draw(st.integers(1, 3)))
            ]
            return {"type": "record", "name": "again", "fields": inner}


def named(type_: Any, known: list[str]) -> Any:
    """Each record and fixed under a name of its own, but for the uses that refer to the last fixed there was."""
    match type_:
        case "again" if known:
            return known[-1]
        case "again" | "new":
            known.append(f"F{len(known)}")
            return {"type": "fixed", "name": known[-1], "size": 3}
        case list():
            return [named(branch, known) for branch in type_]
        case {"fields": fields, **rest}:
            return {**rest, "name": f"R{id(type_)}", "fields": [{**f, "type": named(f["type"], known)} for f in fields]}
        case {"items": items, **rest}:
            return {**rest, "items": named(items, known)}
        case {"values": values, **rest}:
            return {**rest, "values": named(values, known)}
        case _:
            return type_


@given(types(), st.sampled_from([hmac(tags="PII"), mask(tags="PII"), mask(tags="PII", **{"keep.last": "1"})]))
def test_whatever_the_schema_its_output_is_avro_and_reads_back_with_the_lineage_of_every_leaf(
    type_: Any, transform: Transform
) -> None:
    schema = record(field("x", named(type_, [])), field("y", **PII))
    (end,) = (end.shape for end in bound(avro(schema), transform).ends())
    assert isinstance(end, Shape)
    shown = published(end.value, ALL)
    printed = schema_of(shown)
    fastavro.parse_schema(json.loads(json.dumps(printed)))
    again = parse(printed, root="value")
    said = [(path, lineage_of(leaf)) for path, leaf in leaves(shown)]
    assert [(path, lineage_of(leaf)) for path, leaf in leaves(again)] == said


def lineage_of(leaf: Field) -> dict[str, Any]:
    return {name: fact for name, fact in leaf.attrs.items() if name.startswith("streamveil:")}
