"""TopicNameMatches: Kafka's own predicate for records of some topics."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.tree import Shape
from transforms.java_pattern import BadPattern, java_pattern
from transforms.predicate import Predicate
from transforms.transform import Context, NonEmptyText, Rows


class TopicNameMatches(Predicate):
    """Holds for records whose topic, as it is at this point of the chain, matches a pattern as a whole."""

    pattern: NonEmptyText = Option(description="A regular expression that must match the whole topic name.")

    @model_validator(mode="after")
    def _readable(self) -> TopicNameMatches:
        try:
            java_pattern(self.pattern)
        except BadPattern as problem:
            raise ValueError(f"pattern: {problem}") from None
        return self

    def decide(self, shape: Shape, context: Context) -> bool | None:
        return None if context.routed else self._matches(context.topic)

    def holds(self, rows: Rows) -> list[bool]:
        answers = {topic: self._matches(topic) for topic in set(rows.topics)}
        return [answers[topic] for topic in rows.topics]

    def _matches(self, topic: str) -> bool:
        return self._compiled.fullmatch(topic) is not None

    @cached_property
    def _compiled(self) -> Any:
        return java_pattern(self.pattern)
