"""Transforms, predicates and key rings in a configuration, as users of Kafka Connect write them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from connector.config import Need, load
from registry.schema.tree import Shape
from tests.unit.configuring import RING, chain_errors, chain_of, dotted, errors_of, errors_with, loaded
from transforms import table
from transforms.hmac import Hmac
from transforms.mask_field import MaskField
from transforms.predicate import Predicate
from transforms.transform import Bound, Context, Transform

APACHE = "org.apache.kafka.connect.transforms."


class Shrink(Transform):
    """A transform of whole records, which has no side."""

    sides = False

    def bind(self, shape: Shape, context: Context) -> Bound:
        return Bound(shape)


class TopicIs(Predicate):
    """A predicate with an option."""

    name: str


@pytest.fixture(autouse=True)
def _more_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.config.types.TRANSFORMS", {**table.TRANSFORMS, "Shrink": Shrink})
    monkeypatch.setattr("connector.config.chain.PREDICATES", {"TopicIs": TopicIs})


def _mask(type_: str, **options: Any) -> dict[str, Any]:
    return {"transforms": "m", "transforms.m.type": type_, "transforms.m.fields": "a"} | {
        f"transforms.m.{name}": value for name, value in dotted(options).items()
    }


def _mask_errors(type_: str = "MaskField", **options: Any) -> list[str]:
    return errors_of(_mask(type_, **options), Need.CHAIN)


@pytest.mark.parametrize(
    ("type_", "side"),
    [
        (f"{APACHE}MaskField$Value", "value"),
        (f"{APACHE}MaskField$Key", "key"),
        ("MaskField$Value", "value"),
        ("MaskField$Key", "key"),
        ("MaskField", "value"),
        ("com.example.MaskField", "value"),
    ],
)
def test_the_last_segment_of_a_type_counts(type_: str, side: str) -> None:
    [link] = load(_mask(type_), need=Need.CHAIN).chain

    assert isinstance(link.transform, MaskField)
    assert link.transform.side == side


def test_apaches_own_class_without_a_side_is_abstract_as_in_kafka() -> None:
    [error] = _mask_errors(f"{APACHE}MaskField")

    assert error == (
        f'transforms.m.type: found "{APACHE}MaskField"; expected {APACHE}MaskField$Key or {APACHE}MaskField$Value: '
        "in Kafka the class without a side is abstract"
    )


@pytest.mark.parametrize("type_", ["MaskField$", "MaskField$Both", f" {APACHE}MaskField$Value ", "MaskField$Value$Key"])
def test_a_side_is_key_or_value(type_: str) -> None:
    [error] = _mask_errors(type_)

    assert error == f'transforms.m.type: found "{type_}"; expected MaskField$Key or MaskField$Value'


def test_a_transform_of_whole_records_has_no_side() -> None:
    chain = load({"transforms": "s", "transforms.s.type": f"{APACHE}Shrink"}, need=Need.CHAIN).chain
    assert isinstance(chain[0].transform, Shrink)

    [error] = errors_of({"transforms": "s", "transforms.s.type": "Shrink$Value"}, Need.CHAIN)
    assert error == 'transforms.s.type: found "Shrink$Value"; expected Shrink'


@pytest.mark.parametrize("type_", ["java.lang.String", "", "maskfield$Value"])
def test_an_unknown_type_is_told_which_there_are(type_: str) -> None:
    [error] = _mask_errors(type_)

    assert error.startswith(f'transforms.m.type: found "{type_}"; expected ')
    assert "MaskField" in error


def test_a_chain_keeps_the_order_of_its_aliases() -> None:
    chain = chain_of(
        transforms=" second , first ",
        transforms__first__type="MaskField",
        transforms__first__fields="a",
        transforms__second__type="ReplaceField",
    ).chain

    assert [(link.alias, link.name) for link in chain] == [("second", "ReplaceField"), ("first", "MaskField")]


def test_an_empty_chain_is_allowed() -> None:
    assert chain_of(transforms="").chain == ()


def test_a_blank_alias_is_an_error() -> None:
    assert errors_of(_mask("MaskField") | {"transforms": "m,,"}, Need.CHAIN) == [
        'transforms: found "m,,"; expected a comma separated list of aliases without blank entries'
    ]


def test_an_alias_given_twice_is_an_error() -> None:
    assert errors_of(_mask("MaskField") | {"transforms": "m,m"}, Need.CHAIN) == [
        'transforms: found "m,m"; expected a comma separated list that has no alias twice'
    ]


def test_an_alias_without_a_type_is_an_error() -> None:
    [error] = chain_errors(transforms="m")

    assert error.startswith("transforms.m.type: found nothing; expected one of the known types (")


def test_options_of_an_alias_that_is_not_in_the_chain_are_unknown() -> None:
    [error] = errors_of({"transforms": "", **{k: v for k, v in _mask("x").items() if k.endswith("fields")}}, Need.CHAIN)

    assert error == "transforms.m.fields: found an unknown key; expected an alias that transforms lists"


def test_aliases_may_have_dots_in_them() -> None:
    chain = chain_of(
        transforms="m,m.n",
        transforms__m__type="MaskField",
        transforms__m__fields="a",
        transforms__m__n__type="MaskField",
        transforms__m__n__fields="b",
    ).chain

    assert [link.transform.fields for link in chain if isinstance(link.transform, MaskField)] == [("a",), ("b",)]


def test_an_unknown_option_is_told_what_may_have_been_meant() -> None:
    assert _mask_errors(replacment="x") == [
        "transforms.m.replacment: found an unknown key; "
        "expected a key that Streamveil knows, perhaps transforms.m.replacement"
    ]
    assert _mask_errors(predicat="x") == [
        "transforms.m.predicat: found an unknown key; "
        "expected a key that Streamveil knows, perhaps transforms.m.predicate"
    ]


def test_a_side_cannot_be_set_as_an_option() -> None:
    assert errors_of(_mask("MaskField") | {"transforms.m.$side": "key"}, Need.CHAIN) == [
        "transforms.m.$side: found an unknown key; expected a key that Streamveil knows"
    ]


@pytest.mark.parametrize("fields", ["a,,b", "a,a", "a..b"])
def test_an_option_with_a_wrong_value_is_shown_with_it(fields: str) -> None:
    [error] = _mask_errors(fields=fields)

    assert error.startswith(f'transforms.m.fields: found "{fields}"; expected ')


def test_a_required_option_that_is_missing_is_named() -> None:
    [error] = chain_errors(transforms="h", transforms__h__type="Hmac", transforms__h__fields="a")

    assert error == "transforms.h.key: found nothing; expected a value, because it has no default"


def test_options_that_do_not_fit_together_are_reported_at_their_transform() -> None:
    [error] = chain_errors(transforms="m", transforms__m__type="MaskField")

    assert error.startswith("transforms.m: expected options that fit together: ")


def test_several_options_of_one_transform_are_reported_together() -> None:
    errors = chain_errors(
        transforms="h",
        transforms__h__type="Hmac",
        transforms__h__bits="all",
        transforms__h__encoding="base32",
        transforms__h__key="customers",
        transforms__h__fields="a",
    )

    assert errors == [
        'transforms.h.bits: found "all"; expected a whole number',
        'transforms.h.encoding: found "base32"; expected one of hex, base64url',
        "transforms.h.key: expected a key ring under keys",
    ]


# Predicates


def _predicated(**keys: Any) -> dict[str, Any]:
    return {**_mask("MaskField"), "predicates": "p", "predicates.p.type": "TopicIs", "predicates.p.name": "t"} | dotted(
        keys
    )


@pytest.mark.parametrize("type_", ["TopicIs", f"{APACHE}predicates.TopicIs"])
def test_a_predicate_is_named_by_its_alias(type_: str) -> None:
    [link] = load(_predicated(predicates__p__type=type_, transforms__m__predicate="p"), need=Need.CHAIN).chain

    assert link.predicate == TopicIs(name="t")
    assert link.negate is False


@pytest.mark.parametrize(("text", "negate"), [("true", True), ("TRUE", True), ("False", False), (" TRUE ", False)])
def test_a_predicate_may_be_negated(text: str, negate: bool) -> None:
    """As in Kafka, which accepts blanks around `true` and then does not negate."""
    config = _predicated(transforms__m__predicate="p", transforms__m__negate=text)

    assert load(config, need=Need.CHAIN).chain[0].negate is negate


def test_negate_is_a_boolean_of_kafka() -> None:
    config = _predicated(transforms__m__predicate="p", transforms__m__negate="yes")

    assert errors_of(config, Need.CHAIN) == ['transforms.m.negate: found "yes"; expected true or false']


def test_there_must_be_a_predicate_to_negate() -> None:
    assert errors_of(_predicated(transforms__m__negate="true"), Need.CHAIN) == [
        "transforms.m.negate: expected transforms.m.predicate to be given, which it would negate"
    ]


def test_a_predicate_that_is_not_declared_is_an_error() -> None:
    assert errors_of(_predicated(transforms__m__predicate="q"), Need.CHAIN) == [
        'transforms.m.predicate: found "q"; expected one of those under predicates: p'
    ]


def test_a_predicate_is_checked_even_if_nothing_uses_it() -> None:
    assert errors_of({"predicates": "p"}, Need.CHAIN) == [
        "predicates.p.type: found nothing; expected one of the known types (TopicIs)"
    ]
    assert errors_of({"predicates": "p", "predicates.p.type": "TopicIsNot"}, Need.CHAIN) == [
        'predicates.p.type: found "TopicIsNot"; expected TopicIs'
    ]
    assert errors_of({"predicates": "p", "predicates.p.type": "TopicIs"}, Need.CHAIN) == [
        "predicates.p.name: found nothing; expected a value, because it has no default"
    ]


# Key rings


def _keyed(**keys: Any) -> dict[str, Any]:
    return {
        "transforms": "h",
        "transforms.h.type": "Hmac",
        "transforms.h.fields": "email",
        "transforms.h.key": "customers",
        "keys": "customers",
        "keys.customers.provider": "env",
        "keys.customers.variable": "CUSTOMERS",
    } | dotted(keys)


def test_a_transform_refers_to_a_key_ring_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMERS", RING)

    connector = load(_keyed(), need=Need.CHAIN)

    assert connector.chain[0].transform.key_ring() == "customers"
    assert connector.rings["customers"].writing_version == 1


def test_a_key_ring_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ring.json"
    file.write_text(RING)
    file.chmod(0o600)
    config = {key: value for key, value in _keyed().items() if not key.startswith("keys.")}

    connector = load(config | {"keys.customers.provider": "file", "keys.customers.path": str(file)}, need=Need.CHAIN)

    assert connector.rings["customers"].writing_version == 1


def test_a_key_ring_that_is_not_configured_is_an_error_of_the_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands there is not shown: it may be a key, pasted into the wrong place."""
    monkeypatch.setenv("CUSTOMERS", RING)

    assert errors_of(_keyed(transforms__h__key="c3VzdG9tZXI="), Need.CHAIN) == [
        "transforms.h.key: expected one of the key rings under keys: customers"
    ]


def test_a_chain_alone_loads_the_key_rings_that_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMERS", RING)
    monkeypatch.delenv("OTHERS", raising=False)
    more = {"keys": "customers,others", "keys.others.provider": "env", "keys.others.variable": "OTHERS"}

    assert set(load({**_keyed(), **more}, need=Need.CHAIN).rings) == {"customers"}


def test_the_service_loads_every_key_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHERS", raising=False)

    assert errors_with(keys="others", keys__others__provider="env", keys__others__variable="OTHERS") == [
        "keys.others.variable: expected the name of an environment variable that is set"
    ]


def test_a_key_ring_that_cannot_be_loaded_is_reported_with_the_other_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMERS", "{}")

    assert errors_of(_keyed(transforms__h__bits="7"), Need.CHAIN) == [
        'keys.customers.variable: expected {"current": 1, "versions": {"1": "<base64 of 32 bytes>"}}',
        'transforms.h.bits: found "7"; expected a multiple of 8',
    ]


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"keys": "k"}, "keys.k.provider: found nothing; expected one of vault, file, env"),
        ({"keys": "k", "keys.k.provider": "keychain"}, "keys.k.provider: expected one of vault, file, env"),
        (
            {"keys": "k", "keys.k.provider": "file", "keys.k.pth": "/x"},
            "keys.k.pth: found an unknown key; expected a key that Streamveil knows, perhaps keys.k.path",
        ),
        ({"keys.k.provider": "env"}, "keys.k.provider: found an unknown key; expected an alias that keys lists"),
        ({"keys": "a,a"}, 'keys: found "a,a"; expected a comma separated list that has no alias twice'),
    ],
)
def test_a_key_ring_is_checked_even_if_nothing_uses_it(keys: dict[str, str], error: str) -> None:
    assert error in errors_of(keys, Need.CHAIN)


def test_a_configuration_without_key_rings_has_none() -> None:
    assert dict(loaded().rings) == {}


def test_a_version_that_the_key_ring_does_not_have_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMERS", RING)

    assert errors_of(_keyed(**{"transforms__h__key.version": "2"}), Need.CHAIN) == [
        "transforms.h.key.version: found 2; expected a version that the key ring customers has: 1"
    ]


def test_a_transform_may_write_with_an_older_version_of_its_key_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))
    monkeypatch.setenv("CUSTOMERS", json.dumps({"current": 2, "versions": {"1": old, "2": new}}))

    def version(**keys: str) -> int:
        connector = load(_keyed(**keys), need=Need.CHAIN)
        transform = connector.chain[0].transform
        assert isinstance(transform, Hmac)
        return transform.version(Context(keys=connector.rings))

    assert version() == 2
    assert version(**{"transforms__h__key.version": "1"}) == 1
