"""Subjects in the configuration, by our keys and by Confluent's own."""

from __future__ import annotations

import pytest

from connector.subject_rules import OnIncompatible, Strategy, SubjectRules
from tests.unit.configuring import errors_with, loaded

DLQ = {"errors__deadletterqueue__topic__name": "dead"}


def test_by_default_subjects_are_named_by_topic_and_output_schemas_registered() -> None:
    assert loaded().subjects == SubjectRules(Strategy.TOPIC_NAME, Strategy.TOPIC_NAME, True, OnIncompatible.FAIL)


@pytest.mark.parametrize("key", ["value.subject.name.strategy", "value.converter.value.subject.name.strategy"])
@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("RecordName", Strategy.RECORD_NAME),
        ("io.confluent.kafka.serializers.subject.TopicRecordNameStrategy", Strategy.TOPIC_RECORD_NAME),
        ("io.confluent.kafka.serializers.subject.TopicNameStrategy", Strategy.TOPIC_NAME),
    ],
)
def test_a_strategy_is_given_for_values_by_either_key(key: str, text: str, strategy: Strategy) -> None:
    found = loaded(**{key: text}).subjects
    assert (found.key, found.value) == (Strategy.TOPIC_NAME, strategy)


@pytest.mark.parametrize("key", ["key.subject.name.strategy", "key.converter.key.subject.name.strategy"])
def test_a_strategy_is_given_for_keys_by_either_key(key: str) -> None:
    found = loaded(**{key: "RecordName"}).subjects
    assert (found.key, found.value) == (Strategy.RECORD_NAME, Strategy.TOPIC_NAME)


def test_keys_that_mean_the_same_must_say_the_same() -> None:
    keys = {
        "value.subject.name.strategy": "RecordName",
        "value.converter.value.subject.name.strategy": "TopicName",
        "registry.auto.register": "true",
        "value.converter.auto.register.schemas": "false",
    }
    assert errors_with(**keys) == [
        'value.converter.auto.register.schemas: found "false"; expected the same value as registry.auto.register, '
        "or none",
        'value.converter.value.subject.name.strategy: found "TopicName"; expected the same value as '
        "value.subject.name.strategy, or none",
    ]


def test_an_unknown_strategy_is_an_error_that_names_the_known_ones() -> None:
    assert errors_with(value__subject__name__strategy="com.example.Own") == [
        'value.subject.name.strategy: found "com.example.Own"; expected one of TopicName, RecordName, '
        "TopicRecordName, or Confluent's class for it"
    ]


@pytest.mark.parametrize(
    "key",
    [
        "registry.auto.register",
        "auto.register.schemas",
        "key.converter.auto.register.schemas",
        "value.converter.auto.register.schemas",
    ],
)
def test_registering_is_switched_off_by_any_of_its_keys(key: str) -> None:
    assert loaded(**{key: "false"}).subjects.register is False
    assert loaded(**{key: "true"}).subjects.register is True
    assert len(errors_with(**{key: "perhaps"})) == 1


def test_records_of_a_refused_schema_go_to_a_dead_letter_topic_that_must_be_there() -> None:
    assert loaded(registry__on__incompatible="deadletter", **DLQ).subjects.on_incompatible is OnIncompatible.DEADLETTER
    assert errors_with(registry__on__incompatible="deadletter") == [
        "errors.deadletterqueue.topic.name: found nothing; expected a topic, because registry.on.incompatible is "
        "deadletter"
    ]
