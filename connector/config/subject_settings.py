"""Subjects: how they are named, and what happens to output schemas there (`registry.*`, and Confluent's own keys)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import Field as Option

from connector.config.reading import Need, Reading, Section
from connector.config.sections import Boolean
from connector.subject_rules import OnIncompatible, Strategy, SubjectRules

AUTO_REGISTER = "registry.auto.register"
ON_INCOMPATIBLE = "registry.on.incompatible"

JAVA_STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {f"io.confluent.kafka.serializers.subject.{strategy}Strategy": strategy for strategy in Strategy}
)
"""Classes of Confluent's serializers, and the strategy that each stands for."""

_CONFLUENT_AUTO_REGISTER = (
    "auto.register.schemas",
    "key.converter.auto.register.schemas",
    "value.converter.auto.register.schemas",
)


class SinkSubjects(Section):
    """What happens under the subjects of sinks."""

    auto_register: Boolean = Option(default=True, alias="registry.auto.register")
    on_incompatible: OnIncompatible = Option(default=OnIncompatible.FAIL, alias="registry.on.incompatible")


def read_subjects(reading: Reading, dead_letters: str | None) -> SubjectRules:
    """The rules. Keys that mean the same must say the same."""
    found = reading.section(SinkSubjects)
    if found.on_incompatible is OnIncompatible.DEADLETTER and dead_letters is None and reading.need >= Need.SERVICE:
        expected = f"a topic, because {ON_INCOMPATIBLE} is deadletter"
        reading.wrong("errors.deadletterqueue.topic.name", expected, "nothing")
    return SubjectRules(
        key=_strategy(reading, "key"),
        value=_strategy(reading, "value"),
        register=_registers(reading, found),
        on_incompatible=found.on_incompatible,
    )


def _registers(reading: Reading, found: SinkSubjects) -> bool:
    said = {AUTO_REGISTER: found.auto_register} if reading.has(AUTO_REGISTER) else {}
    for key in _CONFLUENT_AUTO_REGISTER:
        text = reading.plain(key)
        if text is None:
            continue
        answer = {"true": True, "false": False}.get(text.strip().lower())
        if answer is None:
            reading.wrong(key, "true or false", reading.shown(key))
        elif answer is not next(iter(said.values()), answer):
            reading.wrong(key, f"the same value as {next(iter(said))}, or none", reading.shown(key))
        else:
            said[key] = answer
    return next(iter(said.values()), found.auto_register)


def _strategy(reading: Reading, side: str) -> Strategy:
    found: dict[str, Strategy] = {}
    for key in (f"{side}.subject.name.strategy", f"{side}.converter.{side}.subject.name.strategy"):
        text = reading.plain(key)
        if text is None:
            continue
        named = JAVA_STRATEGIES.get(text.strip()) or _short(text.strip())
        if named is None:
            reading.wrong(key, f"one of {', '.join(Strategy)}, or Confluent's class for it", reading.shown(key))
        elif named is not next(iter(found.values()), named):
            reading.wrong(key, f"the same value as {next(iter(found))}, or none", reading.shown(key))
        else:
            found[key] = named
    return next(iter(found.values()), Strategy.TOPIC_NAME)


def _short(text: str) -> Strategy | None:
    return next((strategy for strategy in Strategy if text == strategy), None)
