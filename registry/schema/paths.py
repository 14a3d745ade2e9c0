"""Path patterns and tag globs, and the automaton that matches them while a schema is walked.

A path is a list of steps: `a.b` fields, `list[*]` items, `map{*}` values, `map{#}` keys, `*` any one field,
`**` any number of steps of any kind, none included. Backticks quote what would otherwise be a separator. A whole
path is also tried as a single field's name, as in Kafka Connect, where `addr.zip` can only be a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from registry.schema.tree import ITEMS, MAP_KEYS, MAP_VALUES, Field

ANY_FIELD = "*"
ANY_DEPTH = "**"

_TOKEN = re.compile(r"`(?P<quoted>(?:[^`]|``)+)`|(?P<step>\[\*\]|\{\*\}|\{#\})|(?P<dot>\.)|(?P<name>[^.`\[{]+)")


class Name(NamedTuple):
    """A step into a record's field of this very name."""

    name: str


Step = Name | str
Pattern = tuple[Step, ...]
States = frozenset[int]


class BadPath(ValueError):
    """A path pattern that cannot be read. The text shows the pattern, which comes from the configuration."""


@lru_cache(maxsize=8192)
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


class Paths:
    """Path patterns as one automaton, walked together with a schema; what a step costs does not grow with them.

    Patterns are numbered as they are added. They may start from several beginnings, of which 0 is always there.
    """

    __slots__ = ("_nodes", "_patterns")

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._nodes = [_Node()]
        self._patterns = 0
        for pattern in patterns:
            self.add(pattern)

    def begin(self) -> int:
        """Another place for patterns to start from."""
        return self._new()

    def add(self, text: str, beginning: int = 0) -> int:
        """Adds a pattern, which is also tried as a single field's name, and gives its number. Raises `BadPath`."""
        pattern = parse_path(text)
        for steps in {pattern, (Name(text),)}:
            node = beginning
            for step in steps:
                node = self._after(node, step)
            self._nodes[node].ends += (self._patterns,)
        self._patterns += 1
        return self._patterns - 1

    def start(self, beginning: int = 0) -> States:
        return self._spread({beginning}) if self._patterns else _NOWHERE

    def step(self, states: States, name: str) -> States:
        """The states after the step into the place of this name."""
        if not states:
            return _NOWHERE
        special = name in (ITEMS, MAP_KEYS, MAP_VALUES)
        reached: set[int] = set()
        for state in states:
            node = self._nodes[state]
            if node.loops:
                reached.add(state)
            if special:
                following = node.steps.get(name)
            else:
                following = node.names.get(name)
                if ANY_FIELD in node.steps:
                    reached.add(node.steps[ANY_FIELD])
            if following is not None:
                reached.add(following)
        return self._spread(reached) if reached else _NOWHERE

    def ends(self, states: States) -> Iterator[int]:
        """The numbers of the patterns that end here."""
        for state in states:
            yield from self._nodes[state].ends

    def done(self, states: States) -> bool:
        """Whether a pattern ends here."""
        return bool(states) and any(self._nodes[state].ends for state in states)

    def onward(self, states: States) -> States:
        """Those of the states from which a pattern can go on."""
        return frozenset(state for state in states if self._nodes[state].leads_on)

    def _after(self, node: int, step: Step) -> int:
        here = self._nodes[node]
        if step == ANY_DEPTH:
            if here.deep is None:
                here.deep = self._new()
                self._nodes[here.deep].loops = True
            return here.deep
        ways = here.names if isinstance(step, Name) else here.steps
        key = step.name if isinstance(step, Name) else step
        if key not in ways:
            ways[key] = self._new()
        return ways[key]

    def _new(self) -> int:
        self._nodes.append(_Node())
        return len(self._nodes) - 1

    def _spread(self, states: set[int]) -> States:
        """`**` may stand for no step at all."""
        todo = list(states)
        while todo:
            deep = self._nodes[todo.pop()].deep
            if deep is not None and deep not in states:
                states.add(deep)
                todo.append(deep)
        return frozenset(states)


_NOWHERE: States = frozenset()


class _Node:
    """Where the automaton can be: what follows by name and by special step, and the patterns that end here."""

    __slots__ = ("deep", "ends", "loops", "names", "steps")

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.steps: dict[str, int] = {}
        self.deep: int | None = None
        self.loops = False
        self.ends: tuple[int, ...] = ()

    @property
    def leads_on(self) -> bool:
        return bool(self.names or self.steps or self.loops or self.deep is not None)


class Matcher:
    """Decides, step by step from a root, which places some paths or tags select.

    Paths select the place itself, tags the leaves that carry them. Stateless: the states travel with the walk.
    """

    __slots__ = ("_paths", "_tags")

    def __init__(self, paths: Iterable[str] = (), tags: Iterable[str] = ()) -> None:
        self._paths = Paths(paths)
        self._tags = TagGlobs(tags)

    def start(self) -> States:
        return self._paths.start()

    def advance(self, states: States, place: Field) -> States:
        """The states after the step into `place`; a union's branch is no step of its own."""
        return self._paths.step(states, place.name)

    def step(self, states: States, name: str) -> States:
        """The states after the step into the place of this name."""
        return self._paths.step(states, name)

    def done(self, states: States) -> bool:
        """Whether a path ends here."""
        return self._paths.done(states)

    def accepts(self, states: States, place: Field) -> bool:
        """Whether the place that was reached with `states` is selected."""
        return self._paths.done(states) or (place.type.is_leaf and self._tags.match(place.tags))


def is_tag(given: Any) -> bool:
    """Whether this can be a tag: text, and without a comma, which lists of tags in a configuration are split at."""
    return isinstance(given, str) and bool(given.strip()) and "," not in given


class TagGlobs:
    """Globs over tags, case ignored; a glob also selects everything below it (`PII` selects `PII.EMAIL`)."""

    __slots__ = ("_expression",)

    def __init__(self, globs: Iterable[str]) -> None:
        parts = [re.escape(glob.strip().lower()).replace(r"\*", ".*").replace(r"\?", ".") for glob in globs]
        self._expression = re.compile("|".join(f"(?:{part})(?:\\..*)?" for part in parts)) if parts else None

    def __bool__(self) -> bool:
        return self._expression is not None

    def match(self, tags: Collection[str]) -> bool:
        expression = self._expression
        return expression is not None and bool(tags) and any(_matches(expression, tag) for tag in tags)


@lru_cache(maxsize=4096)
def _matches(expression: re.Pattern[str], tag: str) -> bool:
    return expression.fullmatch(tag.lower()) is not None
