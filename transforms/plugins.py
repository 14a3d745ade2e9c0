"""Transforms that other packages bring, and the rules that they are held to.

A package names its transforms in the entry point group `streamveil.transforms`; docs/plugins.md has the contract.
Nothing of a package is imported before a configuration names one of its transforms.

A plugin's code is not ours, so what it says of its own protection is not taken on trust. Its guards count only if it
declares that it protects and the configuration trusts it, and then only on leaves that its column steps change. A
value that a protecting plugin leaves as it came rejects its record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar

from registry.schema.tree import Field, Guard, Shape, leaves
from registry.schema.walk import edit_leaves
from transforms.outcome import Code, Rejected, Unavailable, Unbindable
from transforms.table import TRANSFORMS
from transforms.transform import Apply, Bound, ColumnStep, Context, Step, Transform

GROUP = "streamveil.transforms"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED = frozenset({"type", "predicate", "negate"})


class BrokenPlugin(Exception):
    """A plugin that cannot be used. `expected` says what should have been, in the words of a configuration error."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def installed() -> Mapping[str, EntryPoint]:
    """The transforms of installed packages by name, none of them imported. Raises `BrokenPlugin`."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        package = entry.dist.name if entry.dist else "a package"
        if not _NAME.fullmatch(entry.name):
            raise BrokenPlugin(f"{package} to name its transform in letters and digits, not {entry.name!r}")
        if entry.name in TRANSFORMS:
            raise BrokenPlugin(f"{package} to find another name for its transform: {entry.name} is built in")
        if entry.name in found:
            raise BrokenPlugin(f"only one package with a transform {entry.name}, not {package} as well")
        found[entry.name] = entry
    return found


def load(entry: EntryPoint, *, trusted: bool) -> type[Transform]:
    """Import a plugin's transform; the class that comes back is held to the rules. Raises `BrokenPlugin`."""
    try:
        model = entry.load()
    except Exception as error:  # whatever an import may raise; its text may hold anything
        missing = f": {error.name}" if isinstance(error, ModuleNotFoundError) else ""
        raise BrokenPlugin(f"a plugin that can be imported ({type(error).__name__}{missing})") from None
    _check(model)
    facts = {"protecting": trusted and model.protecting, "declares": model.protecting, "__doc__": model.__doc__}
    return type(entry.name, (_Held, model), {**facts, "__module__": model.__module__})


def _check(model: Any) -> None:
    if not isinstance(model, type) or not issubclass(model, Transform) or model.bind is Transform.bind:
        raise BrokenPlugin("a plugin that is a subclass of transforms.transform.Transform with a method bind")
    kept = ("frozen", "extra", "hide_input_in_errors")
    if any(model.model_config.get(name) != Transform.model_config.get(name) for name in kept):
        raise BrokenPlugin("a plugin that keeps the model_config of Transform")
    options = {option.alias or name: option for name, option in model.model_fields.items() if name != "side"}
    if taken := options.keys() & _RESERVED:
        raise BrokenPlugin(f"a plugin without options of its own named {', '.join(sorted(taken))}")
    if silent := [name for name, option in options.items() if not option.description]:
        raise BrokenPlugin(f"a plugin whose options have a description each; {', '.join(silent)} has none")


class _Held(Transform):
    """Stands before a plugin's class in the order of resolution.

    `declares`: the plugin says that it protects. `protecting`: that counts.
    """

    declares: ClassVar[bool] = False

    def bind(self, shape: Shape, context: Context) -> Bound:
        try:
            bound = super().bind(shape, context)
        except (Unbindable, Unavailable):
            raise
        except Exception as error:
            raise Unbindable(f"transforms.{context.alias}: the plugin failed: {type(error).__name__}") from None
        changed = _origins_changed(bound.steps) if self.protecting else frozenset()
        after = None if bound.shape is None else _without_claims(bound.shape, shape, changed)
        steps = tuple(map(_changing, bound.steps)) if self.declares else bound.steps
        return replace(bound, shape=after, steps=steps)


def _origins_changed(steps: Iterable[Step]) -> frozenset[str]:
    """Where the leaves come from that column steps change. What a row step does to a leaf cannot be told."""
    places = (place for step in steps if isinstance(step, ColumnStep) for place in step.walk.places())
    return frozenset(leaf.origin for place in places if place.selected for _, leaf in leaves(place.field)) - {""}


def _without_claims(after: Shape, before: Shape, changed: frozenset[str]) -> Shape:
    """The shape in which no leaf has a guard that it did not have before, except for those that were changed.

    A leaf may come from several places; it keeps only the guards that all of these had.
    """
    untouched: set[int] = set()
    had: dict[str, set[Guard]] = {}
    for leaf in _leaves(before):
        untouched.add(id(leaf))
        had[leaf.origin] = had.get(leaf.origin, set(leaf.guards)) & set(leaf.guards)

    def honest(leaf: Field) -> Field:
        if not leaf.guards or id(leaf) in untouched or leaf.origin in changed:
            return leaf
        return leaf.but(guards=tuple(guard for guard in leaf.guards if guard in had.get(leaf.origin, ())))

    if all(honest(leaf) is leaf for leaf in _leaves(after)):
        return after
    key, value = (edit_leaves(root, honest) for root in (after.key, after.value))
    return Shape(key, value, tuple(map(honest, after.headers)))


def _leaves(shape: Shape) -> Iterable[Field]:
    for root in (shape.key, shape.value, *shape.headers):
        yield from (leaf for _, leaf in leaves(root))


def _changing(step: Step) -> Step:
    """The step, with values rejected that it leaves as they came."""
    return replace(step, apply=_checked(step.apply)) if isinstance(step, ColumnStep) else step


def _checked(apply: Apply) -> Apply:
    def checked(values: list[Any]) -> list[Any]:
        given = [deepcopy(value) if isinstance(value, (list, dict)) else value for value in values]
        return [
            Rejected(Code.UNCHANGED) if new is not None and new == old else new
            for old, new in zip(given, apply(values), strict=True)
        ]

    return checked
