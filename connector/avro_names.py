"""Names that Avro does not allow, found before a schema with them is registered.

Kafka Connect's own schemas take any name, and so do the transforms: Flatten joins names by a dot unless it is told
otherwise. An Avro schema with such a name is taken by no registry.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from connector.plan import Plan
from connector.record import Failure
from registry.schema.tree import NAMED, Field, Shape, step_into
from transforms.outcome import Code

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RULE = "Avro's names have letters, digits and underscores, and do not begin with a digit"


def writable(plan: Plan, source: Shape, avro_sides: Collection[str]) -> Plan:
    """The plan, with a refusal in place of each end whose key or value would have such a name in Avro."""
    if plan.fork is not None:
        yes, no = (writable(branch, source, avro_sides) for branch in (plan.fork.yes, plan.fork.no))
        return replace(plan, fork=replace(plan.fork, yes=yes, no=no))
    if plan.shape is None:
        return plan
    for side in sorted(avro_sides):
        root = plan.shape.side(side)
        bad = None if root is source.side(side) else next(_bad_names(root), None)
        if bad is not None:
            path, name = bad
            reason = f"{name} cannot be a name in the output schema: {_RULE}"
            refusal = Failure(Code.NOT_BINDABLE, f"{side}.converter", path, reason=reason)
            return replace(plan, shape=None, refused=refusal)
    return plan


def _bad_names(root: Field) -> Iterator[tuple[str, str]]:
    """Each name that Avro does not allow, with the path of the place that has it."""
    seen: set[int] = set()
    stack = [("", root)]
    while stack:
        path, place = stack.pop()
        if id(place.type) in seen:
            continue
        seen.add(id(place.type))
        name = place.type.attrs.get("name") if place.type.kind in NAMED else None
        if name is not None and not all(map(_NAME.fullmatch, name.split("."))):
            yield path, name
        for inner in place.type.fields:
            at = path if place.type.kind == "union" else step_into(path, inner)
            if place.type.kind == "record" and not _NAME.fullmatch(inner.name):
                yield at, inner.name
            stack.append((at, inner))
