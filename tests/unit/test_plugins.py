"""Transforms from other packages: installed, loaded, and held to the rules before their protection counts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.config import Connector, Need, load
from connector.plan import Plan
from tests.unit.chains import KEYS, avro, bound, record_of, values, verdict
from tests.unit.configuring import RING as RING_DOCUMENT
from tests.unit.configuring import chain_errors
from tests.unit.packages import EXAMPLE, Packages, example_package
from transforms.mask_field import MaskField
from transforms.outcome import Code
from transforms.transform import Transform

Install = Callable[..., None]
NAMED = {"Suffix": "Suffix"}

HEAD = """
from typing import Any, ClassVar
from pydantic import Field as Option
from registry.schema.tree import Guard
from transforms.outcome import Rejected, Unbindable
from transforms.selecting import Selecting
from transforms.transform import Bound, ColumnStep, Context, RowStep, Transform
"""

SUFFIX = (
    HEAD
    + """
class Suffix(Selecting):
    protecting: ClassVar[bool] = True
    text: str = Option(default="!", description="What is appended.")

    def bind(self, shape, context):
        def leaf(field):
            return field, lambda values: [value + self.text for value in values]
        return self.over(shape, context, leaf, guard=lambda field: Guard(context.alias, "Suffix"))
"""
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with one module, whose types are named; nothing of it is left afterwards."""
    packages = Packages(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield packages.install
    packages.forget()


@pytest.fixture
def example(install: Install) -> None:
    install(*example_package())


def configured(type_: str, *, trust: str = "", **options: str) -> Connector:
    keys = {"transforms": "p", "transforms.p.type": type_, "transforms.p.fields": "x"}
    keys |= {f"transforms.p.{name}": value for name, value in options.items()}
    return load(keys | ({"policy.trust.plugins": trust} if trust else {}), need=Need.CHAIN)


def plugin(type_: str, *, trust: str = "", **options: str) -> Transform:
    [link] = configured(type_, trust=trust, **options).chain
    return link.transform


def errors(type_: str = "Suffix", trust: str = "Suffix") -> list[str]:
    keys = {"transforms": "p", "transforms.p.type": type_, "transforms.p.fields": "x"}
    return chain_errors(**keys, **({"policy.trust.plugins": trust} if trust else {}))


# The example


@pytest.mark.usefixtures("example")
def test_the_example_replaces_addresses_by_networks() -> None:
    given = ["203.0.113.77", "2001:db8:1:2::3", None, "not an address"]
    expected = ["203.0.113.0/24", "2001:db8:1::/48", None, Code.WRONG_TYPE]
    assert values(["null", "string"], given, plugin("IpPrefix")) == expected
    assert values("string", ["2001:db8:1:2::3"], plugin("IpPrefix", ipv6="56")) == ["2001:db8:1::/56"]


@pytest.mark.usefixtures("example")
def test_the_example_can_be_named_like_a_java_class_and_for_the_key() -> None:
    assert plugin("com.acme.IpPrefix$Key").side == "key"


@pytest.mark.usefixtures("example")
def test_the_example_counts_as_protecting_where_it_is_trusted() -> None:
    shape = avro(record_of("string"))
    assert verdict(shape, plugin("IpPrefix", trust="IpPrefix")) == "protected"
    assert verdict(shape, plugin("IpPrefix")) == "uncovered"


@pytest.mark.usefixtures("example")
def test_a_plugin_is_called_what_its_entry_point_is_called() -> None:
    [link] = configured("IpPrefix").chain
    assert link.name == "IpPrefix"


@pytest.mark.usefixtures("example")
def test_an_option_of_a_plugin_is_checked_like_any_other() -> None:
    keys = {"transforms": "p", "transforms.p.type": "IpPrefix", "transforms.p.fields": "x", "transforms.p.ipv4": "32"}
    assert chain_errors(**keys) == ['transforms.p.ipv4: found "32"; expected 24 or less']
    keys |= {"transforms.p.ipv4": "16", "transforms.p.ipv5": "1"}
    [error] = chain_errors(**keys)
    assert error.startswith("transforms.p.ipv5: found an unknown key")


# Loading


def test_without_plugins_a_name_is_unknown() -> None:
    assert "one of the known types" in errors(trust="")[0]


def test_a_plugin_that_nothing_names_is_not_imported(install: Install) -> None:
    install("raise RuntimeError('imported')", NAMED)
    load({"transforms": "m", "transforms.m.type": "MaskField", "transforms.m.fields": "x"}, need=Need.CHAIN)
    assert "acme_plugin" not in sys.modules


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise RuntimeError('planted-secret')", "can be imported (RuntimeError)"),
        ("import acme_missing", "can be imported (ModuleNotFoundError: acme_missing)"),
        ("", "can be imported (AttributeError)"),
        ("Suffix = 1", "a subclass of transforms.transform.Transform"),
        ("class Suffix: pass", "a subclass of transforms.transform.Transform"),
        (HEAD + "class Suffix(Selecting): pass", "with a method bind"),
        (SUFFIX.replace(', description="What is appended."', ""), "text has none"),
        (SUFFIX.replace("text: str", "negate: str"), "without options of its own named negate"),
        (SUFFIX.replace("text: str", "model_config = {'extra': 'allow'}\n    text: str"), "keeps the model_config"),
    ],
)
def test_a_broken_plugin_is_a_configuration_error(install: Install, source: str, said: str) -> None:
    install(source, NAMED)
    [error] = errors(trust="")
    assert error.startswith('transforms.p.type: found "Suffix"; expected a plugin')
    assert said in error
    assert "planted-secret" not in error


@pytest.mark.parametrize("name", ["MaskField", "Fpe", "Hmac"])
def test_a_plugin_cannot_take_the_name_of_a_built_in_transform(install: Install, name: str) -> None:
    install(SUFFIX, {name: "Suffix"})
    error = f"transforms: expected acme-plugin to find another name for its transform: {name} is built in"
    assert error in errors(name, trust="")


def test_two_packages_cannot_share_a_name(install: Install) -> None:
    install(SUFFIX, NAMED)
    install(SUFFIX, NAMED, "other_plugin", "other-plugin")
    assert "only one package with a transform Suffix" in errors(trust="")[0]


def test_a_name_that_no_configuration_could_write_is_refused(install: Install) -> None:
    install(SUFFIX, {"a.b": "Suffix"})
    assert "letters and digits" in errors(trust="")[0]


def test_trusting_what_is_not_installed_is_an_error(install: Install) -> None:
    install(SUFFIX, NAMED)
    assert errors(trust="Sufix") == [
        'policy.trust.plugins: found "Sufix"; expected types of installed plugins: Suffix',
    ]


def test_trusting_a_plugin_that_does_not_say_that_it_protects_is_an_error(install: Install) -> None:
    install(SUFFIX.replace("protecting: ClassVar[bool] = True", ""), NAMED)
    assert errors() == ['policy.trust.plugins: found "Suffix"; expected plugins that declare that they protect']


# What counts


def test_a_plugin_that_declares_nothing_does_not_protect(install: Install) -> None:
    install(SUFFIX.replace("protecting: ClassVar[bool] = True", ""), NAMED)
    assert verdict(avro(record_of("string")), plugin("Suffix")) == "uncovered"


def test_the_guards_that_a_leaf_had_before_a_plugin_stay(install: Install) -> None:
    install(SUFFIX, NAMED)
    mask = MaskField.model_validate({"fields": "x"})
    assert verdict(avro(record_of("string")), mask, plugin("Suffix")) == "protected"


LIAR = (
    HEAD
    + """
class Suffix(Transform):
    protecting: ClassVar[bool] = True
    fields: str = Option(default="", description="Not looked at.")

    def bind(self, shape, context):
        from registry.schema.walk import edit_leaves
        root = edit_leaves(shape.value, lambda leaf: leaf.but(guards=(Guard("m", "MaskField"),)))
        return Bound(shape.with_side("value", root), STEPS)
"""
)


@pytest.mark.parametrize("steps", ["()", "(RowStep(lambda rows: None),)"])
def test_a_guard_without_a_column_step_does_not_count(install: Install, steps: str) -> None:
    install(LIAR.replace("STEPS", steps), NAMED)
    assert verdict(avro(record_of("string")), plugin("Suffix", trust="Suffix")) == "uncovered"


def test_a_guard_that_another_leaf_had_is_no_guard_of_this_one(install: Install) -> None:
    install(LIAR.replace("STEPS", "()"), NAMED)
    schema = record_of("string")
    schema["fields"].append({"name": "y", "type": "string"})
    mask = MaskField.model_validate({"fields": "y"})
    assert verdict(avro(schema), mask, plugin("Suffix")) == "uncovered"


@pytest.mark.parametrize("trust", ["", "Suffix"])
def test_a_value_that_a_protecting_plugin_leaves_as_it_came_rejects_its_record(install: Install, trust: str) -> None:
    install(SUFFIX.replace("value + self.text", "value.lower()"), NAMED)
    given = ["ABC", "abc", None]
    assert values(["null", "string"], given, plugin("Suffix", trust=trust)) == ["abc", Code.UNCHANGED, None]


def test_a_plugin_that_does_not_protect_may_leave_a_value_as_it_came(install: Install) -> None:
    source = SUFFIX.replace("protecting: ClassVar[bool] = True", "").replace("value + self.text", "value.lower()")
    install(source, NAMED)
    assert values("string", ["ABC", "abc"], plugin("Suffix")) == ["abc", "abc"]


def test_a_container_that_is_left_as_it_came_is_noticed_even_if_it_was_changed_in_place(install: Install) -> None:
    install(SUFFIX.replace("value + self.text for", "value.append(value.pop()) or value for"), NAMED)
    assert values({"type": "array", "items": "string"}, [["a"]], plugin("Suffix")) == [Code.UNCHANGED]
    install(
        SUFFIX.replace("value + self.text for", "value.clear() or value for"), {"B": "Suffix"}, "b_plugin", "b-plugin"
    )
    assert values({"type": "array", "items": "string"}, [["a"]], plugin("B")) == [[]]


def test_a_plugin_that_fails_to_bind_refuses_the_schema_and_shows_only_the_class(install: Install) -> None:
    install(SUFFIX.replace("def leaf(field):", "raise KeyError('planted-secret')\n        def leaf(field):"), NAMED)
    plan: Plan = bound(avro(record_of("string")), plugin("Suffix"))
    assert plan.refused is not None
    assert plan.refused.reason == "transforms.t0: the plugin failed: KeyError"


def test_a_plugin_can_use_a_key_ring(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed = SUFFIX.replace("def bind", "def key_ring(self):\n        return 'ring'\n\n    def bind")
    install(keyed.replace("value + self.text", "context.keys['ring'].subkey('acme', value, 4).hex()"), NAMED)
    monkeypatch.setenv("TEST_RING", RING_DOCUMENT)
    keys = {"keys": "ring", "keys.ring.provider": "env", "keys.ring.variable": "TEST_RING"}
    keys |= {"transforms": "p", "transforms.p.type": "Suffix", "transforms.p.fields": "x"}
    [link] = load(keys, need=Need.CHAIN).chain
    assert values("string", ["a"], link.transform) == [KEYS["ring"].subkey("acme", "a", 4).hex()]


@pytest.mark.usefixtures("example")
def test_the_configuration_in_the_examples_readme_protects() -> None:
    config = json.loads((EXAMPLE / "README.md").read_text().partition("```json")[2].partition("```")[0])
    [link] = load(config, need=Need.CHAIN).chain
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "string", "confluent:tags": ["PII.IP"]}]}
    assert verdict(avro(schema), link.transform) == "protected"
