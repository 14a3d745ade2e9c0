"""An explanation in GitHub's Markdown: a table to paste into a pull request or an issue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from connector.explain import Explanation
from connector.explain_terminal import HEADINGS, outputs_of, tags_of

_SPECIAL = re.compile(r"[^\w ]")


def as_markdown(explanation: Explanation) -> str:
    """The table, then a list of the warnings and of what does not hold. Ends in a line break."""
    return "".join(f"{line}\n" for line in _lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    yield _row(HEADINGS)
    yield _row("---" for _ in HEADINGS)
    for finding in explanation.findings:
        yield _row(
            (
                verbatim(finding.path),
                verbatim(finding.type),
                "<br>".join(map(verbatim, tags_of(finding))),
                "<br>".join(verbatim(str(happening)) for happening in explanation.happenings(finding)),
                "<br>".join(map(verbatim, outputs_of(finding))),
                str(finding.verdict),
            )
        )
    remarks = [("warning", text) for text in explanation.judged.warnings] + [
        ("problem", t) for t in explanation.failures
    ]
    if remarks:
        yield ""
    yield from (f"- {kind}: {verbatim(text)}" for kind, text in remarks)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def verbatim(text: str) -> str:
    """The text as code on one line, inside of which GitHub finds no markup, link, mention or end of a cell.

    A code span has no way to hold every backtick, or a backslash before the end of a cell: then all that is special
    becomes a character reference.
    """
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    if not line:
        return ""
    if "`" in line or "\\" in line:
        return f"<code>{_SPECIAL.sub(_reference, line)}</code>"
    return "`" + line.replace("|", "\\|") + "`"


def _reference(character: re.Match[str]) -> str:
    return f"&#{ord(character[0])};"
