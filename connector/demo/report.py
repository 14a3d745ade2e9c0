"""What the demo shows at its end: the explanation, records before and after, and the count."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import fastavro
from rich.console import Console
from rich.table import Table

from connector.config import Connector
from connector.demo.customers import RECORDS, customer, schema
from connector.demo.reading import SHOWN, Counted
from connector.explain import explain, explanation_table
from connector.protecting import protection_of
from connector.shapes import avro_root, raw_root, shape_of
from connector.source_schemas import Source
from registry.client import RegistryClient
from registry.wire import PREFIX_LENGTH, split


def show(console: Console, connector: Connector, registry: RegistryClient, counted: Counted) -> None:
    """Prints the three tables."""
    rules = connector.tags
    shape = shape_of(raw_root("key", "string", rules), avro_root("value", schema(2), rules), rules)
    source = Source(shape, {"value": schema(2)})
    console.print("\n[bold]What happens to each field[/bold] (streamveil explain, version 2 of the schema)")
    console.print(explanation_table(explain(protection_of(connector), source)))
    console.print("\n[bold]Three records, before and after[/bold]")
    for number in SHOWN:
        console.print(_before_and_after(number, _decoded(counted.samples.get(number, b""), registry)))
    console.print("\n[bold]The count[/bold]")
    console.print(_count(counted))


def _decoded(payload: bytes, registry: RegistryClient) -> dict[str, Any]:
    if not payload:
        return {}
    parsed = fastavro.parse_schema(json.loads(registry.schema(split(payload)).text))
    record: Any = fastavro.schemaless_reader(BytesIO(payload[PREFIX_LENGTH:]), parsed, None)
    return dict(record)


def _before_and_after(number: int, after: dict[str, Any]) -> Table:
    table = Table("field", "source topic", "sink topic", title=f"customer {number}")
    for name, value in customer(number).items():
        table.add_row(name, str(value), str(after[name]) if name in after else "[dim](dropped)[/dim]")
    return table


def _count(counted: Counted) -> Table:
    table = Table("what", "records", show_header=False)
    table.add_row("source topic", f"{RECORDS:,}")
    table.add_row("sink topic (read_committed)", f"{counted.records:,}")
    table.add_row("duplicates", f"{counted.duplicates:,}")
    table.add_row("missing", f"{counted.missing:,}")
    table.add_row("out of order within a partition", f"{counted.disorder:,}")
    table.add_row("proof", "[green]each exactly once[/green]" if counted.proven else "[bold red]broken[/bold red]")
    return table
