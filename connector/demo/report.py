"""What the demo shows at its end: the explanation, records before and after, and the count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.config import Connector
from connector.demo.customers import schema
from connector.demo.reading import SHOWN, Contents, Count
from connector.explain import explain
from connector.explain_terminal import explanation_table
from connector.protecting import protection_of
from connector.shapes import avro_root, raw_root, shape_of
from connector.source_schemas import Source
from registry.avro_codec import AvroReader
from registry.client import RegistryClient
from registry.schema.plain import to_plain
from registry.schema.tags import TagRules
from registry.wire import split


def show_explanation(console: Console, connector: Connector) -> None:
    """What the connector does to each field."""
    rules = connector.tags
    shape = shape_of(raw_root("key", "string", rules), avro_root("value", schema(2), rules), rules)
    source = Source(shape, {"value": schema(2)})
    console.print("\n[bold]What happens to each field[/bold] (streamveil explain, version 2 of the schema)")
    console.print(explanation_table(explain(protection_of(connector), source)))


def show_records(console: Console, registry: RegistryClient, source: Contents, sink: Contents) -> None:
    """Some records as they are in the two topics."""
    console.print("\n[bold]Three records, before and after[/bold]")
    for number in SHOWN:
        before, after = (_decoded(topic.samples[number], registry) for topic in (source, sink))
        table = Table("field", "source topic", "sink topic", title=f"customer {number}")
        for name, value in before.items():
            table.add_row(name, _cell(value), _cell(after[name]) if name in after else Text("dropped", "dim"))
        console.print(table)


def decoded(registry: RegistryClient, topic: Contents) -> list[dict[str, Any]]:
    """The shown records of a topic, as plain values."""
    return [_decoded(topic.samples[number], registry) for number in SHOWN]


def show_resolved(console: Console, answers: list[dict[str, str]], audit: Path) -> None:
    """The way back from tokens, and what was written before it was shown."""
    console.print("\n[bold]And back again, for the few who may[/bold] (streamveil resolve)")
    table = Table("token", "value")
    for answer in answers:
        table.add_row(_cell(answer["token"]), _cell(answer["value"]))
    console.print(table)
    console.print("The audit had it first:")
    console.print_json(audit.read_text().splitlines()[-1])


def show_count(console: Console, count: Count) -> None:
    """The proof that nothing is missing and nothing is there twice."""
    console.print("\n[bold]The count[/bold] (read_committed, to the end of each partition)")
    table = Table("what", "records", show_header=False)
    table.add_row("source topic", f"{count.source:,}")
    table.add_row("sink topic", f"{count.sink:,}")
    table.add_row("duplicates", f"{count.duplicates:,}")
    table.add_row("missing", f"{count.missing:,}")
    table.add_row("order within each partition", "kept" if count.in_order else "changed")
    table.add_row("proof", "[green]each exactly once[/green]" if count.proven else "[bold red]broken[/bold red]")
    console.print(table)


def _decoded(payload: bytes, registry: RegistryClient) -> dict[str, Any]:
    root = avro_root("value", registry.schema(split(payload)).text, TagRules())
    record: dict[str, Any] = to_plain(root)(AvroReader(root).decode([payload]).records[0])
    return record


def _cell(value: Any) -> Text:
    return Text(value if isinstance(value, str) else json.dumps(value), overflow="fold")
