"""The command `streamveil`: what each subcommand takes, and its exit status.

0 done; 1 a configuration, a schema or a verdict that refuses, or `lint` or `drift` found something; 2 the command line
cannot be read; 3 `apply` rejected some lines; 4 `forget --check` found that the log still holds something; 70 an error
that nobody foresaw, of which the class name alone is shown.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from connector import last_resort, logs
from connector.cli_keys import keys
from connector.cli_tokens import forget, resolve
from connector.config import ConfigErrors, Connector, Need, load
from connector.hygiene import seal_process
from connector.terminal import console


class Exit(IntEnum):
    """Exit statuses, besides the 2 of a command line that cannot be read and the 4 of `forget --check`."""

    DONE = 0
    REFUSED = 1
    SOME_REJECTED = 3
    UNFORESEEN = 70


app = typer.Typer(
    name="streamveil",
    help="Protects personal data while it streams through Kafka.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # they would show local variables, which hold records
)
app.add_typer(keys)
app.command()(resolve)
app.command()(forget)

ConnectorFile = Annotated[
    Path, typer.Argument(metavar="CONNECTOR.json", help="The connector's configuration.", show_default=False)
]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", metavar="F.avsc", help="The Avro schema of the values.", show_default=False)
]
KeySchemaFile = Annotated[
    Path | None, typer.Option("--key-schema", metavar="F.avsc", help="The Avro schema of the keys.", show_default=False)
]


JsonDocument = Annotated[bool, typer.Option("--json", help="Write a JSON document.")]
Topic = Annotated[str | None, typer.Option(metavar="T", help="Take the schemas from the registry.", show_default=False)]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamveil {importlib.metadata.version('streamveil')}")
        raise typer.Exit


@app.callback()
def _streamveil(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """What every command has."""


@app.command()
def run(connector: ConnectorFile) -> None:
    """Run a connector until SIGTERM; exit status 0 on a clean stop."""
    loaded = _loaded(connector, Need.SERVICE)

    from connector import service

    raise typer.Exit(service.run(loaded))


@app.command()
def validate(connector: ConnectorFile) -> None:
    """Check a configuration: every error at once."""
    _loaded(connector, Need.SERVICE)
    typer.echo(f"{connector} has no errors")


@app.command()
def explain(
    connector: ConnectorFile,
    schema: SchemaFile = None,
    key_schema: KeySchemaFile = None,
    topic: Topic = None,
    as_json: JsonDocument = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Write a table in GitHub's Markdown.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="Write a page of HTML that can be filed.")] = False,
) -> None:
    """Show what happens to each field, and whether every sensitive one is protected."""
    from connector.explain import explain as explained
    from connector.explain_document import as_document
    from connector.explain_html import as_html as page
    from connector.explain_markdown import as_markdown as table
    from connector.explain_terminal import print_explanation
    from connector.protecting import protection_of
    from connector.source_schemas import UnusableSchema, source_from_files, source_from_registry

    _either_schemas_or_topic(schema, key_schema, topic)
    if as_json + as_markdown + as_html > 1:
        raise typer.BadParameter("--json, --markdown and --html exclude each other")
    loaded = _loaded(connector, Need.REGISTRY if topic else Need.CHAIN)
    try:
        source = source_from_registry(loaded, topic) if topic else source_from_files(loaded, schema, key_schema)
    except UnusableSchema as problem:
        _refuse(str(problem))
    explanation = explained(protection_of(loaded), source, topic or "")
    if as_json:
        _show(as_document(explanation))
    elif as_markdown:
        typer.echo(table(explanation), nl=False)
    elif as_html:
        typer.echo(page(explanation, loaded.name, datetime.now(UTC)), nl=False)
    else:
        print_explanation(explanation, console())
    raise typer.Exit(Exit.DONE if explanation.holds else Exit.REFUSED)


@app.command()
def lint(
    connector: ConnectorFile,
    schema: SchemaFile = None,
    key_schema: KeySchemaFile = None,
    topic: Topic = None,
    as_json: JsonDocument = False,
) -> None:
    """Warn of what is allowed and likely not meant; exit status 1 if there is something.

    Without schemas only what the chain alone can tell.
    """
    from connector.lint import as_document
    from connector.lint import lint as linted
    from connector.protecting import protection_of
    from connector.source_schemas import UnusableSchema, source_from_files, source_from_registry

    _either_schemas_or_topic(schema, key_schema, topic)
    loaded = _loaded(connector, Need.REGISTRY if topic else Need.CHAIN)
    source = None
    try:
        if topic:
            source = source_from_registry(loaded, topic)
        elif schema or key_schema or loaded.converters.value != "avro":
            source = source_from_files(loaded, schema, key_schema)
    except UnusableSchema as problem:
        _refuse(str(problem))
    remarks = linted(protection_of(loaded), source, topic or "")
    if as_json:
        _show(as_document(remarks, topic or ""))
    else:
        _show_lines(remarks, or_else=f"{connector} has no warnings")
    raise typer.Exit(Exit.REFUSED if remarks else Exit.DONE)


@app.command()
def drift(connector: ConnectorFile, as_json: JsonDocument = False) -> None:
    """Compare a configuration with all versions of its subjects; exit status 1 if it has to change."""
    from connector.drift import as_document, drift_of
    from connector.protecting import protection_of
    from connector.source_schemas import UnusableSchema
    from connector.subject_versions import read_topics

    loaded = _loaded(connector, Need.REGISTRY)
    try:
        topics = read_topics(loaded)
    except UnusableSchema as problem:
        _refuse(str(problem))
    found = drift_of(protection_of(loaded), topics)
    document = as_document(topics, found)
    if as_json:
        _show(document)
    else:
        _show_lines(found, or_else=f"{connector} fits every version of its subjects")
    raise typer.Exit(Exit.REFUSED if document["drifts"] else Exit.DONE)


@app.command()
def apply(
    connector: ConnectorFile,
    schema: SchemaFile = None,
    key_schema: KeySchemaFile = None,
    envelope: Annotated[
        bool, typer.Option("--envelope", help="Lines are whole records, with their schemas.", show_default=False)
    ] = False,
) -> None:
    """Run the chain on JSON lines, standard input to standard output; rejected lines go to standard error.

    With --key-schema a line is an object of "key" and "value", else it is the value alone.
    """
    from connector.apply import Refused, apply_lines
    from connector.envelope import envelope_lines
    from connector.keys import opened, vault_client
    from connector.protecting import protection_of
    from connector.record import Stop
    from connector.source_schemas import UnusableSchema
    from connector.transit import transit_of
    from transforms.outcome import Unavailable

    if envelope and (schema or key_schema):
        raise typer.BadParameter("with --envelope each line brings its own schemas")
    loaded = _loaded(connector, Need.VAULT)
    with ExitStack() as closing:
        try:
            vault = vault_client(loaded, closing)
            protection = protection_of(loaded, opened(loaded, vault), transit_of(loaded, vault))
            if envelope:
                envelope_lines(protection, sys.stdin.buffer, sys.stdout.buffer)
                raise typer.Exit(Exit.DONE)
            streams = sys.stdin.buffer, sys.stdout.buffer, sys.stderr
            rejected = apply_lines(loaded, protection, schema, key_schema, *streams)
        except (UnusableSchema, Refused, Stop, Unavailable) as problem:
            _refuse(str(problem))
    raise typer.Exit(Exit.SOME_REJECTED if rejected else Exit.DONE)


@app.command()
def dev(
    registry_file: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Keep the registry's schemas in a file.", show_default=False),
    ] = None,
) -> None:
    """Start Kafka, a schema registry and a Vault on loopback, until Ctrl-C."""
    from connector.dev import serve
    from registry.devfile import RegistryFileError

    try:
        serve(Console(), registry_file)
    except RegistryFileError as problem:
        _refuse(str(problem))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the servers running until Ctrl-C.")] = False,
) -> None:
    """Protect 100,000 customer records on real Kafka, kill the connector in the middle, and count."""
    from connector.demo.story import DemoFailed, tell

    try:
        tell(Console(), keep=keep)
    except DemoFailed as failure:
        _refuse(str(failure))


def _either_schemas_or_topic(schema: Path | None, key_schema: Path | None, topic: str | None) -> None:
    if topic and (schema or key_schema):
        raise typer.BadParameter("give schemas, or a topic whose schemas the registry has, not both")


def _show_lines(lines: Sequence[object], *, or_else: str) -> None:
    """A line each. Names may come from somebody else's schema, and say nothing to the terminal."""
    for line in lines or [or_else]:
        typer.echo("".join(character if character.isprintable() else " " for character in str(line)))


def _show(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _loaded(path: Path, need: Need) -> Connector:
    """The configuration; where it has errors, all of them go to standard error and the process ends."""
    try:
        return load(path, need=need)
    except ConfigErrors as problems:
        _refuse(str(problems))


def _refuse(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(Exit.REFUSED)


def main() -> None:
    """Run the command, in a process that others cannot look into.

    No error is ever shown with its text or a traceback: both may hold a record.
    """
    seal_process()
    last_resort.install()
    logs.configure(level=logging.ERROR)  # structlog by itself would write among the records of `apply`
    try:
        app(prog_name="streamveil")
    except Exception as error:
        last_resort.show(type(error))
        sys.exit(Exit.UNFORESEEN)


if __name__ == "__main__":
    main()
