"""Plans: a chain bound to a shape, once, so that records can be run through it by column.

A plan is a list of stages that ends in a shape, in a refusal, or in a fork at a predicate. Binding decides all
that can be decided without a record; running is in `connector.running`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.record import Failure
from registry.schema.settle import settled
from registry.schema.tree import Field, Shape, nothing
from transforms.outcome import Unbindable
from transforms.predicate import Predicate
from transforms.transform import Bound, Context, Rows, RowStep, Step, Transform

MOST_ENDS = 64
_TOO_MANY = f"the chain's predicates part the records in more than {MOST_ENDS} ways"


@dataclass(frozen=True, slots=True)
class Link:
    """One transform of the configured chain, with its predicate."""

    alias: str
    transform: Transform
    predicate: Predicate | None = None
    negate: bool = False

    @property
    def name(self) -> str:
        return type(self.transform).__name__

    @property
    def reads(self) -> frozenset[str]:
        """The sides whose values the transform or its predicate looks at."""
        own = {self.transform.side} if self.transform.sides else self.transform.reads
        return frozenset(own) | (self.predicate.reads if self.predicate is not None else frozenset())


@dataclass(frozen=True, slots=True)
class Stage:
    """One bound transform: its steps in order, and for those who ask what it does: the shapes around it (after it
    none where it drops every record), the origins of places whose values it changes, whether it selects something."""

    link: Link
    steps: tuple[Step, ...]
    before: Shape
    after: Shape | None
    touched: tuple[str, ...]
    matched: bool

    @property
    def where(self) -> str:
        return f"transforms.{self.link.alias}"


@dataclass(frozen=True, slots=True)
class Fork:
    """Where the records part: those that a predicate holds for go one way, the others the other."""

    holds: Callable[[Rows], list[bool]]
    yes: Plan
    no: Plan


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Stages and one end: a shape, a fork, a refusal, or (with none of these) every record is dropped.

    `withheld` are headers that a policy drops at this end.
    """

    stages: tuple[Stage, ...]
    shape: Shape | None = None
    fork: Fork | None = None
    refused: Failure | None = None
    withheld: tuple[Field, ...] = ()

    def ends(self) -> Iterator[Plan]:
        """The plans in which records end, over all forks."""
        if self.fork is None:
            yield self
        else:
            yield from self.fork.yes.ends()
            yield from self.fork.no.ends()

    def refusals(self) -> list[Failure]:
        """Why records are refused, at each end at which all are."""
        return [end.refused for end in self.ends() if end.refused is not None]

    def all_stages(self) -> Iterator[Stage]:
        yield from self.stages
        if self.fork is not None:
            yield from self.fork.yes.all_stages()
            yield from self.fork.no.all_stages()

    def ways(self) -> Iterator[tuple[Stage, ...]]:
        """The stages that a record can go through, one tuple for each end."""
        if self.fork is None:
            yield self.stages
        else:
            for way in (*self.fork.yes.ways(), *self.fork.no.ways()):
                yield (*self.stages, *way)

    def steps(self) -> Iterator[Step]:
        for stage in self.all_stages():
            yield from stage.steps

    def reads_whole(self, side: str) -> bool:
        """Whether some step takes the whole value of a side, so that every leaf must be decoded for what it is."""
        return any(isinstance(step, RowStep) and side in step.needs for step in self.steps())

    def touches(self, side: str) -> bool:
        """Whether some step reads or writes values of a side."""
        return any(side in step.needs if isinstance(step, RowStep) else step.side == side for step in self.steps())


class TooManyEnds(Unbindable):
    """Predicates multiply: the chain would have to be bound in too many ways."""


def bind(links: Sequence[Link], shape: Shape, context: Callable[[str], Context]) -> Plan:
    """Bind a chain. `context` gives each alias its own. A transform that cannot work refuses its records.

    Raises `Unbindable` for a chain that can work for no records.
    """
    if (pair := undoing(links)) is not None:
        later, earlier = pair
        raise Unbindable(f"transforms.{later.alias} may give back what transforms.{earlier.alias} was given")
    binder = _Binder(context, shape)
    doubted = frozenset(side for side in ("key", "value") if shape.side(side).null is not None)
    plan = binder.bind(tuple(links), _Known(shape, doubted))
    if sum(1 for _ in plan.ends()) > MOST_ENDS:
        raise TooManyEnds(_TOO_MANY)
    return plan


def undoing(links: Sequence[Link]) -> tuple[Link, Link] | None:
    """A link whose guard would count for what an earlier one was given and it gives back, and that earlier one."""
    pairs = ((later, earlier) for at, later in enumerate(links) for earlier in links[:at])
    return next((pair for pair in pairs if pair[0].transform.undoes(pair[1].transform)), None)


@dataclass(frozen=True, slots=True)
class _Known:
    """What binding knows of the records at a point of the chain.

    `doubted` are the sides of which some records may hold null; `routed` says that the topic may have changed.
    """

    shape: Shape
    doubted: frozenset[str]
    routed: bool = False

    def after(self, link: Link, bound: Bound, shape: Shape) -> _Known:
        return _Known(shape, self.doubted | bound.doubted, self.routed or link.transform.routes)


class _Binder:
    def __init__(self, context: Callable[[str], Context], source: Shape) -> None:
        self._context = context
        # Roots whose values are known to lie under their names: as they were read, or as a whole step left them.
        self._settled: dict[int, Field] = {}
        self._settle(source)
        self._forks = 0

    def _settle(self, shape: Shape) -> None:
        self._settled |= {id(root): root for root in (shape.key, shape.value)}

    def bind(self, links: tuple[Link, ...], known: _Known) -> Plan:
        """Bind what is left of the chain.

        A transform meets a null as Kafka's do, so before the first that reads a doubted side the records part:
        those without a value go on with a root that holds nothing.
        """
        stages: list[Stage] = []
        for index, link in enumerate(links):
            for side in sorted(link.reads & known.doubted):
                if known.shape.side(side).type.kind != "null":
                    return Plan(tuple(stages), fork=self._part(side, links[index:], known))
            context = replace(self._context(link.alias), routed=known.routed)
            if link.predicate is not None:
                decided = link.predicate.decide(known.shape, context)
                if decided is None:
                    return Plan(tuple(stages), fork=self._fork(link, link.predicate, links[index + 1 :], known))
                if decided == link.negate:
                    continue
            try:
                stage, bound = self._stage(link, known.shape, context)
            except Unbindable as problem:
                refusal = Failure(problem.code, f"transforms.{link.alias}", problem.path, reason=problem.reason)
                return Plan(tuple(stages), refused=refusal)
            stages.append(stage)
            if bound.shape is None:
                return Plan(tuple(stages))
            known = known.after(link, bound, bound.shape)
        return Plan(tuple(stages), known.shape)

    def _fork(self, link: Link, predicate: Predicate, rest: tuple[Link, ...], known: _Known) -> Fork:
        self._count_fork()
        applied = self.bind((Link(link.alias, link.transform), *rest), known)
        passed = self.bind(rest, known)
        return Fork(predicate.holds, passed, applied) if link.negate else Fork(predicate.holds, applied, passed)

    def _part(self, side: str, links: tuple[Link, ...], known: _Known) -> Fork:
        """Part the records without a value from the others."""
        self._count_fork()
        sure = replace(known, doubted=known.doubted - {side})
        without = replace(sure, shape=known.shape.with_side(side, nothing(known.shape.side(side))))
        self._settle(without.shape)
        return Fork(_holds_null(side), self.bind(links, without), self.bind(links, sure))

    def _count_fork(self) -> None:
        self._forks += 1
        if self._forks > 4 * MOST_ENDS:
            raise TooManyEnds(_TOO_MANY)

    def _stage(self, link: Link, shape: Shape, context: Context) -> tuple[Stage, Bound]:
        before = shape
        settling: list[Step] = []
        if link.transform.whole:
            for side in ("key", "value"):
                if id(shape.side(side)) not in self._settled:
                    root, convert = settled(shape.side(side))
                    shape = shape.with_side(side, root)
                    settling.append(RowStep(_settling(side, convert), frozenset({side})))
        bound = link.transform.bind(shape, context)
        if link.transform.whole and bound.shape is not None:
            self._settle(bound.shape)
        nothing_to_match = shape.side(link.transform.side).type.kind == "null"
        steps = (*settling, *bound.steps)
        stage = Stage(link, steps, before, bound.shape, bound.touched, bound.matched or nothing_to_match)
        return stage, bound


def _holds_null(side: str) -> Callable[[Rows], list[bool]]:
    return lambda rows: [value is None for value in rows.side(side)]


def _settling(side: str, convert: Callable[[Any], Any]) -> Callable[[Rows], None]:
    def settle(rows: Rows) -> None:
        values = rows.side(side)
        values[:] = [convert(value) for value in values]

    return settle
