"""Which selections meet, as far as their texts alone can tell.

Without a schema nobody knows which fields carry a tag, so that two selections may meet and only a schema shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.plan import Link
from registry.schema.paths import TagGlobs
from transforms.replace_field import ReplaceField
from transforms.selecting import Selecting


def paths_of(link: Link) -> Sequence[str]:
    """The path patterns of the places that a transform changes or drops."""
    match link.transform:
        case Selecting(fields=fields):
            return fields
        case ReplaceField(exclude=exclude):
            return exclude
        case _:
            return ()


def globs_of(link: Link) -> Sequence[str]:
    """The globs over the tags of the leaves that a transform changes or drops."""
    match link.transform:
        case Selecting(tags=tags):
            return tags
        case ReplaceField(exclude_tags=tags):
            return tags
        case _:
            return ()


def shared(one: Link, other: Link) -> list[str]:
    """The paths and globs of `other` that surely select something that `one` selects as well, where that exists."""
    if one.transform.side != other.transform.side:
        return []
    paths = [path for path in paths_of(other) if any(_meet(path, known) for known in paths_of(one))]
    globs = [glob for glob in globs_of(other) if any(cover(glob, known) for known in globs_of(one))]
    return [*paths, *globs]


def within(path: str, patterns: Iterable[str]) -> str | None:
    """The first of the patterns that names this place, or one around it."""
    return next((pattern for pattern in patterns if path == pattern or _is_below(path, pattern)), None)


def left_out(path: str, include: Sequence[str]) -> bool:
    """Whether none of the patterns to keep, where there are some, can have kept this place."""
    plain = not any("*" in pattern for pattern in (path, *include))
    return bool(include) and plain and not any(_meet(path, pattern) for pattern in include)


def covered(glob: str, globs: Iterable[str]) -> str | None:
    """The first of the globs that matches every tag that this one names."""
    return next((known for known in globs if TagGlobs([known]).match([glob])), None)


def _meet(one: str, other: str) -> bool:
    return one == other or _is_below(one, other) or _is_below(other, one)


def _is_below(path: str, around: str) -> bool:
    return path.startswith((f"{around}.", f"{around}[", f"{around}{{"))


def cover(one: str, other: str) -> bool:
    """Whether one of two globs matches what the other names."""
    return TagGlobs([one]).match([other]) or TagGlobs([other]).match([one])
