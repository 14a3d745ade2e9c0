"""Tokenize with mode=vault: tokens that can only be looked up, and the mapping that goes along with each record."""

from __future__ import annotations

from typing import Any

import pytest

from connector.running import Runner
from registry.schema.plain_input import from_plain
from registry.schema.tree import Shape
from tests.unit.chains import KEYS, PII, avro, bound, json_values, run, verdict
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.token_vault import Subjects, open_mapping, read_mapping
from transforms.tokenize import Tokenize
from transforms.transform import Along, Rows, Transform

RING = KEYS["ring"]


def tokenize(**options: Any) -> Tokenize:
    given = {"mode": "vault", "key": "ring", "subject.field": "id", "tags": "PII", **options}
    return Tokenize.model_validate({name: value for name, value in given.items() if value is not None})


def customers(*fields: dict[str, Any], id_type: Any = "long") -> Shape:
    email = {"name": "email", "type": ["null", "string"], **PII}
    return avro({"type": "record", "name": "C", "fields": [{"name": "id", "type": id_type}, email, *fields]})


def along(shape: Shape, records: list[Any], *transforms: Transform) -> list[tuple[Along, ...] | Code]:
    """What goes along with each record, or the code that it is rejected with."""
    convert, count = from_plain(shape.value), len(records)
    rows = Rows([None] * count, list(map(convert, records)), [[]] * count, ["t"] * count, [0] * count, [0] * count)
    finished, others = Runner(bound(shape, *transforms)).run(rows)
    found: dict[int, Any] = {index: getattr(why, "code", why) for index, why in others.items()}
    for group in finished:
        found |= zip(group.index, group.rows.along, strict=True)
    return [found[index] for index in range(count)]


def value_of(record: Along) -> bytes | None:
    return open_mapping({RING.fingerprint(1): (RING, 1)}.get, record.key, record.value)


def test_each_record_takes_the_way_back_of_its_tokens_along() -> None:
    records = [{"id": 1, "email": "ann@x"}, {"id": 2, "email": None}, {"id": 3, "email": "bob@x"}]
    ann, nobody, bob = along(customers(), records, tokenize())

    assert isinstance(ann, tuple)
    assert isinstance(bob, tuple)
    assert [value_of(record) for record in (*ann, *bob)] == [b"ann@x", b"bob@x"]
    assert nobody == ()
    said = read_mapping(ann[0].key, ann[0].value)
    assert said is not None
    tokens = [record["email"] for record in run(customers(), records, tokenize())]
    assert tokens == [said.token, None, read_mapping(bob[0].key, bob[0].value).token]  # type: ignore[union-attr]  # it is one
    assert said.domain == "PII"
    assert said.subject == Subjects(RING).digests(b"1")[1]


def test_tokens_are_the_same_in_every_topic_and_differ_by_domain() -> None:
    ann = [{"id": 1, "email": "ann@x"}, {"id": 2, "email": "ann@x"}]
    one, two = (record["email"] for record in run(customers(), ann, tokenize(domain="d")))
    other = run(customers(), ann, tokenize(domain="e"))[0]["email"]

    assert one == two
    assert one != other
    assert one.startswith("tok_")


def test_the_subject_is_what_it_was_though_it_is_tokenized_itself_before_or_after() -> None:
    key, email = ({"name": name, "type": "string", **PII} for name in ("key", "email"))
    for fields in ([key, email], [email, key]):
        shape, records = avro({"type": "record", "name": "C", "fields": fields}), [{"email": "ann@x", "key": "ann"}]
        (found,) = along(shape, records, tokenize(**{"subject.field": "key"}))
        assert isinstance(found, tuple)
        assert {read_mapping(r.key, r.value).subject for r in found} == {Subjects(RING).digests(b"ann")[1]}  # type: ignore[union-attr]  # they are
        assert {value_of(r) for r in found} == {b"ann@x", b"ann"}


def test_all_values_of_a_record_are_the_subjects_in_lists_maps_and_unions() -> None:
    phones = {"name": "phones", "type": {"type": "array", "items": "string"}, **PII}
    either = {"name": "either", "type": ["null", "string", "int"], **PII}
    record = {"id": 7, "email": "a@x", "phones": ["1", "2"], "either": 5}
    (found,) = along(customers(phones, either), [record], tokenize())

    assert isinstance(found, tuple)
    assert {value_of(r) for r in found} == {b"a@x", b"1", b"2", b"5"}
    assert {r.subjects for r in found} == {tuple(Subjects(RING).digests(b"7").values())}


@pytest.mark.parametrize("missing", [None, ""])
def test_a_value_that_is_nobodys_is_rejected_because_it_could_not_be_forgotten(missing: str | None) -> None:
    shape = customers(id_type=["null", "string"])
    assert along(shape, [{"id": missing, "email": "ann@x"}], tokenize()) == [Code.NO_SUBJECT]
    assert along(shape, [{"id": missing, "email": None}], tokenize()) == [()]


def test_without_a_schema_the_subject_is_found_by_its_path() -> None:
    records = [{"id": 5, "email": "ann@x"}, {"email": "bob@x"}, {"id": {"a": 1}, "email": "cyd@x"}]
    found = along(json_values(PII=["email"]), records, tokenize())

    assert isinstance(found[0], tuple)
    assert [r.subjects for r in found[0]] == [tuple(Subjects(RING).digests(b"5").values())]
    assert found[1:] == [Code.NO_SUBJECT, Code.NO_SUBJECT]


def test_a_record_that_a_later_transform_rejects_takes_nothing_along() -> None:
    other = {"name": "card", "type": "string"}
    reject = MaskField.model_validate({"fields": "card", "pattern": "[0-9]+", "pattern.unmatched": "reject"})
    records = [{"id": 1, "email": "a@x", "card": "x"}, {"id": 2, "email": "b@x", "card": "12"}]
    found = along(customers(other), records, tokenize(), reject)

    assert found[0] is Code.UNMATCHED_PATTERN
    assert len(found[1]) == 1


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("nobody", "has no nobody"),
        ("phones[*]", "several values"),
        ("blob", "as text"),
    ],
)
def test_a_schema_without_a_usable_subject_is_refused(subject: str, says: str) -> None:
    phones = {"name": "phones", "type": {"type": "array", "items": "string"}}
    blob = {"name": "blob", "type": "bytes"}
    plan = bound(customers(phones, blob), tokenize(**{"subject.field": subject}))
    assert plan.refused is not None
    assert says in plan.refused.reason


def test_a_subject_that_was_replaced_before_is_refused_because_nobody_could_be_found_by_it() -> None:
    plan = bound(customers(), MaskField.model_validate({"fields": "id"}), tokenize())
    assert plan.refused is not None
    assert "transforms.t0 has replaced id" in plan.refused.reason


def test_it_protects() -> None:
    assert verdict(customers(), tokenize()) == "protected"


def test_a_schema_without_anything_to_tokenize_needs_no_subject() -> None:
    shape = avro({"type": "record", "name": "C", "fields": [{"name": "a", "type": "int"}]})
    assert bound(shape, tokenize()).refused is None
