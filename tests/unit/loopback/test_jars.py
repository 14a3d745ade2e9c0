"""Fetching Kafka's jars: what happens when it does not work. (That it works, the broker itself shows.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.loopback.errors import LoopbackError
from connector.loopback.jars import kafka_jars


@pytest.fixture(autouse=True)
def unreachable_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only repository is a mirror at a port where nobody listens."""
    settings = tmp_path / ".m2" / "settings.xml"
    settings.parent.mkdir()
    mirror = "<mirror><mirrorOf>*</mirrorOf><url>http://user:s3cret-word@127.0.0.1:1/maven</url></mirror>"
    settings.write_text(f"<settings><mirrors>{mirror}</mirrors></settings>")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("M2_REPO", raising=False)


def test_the_error_says_what_must_be_reachable_and_shows_no_credentials_of_the_mirror() -> None:
    with pytest.raises(LoopbackError, match="a Maven repository must be reachable") as refused:
        kafka_jars()

    assert "s3cret-word" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_nothing_is_left_that_a_later_start_could_take_for_the_jars(tmp_path: Path) -> None:
    with pytest.raises(LoopbackError):
        kafka_jars()

    assert list((tmp_path / "cache" / "streamveil").iterdir()) == []


def test_jars_that_are_there_are_used_without_asking_any_repository(tmp_path: Path) -> None:
    there = tmp_path / "cache" / "streamveil" / "kafka-4.2.1-log4j-2.25.4"
    there.mkdir(parents=True)

    assert kafka_jars() == there
