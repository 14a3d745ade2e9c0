"""Running records through a plan, by column.

A record that a step rejects leaves its batch at once; the others go on. Errors that no transform foresaw are
told apart by running their batch again, one record at a time, from the start; of such an error only the class
name is kept, because its text may hold the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.plan import Plan, Stage
from connector.record import Failure, Stop
from registry.columns import Column, Gather, gather
from registry.schema.tree import Field
from transforms.outcome import Code, Dropped, Rejected, Unavailable
from transforms.transform import Apply, EmittingStep, Header, Rows, RowStep, Step

Run = Callable[[Rows], Mapping[int, Rejected | Dropped]]
"""One step, compiled: changes rows in place, says which of them are rejected or dropped."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Records that came to an end of the plan, and which of the records that went in they are."""

    end: Plan
    rows: Rows
    index: Sequence[int]


class StageFailed(Exception):
    """A step raised what no transform foresaw. Holds the stage and the class name alone."""

    def __init__(self, stage: str, error: str) -> None:
        super().__init__(f"{stage}: {error}")
        self.stage = stage
        self.error = error


class Runner:
    """A plan, compiled. May be run any number of times, from one thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stages = [(stage, [_compiled(step) for step in stage.steps]) for stage in plan.stages]
        self._fork = (plan.fork.holds, Runner(plan.fork.yes), Runner(plan.fork.no)) if plan.fork else None

    def run(self, rows: Rows) -> tuple[list[Finished], dict[int, Failure | Dropped]]:
        """Run records through; each is in one of the finished groups or has an entry among the others.

        Raises `StageFailed`, after which the rows' values are undefined; `Unavailable` and `Stop` as they come.
        """
        finished: list[Finished] = []
        others: dict[int, Failure | Dropped] = {}
        self._run(rows, range(len(rows)), finished, others)
        return finished, others

    def _run(
        self, rows: Rows, index: Sequence[int], finished: list[Finished], others: dict[int, Failure | Dropped]
    ) -> None:
        for stage, steps in self._stages:
            for step in steps:
                gone = _guarded(stage, step, rows)
                if gone:
                    for row, why in gone.items():
                        others[index[row]] = why if isinstance(why, Dropped) else _failure(stage, why)
                    left = [row for row in range(len(rows)) if row not in gone]
                    index = [index[row] for row in left]
                    rows = rows.take(left)
        self._end(rows, index, finished, others)

    def _end(
        self, rows: Rows, index: Sequence[int], finished: list[Finished], others: dict[int, Failure | Dropped]
    ) -> None:
        plan = self._plan
        if not index:
            return
        if self._fork is not None:
            holds, yes, no = self._fork
            answers = holds(rows)
            for branch, wanted in ((yes, True), (no, False)):
                mine = [row for row, answer in enumerate(answers) if answer is wanted]
                if len(mine) == len(answers):
                    branch._run(rows, index, finished, others)
                elif mine:
                    branch._run(rows.take(mine), [index[row] for row in mine], finished, others)
        elif plan.shape is not None:
            if plan.withheld:
                rows.headers[:] = [_without(plan.withheld, headers) for headers in rows.headers]
            finished.append(Finished(plan, rows, index))
        else:
            others.update(dict.fromkeys(index, plan.refused or Dropped()))


def _without(withheld: Sequence[Field], headers: Sequence[Header]) -> list[Header]:
    """The headers without those that the chain wrote to a withheld place, or that came under a declared name."""
    declared = {place.name for place in withheld if place.origin == f"header:{place.name}"}
    return [
        header
        for header in headers
        if (header.name not in declared if header.field is None else header.field not in withheld)
    ]


def _guarded(stage: Stage, step: Run, rows: Rows) -> Mapping[int, Rejected | Dropped]:
    try:
        return step(rows)
    except (Unavailable, Stop):
        raise
    except Exception as error:
        raise StageFailed(stage.where, type(error).__name__) from None


def _failure(stage: Stage, why: Rejected) -> Failure:
    return Failure(why.code, stage.where, why.path, why.error)


def _compiled(step: Step) -> Run:
    if isinstance(step, RowStep):
        apply = step.apply
        return lambda rows: apply(rows) or {}
    path = min({place.path for place in step.walk.places()}, default="")
    if isinstance(step, EmittingStep):
        return _emitting_run(step, path)
    return _column_run(step.side, gather(step.walk, nulls=step.nulls), step.apply, path)


def _column_run(side: str, gather_values: Gather, apply: Apply, path: str) -> Run:
    def run(rows: Rows) -> Mapping[int, Rejected | Dropped]:
        column = gather_values(rows.side(side))
        gone: dict[int, Rejected | Dropped] = {}
        if column.values:
            values = apply(column.values)
            if Rejected in set(map(type, values)):
                gone = _rejections(column.rows(), values, path)
            collided = column.put(values)
            gone |= dict.fromkeys(collided, Rejected(Code.MAP_KEY_COLLISION, path))
        gone |= dict.fromkeys(column.misfits, Rejected(Code.NOT_A_CONTAINER, path))
        return gone

    return run


def _emitting_run(step: EmittingStep, path: str) -> Run:
    gather_values = gather(step.walk)
    gather_beside = gather(step.beside) if step.beside is not None else None

    def run(rows: Rows) -> Mapping[int, Rejected | Dropped]:
        records = rows.side(step.side)
        column = gather_values(records)
        beside = _by_row(gather_beside(records)) if gather_beside is not None else {}
        gone: dict[int, Rejected | Dropped] = {}
        if column.values:
            where = column.rows()
            values = step.apply(column.values)
            for at, row in enumerate(where):
                values[at] = _emitted(step, values[at], beside.get(row), row, rows)
            gone = _rejections(where, values, path)
            collided = column.put(values)
            gone |= dict.fromkeys(collided, Rejected(Code.MAP_KEY_COLLISION, path))
        gone |= dict.fromkeys(column.misfits, Rejected(Code.NOT_A_CONTAINER, path))
        return gone

    return run


def _emitted(step: EmittingStep, value: Any, beside: Any, row: int, rows: Rows) -> Any:
    """The value to write, or `Rejected`; what goes along with the row is added to it."""
    result = value if isinstance(value, Rejected) else step.emit(value, beside)
    if isinstance(result, Rejected):
        return result
    new, along = result
    if along is not None:
        rows.along[row] += (along,)
    return new


def _by_row(column: Column) -> dict[int, object]:
    """The one value of each row; rows that have several have none, because nothing says which one counts."""
    found: dict[int, object] = {}
    several: set[int] = set()
    for row, value in zip(column.rows(), column.values, strict=True):
        if row in found:
            several.add(row)
        found[row] = value
    return {row: value for row, value in found.items() if row not in several}


def _rejections(rows: Sequence[int], values: Sequence[object], path: str) -> dict[int, Rejected | Dropped]:
    """The first rejection of each row, with the place's path where the step did not name one."""
    found: dict[int, Rejected | Dropped] = {}
    for row, value in zip(rows, values, strict=True):
        if isinstance(value, Rejected):
            found.setdefault(row, value if value.path else Rejected(value.code, path, value.error))
    return found
