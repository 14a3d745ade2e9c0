"""The contract that every transform is held to, built in or of a plugin, by key and by value."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector.config import ConfigErrors, Need, load
from connector.config.options import option_names
from connector.config.reading import Reading
from connector.config.types import read_types
from tests.conformance.every_transform import EXAMPLES, Chain, configured, plain_shape, scalars, typed_shape
from tests.unit.configuring import RING
from tests.unit.packages import Packages, example_package
from transforms.outcome import Code
from transforms.table import TRANSFORMS
from transforms.transform import ColumnStep, Transform

OF_THE_EXAMPLE_PACKAGE = {"IpPrefix"}
CASES = [(name, options) for name in sorted(EXAMPLES) for options in EXAMPLES[name]]


@pytest.fixture(autouse=True, scope="module")
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("packages")
    packages = Packages(folder)
    packages.install(*example_package())
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("TEST_RING", RING)
        yield
    packages.forget()


def model_of(name: str) -> type[Transform]:
    model = read_types(Reading({}, Need.CHAIN), {"x": name})[name]
    assert model is not None
    return model


def with_sides(name: str) -> list[str]:
    return [f"{name}$Key", f"{name}$Value"] if name not in TRANSFORMS or TRANSFORMS[name].sides else [name]


SIDED = [(sided, options) for name, options in CASES for sided in with_sides(name)]
every_example = pytest.mark.parametrize(("type_", "options"), SIDED, ids=lambda part: str(part))
every_type = pytest.mark.parametrize("name", sorted(EXAMPLES))


def test_every_transform_is_tested_here() -> None:
    assert EXAMPLES.keys() == TRANSFORMS.keys() | OF_THE_EXAMPLE_PACKAGE


# Options


@every_type
def test_the_transform_and_each_option_are_described(name: str) -> None:
    model = model_of(name)
    assert model.__doc__
    assert model.__doc__ != Transform.__doc__
    fields = [field for field in model.model_fields.values() if not (field.alias or "").startswith("$")]
    assert all(field.description for field in fields)


@every_type
def test_an_unknown_option_is_refused_and_its_value_not_shown(name: str) -> None:
    known = option_names(model_of(name))
    misspelt = [f"{option}x" for option in known] + ["no.such.option", "$side", "side"]
    for option in misspelt:
        config = {"transforms": "x", "transforms.x.type": name, f"transforms.x.{option}": "planted-secret"}
        with pytest.raises(ConfigErrors) as refused:
            load(config, need=Need.CHAIN)
        assert f"transforms.x.{option}: found an unknown key" in str(refused.value)
        assert "planted-secret" not in str(refused.value)


@every_type
def test_options_cannot_be_changed_afterwards(name: str) -> None:
    transform = configured(name, EXAMPLES[name][0])
    with pytest.raises(ValueError, match="frozen"):
        transform.side = "key"


# Records

CANARIES = st.integers(2**60, 2**63 - 1)
TEXTS = st.one_of(
    CANARIES.map(lambda number: f"canary{number:x}"),
    CANARIES.map(str),
    st.sampled_from(["", "4111111111111111", "2024-02-29", "203.0.113.9", "jane.doe@example.com", "12-34-5678", "x\0"]),
)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


RECORDS = st.fixed_dictionaries(
    {
        "id": CANARIES,
        "name": TEXTS,
        "note": optional(TEXTS),
        "card": optional(TEXTS),
        "score": optional(st.floats(-1e9, 1e9)),
        "born": optional(st.dates().map(str)),
        "seen": optional(st.just("2024-02-29T01:02:03.004Z")),
        "amount": optional(st.decimals(0, 10**9, places=2).map(str)),
        "wide": optional(st.one_of(TEXTS, CANARIES)),
        "phones": st.lists(optional(TEXTS), max_size=3),
        "prefs": st.dictionaries(st.sampled_from("abc"), TEXTS, max_size=2),
        "address": st.fixed_dictionaries({"city": optional(TEXTS)}),
    }
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), CANARIES, st.floats(allow_nan=False), TEXTS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "note", "z"]), inner),
    max_leaves=6,
)
NAMES = ["id", "name", "note", "card", "score", "born", "seen", "amount", "wide", "phones", "prefs", "address"]
MISFITS = st.one_of(JSON, st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)))
quick = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # shrinking takes minutes, and the records are small
    suppress_health_check=[HealthCheck.too_slow],
)


@every_example
@given(records=st.lists(RECORDS, min_size=1, max_size=6))
@quick
def test_a_batch_becomes_what_its_records_become_one_by_one(
    type_: str, options: Mapping[str, str], records: list[Any]
) -> None:
    """So their number and order are kept, and none has any influence on another."""
    chain = Chain(configured(type_, options), typed_shape())
    assert_independent(chain, records)


@every_example
@given(records=st.lists(MISFITS, min_size=1, max_size=6))
@quick
def test_without_a_schema_a_batch_becomes_what_its_records_become_one_by_one(
    type_: str, options: Mapping[str, str], records: list[Any]
) -> None:
    chain = Chain(configured(type_, options), plain_shape())
    assert_independent(chain, records)


def assert_independent(chain: Chain, records: list[Any]) -> None:
    outcomes = chain.run(records).outcomes
    assert outcomes == [chain.run([record]).outcomes[0] for record in records]
    assert Code.FAILED not in outcomes, "what no transform foresaw is a mistake in it"


@every_example
def test_a_column_of_nothing_stays_one(type_: str, options: Mapping[str, str]) -> None:
    for shape in (typed_shape(), plain_shape()):
        for step in Chain(configured(type_, options), shape).plan.steps():
            if isinstance(step, ColumnStep):
                assert step.apply([]) == []


@every_example
def test_null_stays_null_wherever_its_place_goes(type_: str, options: Mapping[str, str]) -> None:
    known = {"id": 1_234_567, "name": "abc12345", "phones": [None], "prefs": {}, "address": {"city": None}}
    record = known | dict.fromkeys(["note", "card", "score", "born", "seen", "amount", "wide"])
    assert Chain(configured(type_, options), typed_shape()).nulls_that_became_something(record) == []


@every_example
@given(records=st.lists(RECORDS, min_size=1, max_size=4))
@quick
def test_no_value_is_in_an_error_a_repr_a_log_or_on_the_terminal(
    type_: str, options: Mapping[str, str], records: list[Any]
) -> None:
    assert_silent(Chain(configured(type_, options), typed_shape()), records)


@every_example
@given(records=st.lists(MISFITS, min_size=1, max_size=4))
@quick
def test_without_a_schema_no_value_is_in_an_error_a_repr_a_log_or_on_the_terminal(
    type_: str, options: Mapping[str, str], records: list[Any]
) -> None:
    assert_silent(Chain(configured(type_, options), plain_shape()), records)


def assert_silent(chain: Chain, records: list[Any]) -> None:
    logged, printed = Logged(), io.StringIO()
    logging.getLogger().addHandler(logged)
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            seen = chain.run(records)
    finally:
        logging.getLogger().removeHandler(logged)
    told = "\n".join([*seen.texts, *chain.texts(), *logged.texts, printed.getvalue()])
    long = (str(value) for value in scalars(records) if isinstance(value, (str, int)) and len(str(value)) >= 16)
    assert not [value for value in long if value in told]


class Logged(logging.Handler):
    """Every record of every logger, as text."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))
