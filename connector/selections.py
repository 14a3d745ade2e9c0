"""What each path, glob and name that a configuration selects by finds in a schema, at its place in the chain.

A transform selects in the shape that the transforms before it leave, so each is looked for there: a field may have
been dropped by then, renamed, or only just made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connector.plan import Link, Plan
from registry.schema.paths import Matcher, quote_name
from registry.schema.tags import TagRules, on_side
from registry.schema.tree import Field, Shape
from registry.schema.walk import select
from transforms.replace_field import ReplaceField
from transforms.selecting import Selecting


@dataclass(frozen=True, slots=True)
class Selection:
    """One entry of a key that selects. `side` is where it looks, `by_tags` tells a glob over tags from a path."""

    key: str
    text: str
    side: str
    by_tags: bool = False

    def finds_in(self, root: Field) -> bool:
        """Whether something is selected; in a value without a schema, whatever is there may be."""
        matcher = Matcher((), (self.text,)) if self.by_tags else Matcher((self.text,))
        return select(root, matcher) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """A selection, and whether it finds something where it looks. `lost` is the alias of the transform after which
    what it would have found before is not there any more; None where it never was."""

    selection: Selection
    matched: bool
    lost: str | None = None


def selections(link: Link) -> Iterator[Selection]:
    """What a transform selects by, entry for entry."""
    key, transform = f"transforms.{link.alias}", link.transform
    match transform:
        case Selecting(fields=fields, tags=tags):
            yield from (Selection(f"{key}.fields", path, transform.side) for path in fields)
            yield from (Selection(f"{key}.tags", glob, transform.side, by_tags=True) for glob in tags)
        case ReplaceField():
            yield from (Selection(f"{key}.include", path, transform.side) for path in transform.include)
            yield from (Selection(f"{key}.exclude", path, transform.side) for path in transform.exclude)
            yield from (
                Selection(f"{key}.exclude.tags", g, transform.side, by_tags=True) for g in transform.exclude_tags
            )
            yield from (Selection(f"{key}.renames", quote_name(old), transform.side) for old, _ in transform.renames)


def declared(rules: TagRules) -> Iterator[Selection]:
    """The patterns of `tags.fields.*` for keys and values; of headers nobody knows which there will be."""
    for tag, patterns in rules.declared.items():
        for pattern in patterns:
            for side in ("key", "value"):
                if (path := on_side(pattern, side)) is not None:
                    yield Selection(f"tags.fields.{tag}", path, side)


def found_in(links: Sequence[Link], rules: TagRules, shape: Shape, plan: Plan) -> list[Found]:
    """Every selection of the configuration, looked for in one schema, where there is one to look in.

    `plan` is the chain bound to the shape. A transform that it takes for no record selects nothing, and is left out.
    """
    met: dict[str, list[Shape]] = {}
    for stage in plan.all_stages():
        met.setdefault(stage.link.alias, []).append(stage.before)
    taken = [link for link in links if link.alias in met]
    found = [Found(one, one.finds_in(shape.side(one.side))) for one in declared(rules)]
    for at, link in enumerate(taken):
        for one in selections(link):
            if any(end.side(one.side).type.kind != "null" for end in met[link.alias]):
                there = [any(one.finds_in(s.side(one.side)) for s in met[past.alias]) for past in taken[: at + 1]]
                found.append(Found(one, there[at], _lost(taken, there)))
    return found


def _lost(links: Sequence[Link], there: Sequence[bool]) -> str | None:
    """The link after which a selection finds nothing any more, by whether it does before each link."""
    if there[-1] or True not in there:
        return None
    return links[max(at for at, found in enumerate(there) if found)].alias
