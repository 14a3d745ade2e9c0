"""What a user's Maven settings say about where Kafka's jars come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.loopback.errors import LoopbackError
from connector.loopback.maven import load_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("M2_REPO", "MAVEN_HOME", "M2_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write_settings(directory: Path, body: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    namespace = "http://maven.apache.org/SETTINGS/1.2.0"
    (directory / "settings.xml").write_text(f'<settings xmlns="{namespace}">{body}</settings>')


def mirror(mirror_of: str, url: str) -> str:
    return f"<mirror><id>m</id><mirrorOf>{mirror_of}</mirrorOf><url>{url}</url></mirror>"


def test_a_machine_without_settings_uses_maven_central_and_the_default_repository(home: Path) -> None:
    settings = load_settings()

    assert settings.central is None
    assert settings.local_repository == home / ".m2" / "repository"


@pytest.mark.parametrize("mirror_of", ["central", "*", "external:*", "internal, central", "*,!private"])
def test_a_mirror_of_central_stands_in_for_it(home: Path, mirror_of: str) -> None:
    write_settings(home / ".m2", f"<mirrors>{mirror(mirror_of, 'https://mirror.test/maven')}</mirrors>")

    assert load_settings().central == "https://mirror.test/maven"


@pytest.mark.parametrize("mirror_of", ["private", "*,!central", "external:http:*"])
def test_a_mirror_of_something_else_does_not(home: Path, mirror_of: str) -> None:
    write_settings(home / ".m2", f"<mirrors>{mirror(mirror_of, 'https://mirror.test/maven')}</mirrors>")

    assert load_settings().central is None


def test_a_mirror_that_names_central_goes_before_one_for_everything(home: Path) -> None:
    both = mirror("*", "https://all.test") + mirror("central", "https://central.test")
    write_settings(home / ".m2", f"<mirrors>{both}</mirrors>")

    assert load_settings().central == "https://central.test"


def test_the_users_settings_go_before_those_of_the_installation(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAVEN_HOME", str(home / "maven"))
    write_settings(home / "maven" / "conf", f"<mirrors>{mirror('*', 'https://site.test')}</mirrors>")
    assert load_settings().central == "https://site.test"

    write_settings(home / ".m2", f"<mirrors>{mirror('*', 'https://user.test')}</mirrors>")
    assert load_settings().central == "https://user.test"


def test_environment_variables_in_the_settings_are_filled_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANY_MIRROR", "https://mirror.test")
    write_settings(home / ".m2", f"<mirrors>{mirror('central', '${env.COMPANY_MIRROR}/maven')}</mirrors>")

    assert load_settings().central == "https://mirror.test/maven"


def test_the_local_repository_may_lie_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings(home / ".m2", "<localRepository>${user.home}/artifacts</localRepository>")
    assert load_settings().local_repository == home / "artifacts"

    monkeypatch.setenv("M2_REPO", "/srv/m2")
    assert load_settings().local_repository == Path("/srv/m2")


def test_settings_that_are_not_xml_are_named(home: Path) -> None:
    (home / ".m2").mkdir()
    (home / ".m2" / "settings.xml").write_text("<settings>")

    with pytest.raises(LoopbackError, match=r"settings\.xml is not well-formed XML"):
        load_settings()
