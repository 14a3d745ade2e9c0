"""RegexRouter: change the topic of records by a regular expression.

Kafka's own transform: the whole topic must match, then the first match in it is replaced (`$1`, `${name}`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.tree import Shape
from transforms.java_pattern import BadPattern, java_pattern
from transforms.java_replacement import BadReplacement, Replacement
from transforms.outcome import Code, Rejected
from transforms.transform import Bound, Context, Rows, RowStep, Text, Transform


class RegexRouter(Transform):
    """Change the topic of the records whose topic matches. A replacement that names no group of the pattern
    rejects them, as in Kafka."""

    sides: ClassVar[bool] = False
    routes: ClassVar[bool] = True

    regex: Text = Option(description="A regular expression, in Java's syntax, that must match the whole topic.")
    replacement: Text = Option(
        description="The new text; `$1` and `${name}` stand for groups, `\\$` for a dollar sign."
    )

    @model_validator(mode="after")
    def _readable(self) -> RegexRouter:
        try:
            java_pattern(self.regex)
        except BadPattern as problem:
            raise ValueError(f"regex: {problem}") from None
        return self

    def routed(self, topic: str) -> str | None:
        moved = self._mover()(topic)
        return None if isinstance(moved, Rejected) else moved

    def _mover(self) -> Callable[[str], str | Rejected]:
        pattern = java_pattern(self.regex)
        try:
            replacement = Replacement(self.replacement, pattern)
        except BadReplacement:
            replacement = None

        def moved(topic: str) -> str | Rejected:
            if pattern.fullmatch(topic) is None:
                return topic
            return Rejected(Code.SINK_TOPIC) if replacement is None else replacement.first(topic)

        return moved

    def bind(self, shape: Shape, context: Context) -> Bound:
        moved = self._mover()

        def route(rows: Rows) -> dict[int, Rejected]:
            answers = {topic: moved(topic) for topic in set(rows.topics)}
            gone: dict[int, Rejected] = {}
            for row, topic in enumerate(rows.topics):
                answer = answers[topic]
                if isinstance(answer, Rejected):
                    gone[row] = answer
                else:
                    rows.topics[row] = answer
            return gone

        return Bound(shape, (RowStep(route, frozenset()),))
