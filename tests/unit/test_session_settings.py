"""What a session takes for a source, and what its transactions are called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connector.clients import consumer_config, producer_config
from connector.logs import LibraryLog
from connector.session_settings import Errors, SessionSettings, TokenMapping


def _settings(**given: Any) -> SessionSettings:
    secret = {"sasl.password": "planted-7f3a"}
    return SessionSettings(
        **{
            "name": "c",
            "group_id": "g",
            "worker_id": "w",
            "worker_id_given": True,
            "consumer": secret,
            "producer": secret,
            "admin": secret,
            **given,
        }
    )


def _matching(pattern: str, **given: Any) -> SessionSettings:
    return _settings(matches=lambda topic: re.fullmatch(pattern, topic) is not None, **given)


@pytest.mark.parametrize("topic", ["orders.protected", "dead", "map", "map.forgotten", "audit", "__consumer_offsets"])
def test_a_pattern_never_matches_sinks_kafkas_own_topics_or_those_with_another_use(topic: str) -> None:
    settings = _matching(".*", errors=Errors(deadletter_topic="dead"), mapping=TokenMapping("map"), audit_topic="audit")

    assert settings.is_source("orders")
    assert not settings.is_source(topic)


def test_a_named_topic_is_a_source_whatever_it_looks_like() -> None:
    settings = _settings(topics=("orders.protected",))

    assert settings.is_source("orders.protected")
    assert not settings.is_source("orders")


def test_where_routers_are_in_charge_of_the_sink_no_name_looks_like_one() -> None:
    assert _matching("a.*", sink_topic_format="${topic}").is_source("abc")


def test_the_transactional_id_is_made_of_name_worker_and_task() -> None:
    assert _settings(task=3).transactional_id == "c-w-3"


def test_its_repr_shows_no_secret() -> None:
    assert "planted-7f3a" not in repr(_settings())


def test_the_group_instance_id_is_set_for_a_worker_id_that_was_given_and_for_no_other() -> None:
    log = LibraryLog("test")

    assert consumer_config(_settings(), log)["group.instance.id"] == "c-w-0"
    assert "group.instance.id" not in consumer_config(_settings(worker_id_given=False), log)


def test_with_the_new_group_protocol_the_broker_sets_the_timeouts() -> None:
    config = consumer_config(_settings(group_protocol="consumer"), LibraryLog("test"))

    assert config["group.protocol"] == "consumer"
    assert not {"session.timeout.ms", "group.instance.id", "partition.assignment.strategy"} & config.keys()


@pytest.mark.parametrize("name", ["isolation.level", "enable.auto.commit", "auto.offset.reset", "group.id"])
def test_what_exactly_once_rests_on_cannot_be_overridden(name: str) -> None:
    log = LibraryLog("test")
    overridden = consumer_config(_settings(consumer={name: "overridden"}), log)

    assert overridden[name] == consumer_config(_settings(), log)[name] != "overridden"


def test_a_batch_of_records_is_never_larger_than_what_the_strictest_sink_takes() -> None:
    def batch_size(limit: int) -> int:
        config = producer_config(_settings(), LibraryLog("test"), lambda *_: None, limit)
        return int(config["batch.size"])

    assert batch_size(10_000) == 10_000
    assert batch_size(50_000_000) == 1_000_000
