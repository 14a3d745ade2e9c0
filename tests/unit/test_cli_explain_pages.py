"""`streamveil explain --markdown` and `--html`: what can be pasted into a review, and what can be filed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from registry.devserver import DevRegistry
from tests.unit.commands import CUSTOMER, HMAC, MASK, TRIM, Folder, streamveil

CHAIN = {"pseudonym": HMAC, "mask": MASK, "trim": TRIM}
FORGOTTEN = {"name": "ssn", "type": "string", "confluent:tags": ["SSN"]}


class Page(HTMLParser):
    """What a browser sees: elements with their attributes, and the texts of cells, terms and list items."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("td", "th", "dt", "dd", "li", "title", "h1", "h2", "p", "style"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data
            if self._open[-1] in ("td", "th"):
                self.rows[-1][-1] += data

    @property
    def facts(self) -> dict[str, str]:
        return dict(zip(self.texts["dt"], self.texts["dd"], strict=True))

    def row_of(self, field: str) -> list[str]:
        return next(row for row in self.rows if row[0] == field)


def page_of(*arguments: str) -> Page:
    return Page(streamveil("explain", *arguments, "--html").stdout)


def rows_of(markdown: str) -> list[list[str]]:
    """The cells of a table in GitHub's Markdown: split at each bar that no backslash stands before."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


class TestMarkdown:
    def test_a_row_tells_path_type_tags_steps_output_and_verdict(self, folder: Folder) -> None:
        shown = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(), "--markdown").stdout
        heading, rule, *rows = rows_of(shown)
        assert heading == ["field", "type", "tags", "what happens", "output", "verdict"]
        assert set(rule) == {"---"}
        assert ["`email`", "`string`", "`EMAIL (inline)`", "`pseudonym: Hmac`", "`email: string`", "protected"] in rows

    def test_what_is_wrong_is_listed_below_the_table(self, folder: Folder) -> None:
        done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(FORGOTTEN), "--markdown")
        assert done.exit_code == 1
        assert "- problem: `uncovered: sensitive fields that no transform protects: ssn (SSN)`" in done.stdout

    @pytest.mark.parametrize("tag", ["A|B", "`A", "A\\|B", "<b>A", "[A](http://x)"])
    def test_no_name_ends_a_cell_or_becomes_markup(self, folder: Folder, tag: str) -> None:
        odd = {"name": "odd", "type": "string", "confluent:tags": [tag]}
        mask = {"type": "MaskField", "fields": "odd"}
        connector = folder.connector({"mask": mask, **CHAIN})
        rows = rows_of(streamveil("explain", connector, "--schema", folder.schema(odd), "--markdown").stdout)
        assert {len(row) for row in rows} == {6}
        (cell,) = (row[2] for row in rows if row[0] == "`odd`")
        assert re.fullmatch(r"`[^`]*`|<code>[\w &#;]*</code>", cell)


class TestPage:
    def test_a_row_tells_path_type_tags_steps_output_and_verdict(self, folder: Folder) -> None:
        page = page_of(folder.connector(CHAIN), "--schema", folder.schema())
        tags = "EMAIL" + "inline: confluent:tags at email"
        expected = ["email", "string", tags, "pseudonym: Hmac", "email: string", "protected"]
        assert page.row_of("email") == expected

    def test_it_says_what_was_judged_with_which_keys_and_policies_and_when(self, folder: Folder) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        with DevRegistry() as registry:
            body = json.dumps({"schema": json.dumps(CUSTOMER)}).encode()
            registry.serve("POST", "/subjects/crm.customers-value/versions", body)
            connector = folder.connector(CHAIN, schema__registry__url=registry.url)
            page = page_of(connector, "--topic", "crm.customers")
        assert page.texts["title"] == page.texts["h1"] == ["What customers does to crm.customers"]
        assert page.facts["Connector"] == "customers"
        assert page.facts["Topic"] == "crm.customers"
        assert page.facts["Schema of the value"] == "subject crm.customers-value, version 1, schema id 1"
        assert page.facts["Schema of the key"] == "none"
        assert page.facts["Key rings"] == "pseudonyms (version 1)"
        assert page.facts["policy.on.uncovered"] == "fail"
        made = datetime.strptime(page.facts["Made"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        assert before <= made <= datetime.now(UTC)

    def test_it_counts_the_fields_of_each_verdict(self, folder: Folder) -> None:
        page = page_of(folder.connector(CHAIN), "--schema", folder.schema())
        counts = {
            verdict: page.facts[verdict] for verdict in ("clear", "dropped", "protected", "unproven", "uncovered")
        }
        # The key is raw bytes; id, birth_date, balance and segment carry no tag; email and phones do.
        assert counts == {"clear": "4", "dropped": "0", "protected": "2", "unproven": "1", "uncovered": "0"}

    def test_problems_and_warnings_are_listed(self, folder: Folder) -> None:
        done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(FORGOTTEN), "--html")
        page = Page(done.stdout)
        assert done.exit_code == 1
        assert "Problems" in page.texts["h2"]
        assert any("ssn (SSN)" in item for item in page.texts["li"])
        assert "must not pass" in page.texts["p"][0]

    def test_it_refers_to_nothing_outside(self, folder: Folder) -> None:
        text = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(), "--html").stdout
        page = Page(text)
        names = {name for name, _ in page.elements}
        assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        attributes: set[str] = {name for _, attrs in page.elements for name in attrs}
        assert not attributes & {"src", "href", "srcset", "style", "onload", "onclick"}
        assert not re.search(r"url\(|@import|https?:", text)

    @pytest.mark.parametrize("odd", ["<script>alert(1)</script>", "\"'><img src=x>", "&lt;", "</style>"])
    def test_no_name_becomes_an_element(self, folder: Folder, odd: str) -> None:
        tagged = {"name": "odd", "type": "string", "confluent:tags": [odd]}
        connector = folder.connector({"mask": {"type": "MaskField", "fields": "odd"}, **CHAIN})
        plain = page_of(connector, "--schema", folder.schema({**tagged, "confluent:tags": ["ODD"]}))
        page = page_of(connector, "--schema", folder.schema(tagged))
        assert page.row_of("odd")[2].startswith(odd)
        assert page.elements == plain.elements

    def test_it_can_be_printed(self, folder: Folder) -> None:
        (style,) = page_of(folder.connector(CHAIN), "--schema", folder.schema()).texts["style"]
        assert "@media print" in style

    def test_no_key_of_a_ring_is_in_it(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        text = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(), "--html").stdout
        assert "AQEBAQEB" not in text  # the ring's key, 32 bytes of value 1, in base64
        assert "01010101" not in text


@pytest.mark.parametrize("two", [("--json", "--html"), ("--markdown", "--html"), ("--json", "--markdown")])
def test_one_form_at_a_time(folder: Folder, two: tuple[str, str]) -> None:
    done = streamveil("explain", folder.connector(CHAIN), "--schema", folder.schema(), *two)
    assert done.exit_code == 2


def test_the_document_tells_where_the_schemas_come_from(folder: Folder) -> None:
    schema = folder.schema()
    shown: dict[str, Any] = json.loads(
        streamveil("explain", folder.connector(CHAIN), "--schema", schema, "--json").stdout
    )
    assert shown["schemas"] == {"value": {"file": schema}}
