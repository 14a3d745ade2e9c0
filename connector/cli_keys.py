"""`streamveil keys`: what each command for key rings in Vault takes. The exit status is 0 when done, 1 when refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.terminal import console

if TYPE_CHECKING:
    from connector.ring_commands import RingKeeper

_REFUSED = 1

keys = typer.Typer(
    name="keys",
    help="Make and change key rings in Vault. No key is ever shown.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The key ring.", show_default=False)]
Config = Annotated[
    Path | None,
    typer.Option(
        metavar="CONNECTOR.json",
        help="Reach Vault by the vault.* keys of this file, not by VAULT_ADDR and VAULT_TOKEN.",
        show_default=False,
    ),
]
RingPath = Annotated[
    str | None,
    typer.Option("--path", help="Where the ring is below the mount of KV: streamveil/rings/NAME.", show_default=False),
]
WrappingKey = Annotated[
    str | None, typer.Option(help="The Transit key that wraps it: streamveil-rings.", show_default=False)
]


@keys.command()
def create(name: Name, config: Config = None, path: RingPath = None, wrapping_key: WrappingKey = None) -> None:
    """Make a ring with one version, and its wrapping key where that is missing. Fails if the ring is there."""
    with _keeping(config) as keeper:
        _say(*keeper.create(keeper.place(name, path, wrapping_key)))


@keys.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The key ring.", show_default=False)] = None,
    config: Config = None,
    path: RingPath = None,
) -> None:
    """Show the rings, or the versions of one: state, dates, fingerprint, version of the wrapping key."""
    from connector.ring_commands import print_versions

    if name is None and path is not None:
        raise typer.BadParameter("--path is where one ring is: give its name")
    with _keeping(config) as keeper:
        if name is None:
            _say(*keeper.names())
        else:
            print_versions(keeper.versions(keeper.place(name, path, None)), console())


@keys.command()
def rotate(name: Name, config: Config = None, path: RingPath = None, wrapping_key: WrappingKey = None) -> None:
    """Add a version with a new key. Of two at the same time one wins."""
    with _keeping(config) as keeper:
        _say(*keeper.rotate(keeper.place(name, path, wrapping_key)))


@keys.command()
def rewrap(name: Name, config: Config = None, path: RingPath = None, wrapping_key: WrappingKey = None) -> None:
    """Wrap every version with the latest version of the Transit key. The keys stay the same."""
    with _keeping(config) as keeper:
        _say(*keeper.rewrap(keeper.place(name, path, wrapping_key)))


@keys.command()
def retire(
    name: Name,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The version.", show_default=False)],
    config: Config = None,
    path: RingPath = None,
) -> None:
    """Take the key of a version away: what it wrote can no longer be reversed. Refuses the last active one."""
    with _keeping(config) as keeper:
        _say(*keeper.retire(keeper.place(name, path, None), version))


@contextmanager
def _keeping(config: Path | None) -> Iterator[RingKeeper]:
    from connector.config.errors import ConfigErrors
    from connector.ring_commands import keeping_rings
    from vault.errors import VaultError

    try:
        with keeping_rings(config) as keeper:
            yield keeper
    except (ConfigErrors, VaultError) as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(_REFUSED) from None


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(line)
