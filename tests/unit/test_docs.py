"""docs/transforms has a page for every transform and predicate; its options are those of the code, its examples run.

An example is a block of code `json config`, then lines in and lines out: `jsonl in` and `jsonl out` are values, which
have the schema of a `json schema` block if there is one; `jsonl records in` and `jsonl records out` are whole records,
of which only the members that are shown are given and compared. `json ring` is the key ring in DEMO_RING.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from connector.config import Need, load
from connector.envelope import Envelope
from connector.protecting import protection_of
from docs.option_tables import MODELS, PAGES, filled, page_of

_BLOCK = re.compile(r"^```(?P<kind>jsonl? [a-z ]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_RECORD: dict[str, Any] = {
    "topic": "orders",
    "partition": 0,
    "offset": 0,
    "timestamp": 1700000000000,
    "headers": [],
    "key_schema": None,
    "key": None,
    "value_schema": None,
    "value": None,
}


@dataclass(frozen=True)
class Example:
    blocks: Mapping[str, str]

    def lines(self, kind: str) -> list[Any]:
        return [json.loads(line) for line in self.blocks.get(kind, "").splitlines()]

    def answers(self) -> list[Any]:
        """What the chain answers to the lines in, reduced to what the lines out show."""
        envelope = Envelope(protection_of(load(json.loads(self.blocks["json config"]), need=Need.CHAIN)))
        schema = json.loads(self.blocks.get("json schema", "null"))
        values = [{"value_schema": schema, "value": value} for value in self.lines("jsonl in")]
        records = values or self.lines("jsonl records in")
        answers = [envelope.apply({**_RECORD, **record}) for record in records]
        if values:
            return [answer["record"]["value"] if "record" in answer else answer for answer in answers]
        return [_shown(answer, line) for answer, line in zip(answers, self.lines("jsonl records out"), strict=True)]


def _shown(answer: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    record = answer.get("record")
    return answer if record is None else {name: record[name] for name in line if name in record}


def examples(page: str) -> list[Example]:
    """The examples of a page, in order; each begins with its configuration."""
    found: list[dict[str, str]] = []
    for block in _BLOCK.finditer(page):
        if block["kind"] == "json config":
            found.append({})
        found[-1][block["kind"]] = block["text"]
    return [Example(blocks) for blocks in found]


EXAMPLES = [
    pytest.param(example, id=f"{page.stem}-{number}")
    for page in sorted(PAGES.glob("*.md"))
    for number, example in enumerate(examples(page.read_text(encoding="utf-8")), start=1)
]


@pytest.mark.parametrize("name", MODELS)
def test_every_transform_and_predicate_has_a_page_with_an_example(name: str) -> None:
    assert examples(page_of(name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MODELS)
def test_every_option_is_described(name: str) -> None:
    for option in MODELS[name].model_fields.values():
        assert option.description or (option.alias or "").startswith("$")


@pytest.mark.parametrize("name", MODELS)
def test_the_options_on_the_page_are_those_of_the_code(name: str) -> None:
    page = page_of(name).read_text(encoding="utf-8")
    assert page == filled(page, name), "run python -m docs.option_tables"


def test_there_is_no_page_for_what_does_not_exist() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - MODELS.keys() == {"README"}


def test_the_list_of_pages_names_every_page() -> None:
    listed = re.findall(r"\]\((\w+)\.md\)", (PAGES / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(MODELS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_does_what_the_page_says(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_RING", example.blocks.get("json ring", ""))
    shown = example.lines("jsonl out") or example.lines("jsonl records out")
    assert shown
    assert example.answers() == shown
