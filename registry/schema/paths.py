"""Path patterns and tag globs, and the automaton that matches them while a schema is walked.

A path is a list of steps: `a.b` fields, `list[*]` items, `map{*}` values, `map{#}` keys, `*` any one field,
`**` any number of steps of any kind, none included. Backticks quote what would otherwise be a separator. A whole
path is also tried as a single field's name, as in Kafka Connect, where `addr.zip` can only be a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from registry.schema.tree import ITEMS, MAP_KEYS, MAP_VALUES, Field

ANY_FIELD = "*"
ANY_DEPTH = "**"

_TOKEN = re.compile(r"`(?P<quoted>(?:[^`]|``)+)`|(?P<step>\[\*\]|\{\*\}|\{#\})|(?P<dot>\.)|(?P<name>[^.`\[{]+)")


@dataclass(frozen=True, slots=True)
class Name:
    """A step into a record's field of this very name."""

    name: str


Step = Name | str
Pattern = tuple[Step, ...]
States = frozenset[tuple[int, int]]


class BadPath(ValueError):
    """A path pattern that cannot be read. The text shows the pattern, which comes from the configuration."""


def parse_path(text: str) -> Pattern:
    """Read a path pattern; raises `BadPath`."""
    steps: list[Step] = []
    position = 0
    wants_name = True
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise BadPath(f"{text!r} is not a path: it cannot be read from character {position + 1} on")
        position = token.end()
        if token["dot"]:
            if wants_name:
                raise BadPath(f"{text!r} is not a path: a name is missing before a dot")
            wants_name = True
        elif token["step"]:
            if wants_name and steps:
                raise BadPath(f"{text!r} is not a path: a name is missing before {token['step']}")
            steps.append(token["step"])
            wants_name = False
        else:
            if not wants_name:
                raise BadPath(f"{text!r} is not a path: a dot is missing")
            steps.append(_name(token))
            wants_name = False
    if wants_name:
        raise BadPath(f"{text!r} is not a path: it ends without a name")
    return tuple(steps)


def _name(token: re.Match[str]) -> Step:
    if token["quoted"]:
        return Name(token["quoted"].replace("``", "`"))
    name = token["name"]
    return name if name in (ANY_FIELD, ANY_DEPTH) else Name(name)


def quote_name(name: str) -> str:
    """A field's name as a path that means that name and nothing else."""
    return "`" + name.replace("`", "``") + "`"


class Matcher:
    """Decides, step by step from a root, which places some paths or tags select.

    Paths select the place itself, tags the leaves that carry them. Stateless: the states travel with the walk.
    """

    __slots__ = ("_patterns", "_tags")

    def __init__(self, paths: Sequence[str] = (), tags: Iterable[str] = ()) -> None:
        patterns: list[Pattern] = []
        for path in paths:
            pattern = parse_path(path)
            patterns.append(pattern)
            if pattern != (whole := (Name(path),)):
                patterns.append(whole)
        self._patterns = tuple(patterns)
        self._tags = TagGlobs(tags)

    def start(self) -> States:
        return self._spread({(index, 0) for index in range(len(self._patterns))})

    def advance(self, states: States, place: Field) -> States:
        """The states after the step into `place`; a union's branch is no step of its own."""
        return self.step(states, place.name)

    def step(self, states: States, name: str) -> States:
        """The states after the step into the place of this name."""
        special = name in (ITEMS, MAP_KEYS, MAP_VALUES)
        reached: set[tuple[int, int]] = set()
        for index, position in states:
            pattern = self._patterns[index]
            if position == len(pattern):
                continue
            step = pattern[position]
            if step == ANY_DEPTH:
                reached.add((index, position))
            elif special:
                if step == name:
                    reached.add((index, position + 1))
            elif step == ANY_FIELD or (isinstance(step, Name) and step.name == name):
                reached.add((index, position + 1))
        return self._spread(reached)

    def done(self, states: States) -> bool:
        """Whether a path ends here."""
        return any(position == len(self._patterns[index]) for index, position in states)

    def accepts(self, states: States, place: Field) -> bool:
        """Whether the place that was reached with `states` is selected."""
        return self.done(states) or (place.type.is_leaf and self._tags.match(place.tags))

    @property
    def by_tags(self) -> bool:
        return bool(self._tags)

    def _spread(self, states: set[tuple[int, int]]) -> States:
        """`**` may stand for no step at all."""
        todo = list(states)
        while todo:
            index, position = todo.pop()
            pattern = self._patterns[index]
            if position < len(pattern) and pattern[position] == ANY_DEPTH and (index, position + 1) not in states:
                states.add((index, position + 1))
                todo.append((index, position + 1))
        return frozenset(states)


class TagGlobs:
    """Globs over tags, case ignored; a glob also selects everything below it (`PII` selects `PII.EMAIL`)."""

    __slots__ = ("_expression",)

    def __init__(self, globs: Iterable[str]) -> None:
        parts = [re.escape(glob.strip().lower()).replace(r"\*", ".*").replace(r"\?", ".") for glob in globs]
        self._expression = re.compile("|".join(f"(?:{part})(?:\\..*)?" for part in parts)) if parts else None

    def __bool__(self) -> bool:
        return self._expression is not None

    def match(self, tags: Iterable[str]) -> bool:
        return self._expression is not None and any(_matches(self._expression, tag) for tag in tags)


@lru_cache(maxsize=4096)
def _matches(expression: re.Pattern[str], tag: str) -> bool:
    return expression.fullmatch(tag.lower()) is not None
