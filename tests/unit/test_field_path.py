"""Kafka's syntax for one field (KIP-821), as its V2 reads it."""

from __future__ import annotations

import pytest

from transforms.field_path import steps


def test_in_v1_the_whole_text_is_a_name() -> None:
    assert steps("a.`b`", "V1") == ("a.`b`",)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a.`b.c`.d", ("a", "b.c", "d")),
        ("`a`b`", ("a`b",)),
        ("`a\\`.b`.c", ("a`.b", "c")),
        ("a`b.c`", ("a`b", "c`")),
        ("\\`a", ("\\`a",)),
        ("a.", ("a", "")),
        (".a", ("", "a")),
        ("", ()),
    ],
)
def test_in_v2_dots_part_the_names_and_backticks_quote_them(path: str, names: tuple[str, ...]) -> None:
    assert steps(path, "V2") == names


@pytest.mark.parametrize("path", ["`a", "`a\\`", "a.`b"])
def test_a_backtick_needs_its_pair(path: str) -> None:
    with pytest.raises(ValueError, match="backtick"):
        steps(path, "V2")
