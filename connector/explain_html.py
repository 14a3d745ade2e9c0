"""An explanation as one page of HTML that can be filed: it refers to nothing outside, and prints as it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from typing import Final

from connector.coverage import Finding
from connector.explain import Explanation, place_of
from connector.explain_terminal import HEADINGS
from connector.source_schemas import FromFile, FromRegistry
from transforms.keyed import Keyed
from transforms.keys import KeyRing

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1f24; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; }
dt { color: #57606a; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #d0d7de; padding: .3rem .5rem; text-align: left; vertical-align: top; }
th { background: #f3f5f7; }
td { overflow-wrap: anywhere; }
code { font: 12.5px ui-monospace, monospace; }
.where { color: #57606a; font-size: .85em; padding-left: .75em; }
.holds { border-left: .4rem solid #1a7f37; padding-left: .6rem; }
.fails { border-left: .4rem solid #cf222e; padding-left: .6rem; }
td.clear { color: #57606a; }
td.dropped { background: #ddf4ff; }
td.protected { background: #dafbe1; }
td.unproven { background: #fff3c4; }
td.uncovered { background: #ffdcd7; font-weight: 600; }
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  td, .holds, .fails { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
""".strip()


def as_html(explanation: Explanation, connector: str, made: datetime) -> str:
    """The page. `connector` is the connector's name, `made` an aware moment, shown in UTC.

    Key rings are there by name and version, never with a key.
    """
    title = f"What {connector or 'the connector'} does to {explanation.topic or 'its records'}"
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Nothing that a name could smuggle in would be fetched or run.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{_text(title)}</title>",
            f"<style>\n{_STYLE}\n</style>",
            "</head>",
            "<body>",
            f"<h1>{_text(title)}</h1>",
            *_verdict(explanation),
            "<h2>Judged</h2>",
            *_facts(_judged(explanation, connector, made)),
            "<h2>Policies</h2>",
            *_facts(_policies(explanation)),
            "<h2>Summary</h2>",
            *_facts((f"{verdict}", f"{count}") for verdict, count in explanation.counts.items()),
            "<h2>Fields</h2>",
            *_table(explanation),
            *_list("Warnings", explanation.judged.warnings),
            *_list("Problems", explanation.failures),
            "</body>",
            "</html>",
            "",
        )
    )


def _verdict(explanation: Explanation) -> Iterator[str]:
    if explanation.holds:
        yield '<p class="holds">Records of these schemas pass, and every sensitive field is protected or dropped.</p>'
    else:
        yield '<p class="fails">Records of these schemas must not pass. The problems are named at the end.</p>'


def _judged(explanation: Explanation, connector: str, made: datetime) -> Iterator[tuple[str, str]]:
    yield "Connector", connector or "without a name"
    yield "Topic", explanation.topic or "none: the schemas were given"
    yield "Made", made.strftime("%Y-%m-%d %H:%M:%S %Z")
    for side in ("key", "value"):
        yield f"Schema of the {side}", _origin(explanation.source.origins.get(side))
    yield "Transforms", ", ".join(f"{link.alias} ({link.name})" for link in explanation.protection.links) or "none"
    yield "Key rings", ", ".join(_rings(explanation)) or "none"


def _origin(origin: FromFile | FromRegistry | None) -> str:
    match origin:
        case FromRegistry(subject, version, schema_id):
            return f"subject {subject}, version {version}, schema id {schema_id}"
        case FromFile(file):
            return f"file {file}"
        case _:
            return "none"


def _rings(explanation: Explanation) -> Iterator[str]:
    """The key rings that are used, with the versions that are written with."""
    keys = explanation.protection.keys
    used: dict[str, set[int]] = {}
    for link in explanation.protection.links:
        name = link.transform.key_ring()
        if name is not None and name in keys:
            given = link.transform.key_version if isinstance(link.transform, Keyed) else None
            used.setdefault(name, set()).update(_written_with(keys[name]) if given is None else (given,))
    for name, versions in used.items():
        yield f"{name} (version {', '.join(map(str, sorted(versions)))})" if versions else name


def _written_with(ring: KeyRing) -> tuple[int, ...]:
    try:
        return (ring.writing_version,)
    except LookupError:  # the ring does not say, which the chain's refusal does
        return ()


def _policies(explanation: Explanation) -> Iterator[tuple[str, str]]:
    rules, policy = explanation.protection.rules, explanation.protection.policy
    yield "tags.sensitive", ", ".join(rules.sensitive)
    yield "policy.on.uncovered", policy.uncovered
    yield "policy.on.unclassified", policy.unclassified
    yield "policy.on.untagged", policy.untagged
    yield "policy.on.echo", policy.echo


def _table(explanation: Explanation) -> Iterator[str]:
    headings = "".join(f'<th scope="col">{heading}</th>' for heading in HEADINGS)
    yield f"<table>\n<thead><tr>{headings}</tr></thead>\n<tbody>"
    for finding in explanation.findings:
        verdict = str(finding.verdict)
        outputs = (f"{_code(place_of(side, path))}: {_code(type_)}" for side, path, type_ in finding.outputs)
        cells = (
            _code(finding.path),
            _code(finding.type),
            _tags(finding),
            "<br>".join(_text(happening) for happening in explanation.happenings(finding)),
            "<br>".join(outputs) or "dropped",
        )
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        yield f'<tr>{row}<td class="{verdict}">{verdict}</td></tr>'
    yield "</tbody>\n</table>"


def _tags(finding: Finding) -> str:
    """A list of the tags, below each where it came from."""
    lines = []
    for tag in sorted(finding.tags):
        lines.append(_text(tag))
        sources = (source for source in sorted(finding.tag_sources) if source.tag == tag)
        lines += [f'<span class="where">{_text(f"{source.kind}: {source.where}")}</span>' for source in sources]
    return "<br>".join(lines)


def _facts(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{_text(name)}</dt><dd>{_text(fact)}</dd>" for name, fact in facts)
    yield "</dl>"


def _list(heading: str, entries: Iterable[str]) -> Iterator[str]:
    items = [f"<li>{_text(entry)}</li>" for entry in entries]
    if items:
        yield from (f"<h2>{heading}</h2>", "<ul>", *items, "</ul>")


def _text(content: object) -> str:
    """Text that is nothing but text: characters that HTML knows are escaped, those that do not print are left out."""
    return escape("".join(character for character in str(content) if character.isprintable()))


def _code(content: str) -> str:
    return f"<code>{_text(content)}</code>"
