"""RegexRouter and TimestampRouter change topics as in Kafka."""

from __future__ import annotations

import pytest

from connector.running import Runner
from tests.unit.chains import avro, bound
from tests.unit.configuring import chain_errors
from transforms.outcome import Code
from transforms.regex_router import RegexRouter
from transforms.timestamp_router import TimestampRouter
from transforms.transform import Rows, Transform

NOON = 1483444800000  # 3 January 2017, 12:00


def routed(topics: list[str], *transforms: Transform, timestamp: int | None = NOON) -> list[str]:
    """The topic of each record after the chain, or the code that it is rejected with."""
    count = len(topics)
    rows = Rows([None] * count, [1] * count, [[] for _ in topics], list(topics), [0] * count, [timestamp] * count)
    finished, others = Runner(bound(avro("int"), *transforms)).run(rows)
    found = {index: topic for group in finished for index, topic in zip(group.index, group.rows.topics, strict=True)}
    found |= {index: getattr(why, "code", "dropped") for index, why in others.items()}
    return [found[index] for index in range(count)]


def by(regex: str, replacement: str) -> RegexRouter:
    return RegexRouter(regex=regex, replacement=replacement)


def test_only_a_topic_that_matches_as_a_whole_is_changed() -> None:
    assert routed(["orders", "orders-eu", "my-orders"], by("orders", "new")) == ["new", "orders-eu", "my-orders"]


def test_the_first_match_is_replaced_even_where_it_is_not_the_whole() -> None:
    assert routed(["orders"], by("ord|orders", "both")) == ["bothers"]


@pytest.mark.parametrize(
    ("regex", "replacement", "becomes"),
    [
        ("(.*)-(.*)", "$2-$1", "eu-orders"),
        ("(?<what>.*)-eu", "${what}", "orders"),
        ("(.*)", "$10", "orders-eu0"),
        ("(.*)", "pre.$0", "pre.orders-eu"),
        ("(x)?orders-eu", "[$1]", "[]"),
        (".*", r"\$1\\", "$1\\"),
        ("(?i)ORDERS-(EU)", "$1", "eu"),
        (r"\Qorders-eu\E", "new", "new"),
        (r"\p{Lower}+-\w+", "new", "new"),
        ("(?!test).*", "new", "new"),
        ("(.)rders-(?:eu|us)", "$1", "o"),
        ("[^-]++-eu", "new", "new"),
    ],
)
def test_patterns_and_replacements_mean_what_they_mean_in_java(regex: str, replacement: str, becomes: str) -> None:
    assert routed(["orders-eu"], by(regex, replacement)) == [becomes]


@pytest.mark.parametrize("replacement", ["$2", "${nope}", "$", "\\", "${", "$x"])
def test_a_replacement_that_java_refuses_rejects_the_records_that_match(replacement: str) -> None:
    assert routed(["orders", "other"], by("(orders)", replacement)) == [Code.SINK_TOPIC, "other"]


def test_a_pattern_that_cannot_be_read_is_a_configuration_error() -> None:
    router = {"transforms__r__type": "RegexRouter", "transforms__r__replacement": "x"}
    errors = chain_errors(transforms="r", transforms__r__regex="(", **router)
    assert len(errors) == 1
    assert "regular expression" in errors[0]


def test_a_topic_gets_the_day_of_its_record_in_utc() -> None:
    assert routed(["orders"], TimestampRouter()) == ["orders-20170103"]
    assert routed(["orders"], TimestampRouter(), timestamp=NOON - 43_200_001) == ["orders-20170102"]


def test_topic_and_timestamp_stand_wherever_their_placeholders_do() -> None:
    router = TimestampRouter(**{"topic.format": "${timestamp}/${topic}/${topic}", "timestamp.format": "YYYY'w'ww"})
    assert routed(["orders"], router) == ["2017w01/orders/orders"]


def test_a_record_without_a_timestamp_is_rejected() -> None:
    assert routed(["orders"], TimestampRouter(), timestamp=None) == [Code.BAD_TIMESTAMP]


def test_a_timestamp_pattern_that_cannot_be_read_rejects_the_records() -> None:
    assert routed(["orders"], TimestampRouter(**{"timestamp.format": "bb"})) == [Code.BAD_TIMESTAMP]


def test_a_router_sees_the_topic_that_the_one_before_made() -> None:
    assert routed(["orders"], by("(.*)", "$1.v2"), TimestampRouter()) == ["orders.v2-20170103"]
