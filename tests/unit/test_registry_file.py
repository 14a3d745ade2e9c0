"""The development registry's file: what is in it survives the process, and is never half of something."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from registry.devfile import RegistryFileError
from registry.devserver import DevRegistry
from tests.unit.commands import streamveil

METADATA = {"tags": {"R.x": ["PII"]}, "properties": {"owner": "a"}}
RULES = {"domainRules": [{"name": "r", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": ["PII"]}]}


def record(*names: str) -> str:
    fields = [{"name": name, "type": ["null", "string"], "default": None} for name in names]
    return json.dumps({"type": "record", "name": "R", "fields": fields})


class Kept:
    """A registry with a file; `again` is another one with the same file, as after a restart."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.registry = DevRegistry(file=file)

    def again(self) -> Kept:
        return Kept(self.file)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.registry.serve(method, path, b"" if body is None else json.dumps(body).encode())
        assert status == 200, answer
        return json.loads(answer)

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, int]:
        status, answer = self.registry.serve(method, path, b"" if body is None else json.dumps(body).encode())
        return status, json.loads(answer)["error_code"]

    def register(self, subject: str, *names: str, **more: Any) -> int:
        schema_id: int = self("POST", f"/subjects/{subject}/versions", {"schema": record(*names), **more})["id"]
        return schema_id


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "registry.json")


class TestSurviving:
    def test_ids_and_versions(self, kept: Kept) -> None:
        ids = [kept.register("s", "x"), kept.register("s", "x", "y"), kept.register("other", "x")]
        again = kept.again()
        assert [again("GET", f"/subjects/s/versions/{n}")["id"] for n in (1, 2)] == ids[:2]
        assert again("GET", f"/schemas/ids/{ids[1]}") == kept("GET", f"/schemas/ids/{ids[1]}")
        assert again.register("s", "x", "y") == ids[1]
        assert again.register("other", "x") == ids[2]

    def test_metadata_rules_and_references(self, kept: Kept) -> None:
        kept.register("street", "name")
        refers = [{"name": "R", "subject": "street", "version": 1}]
        home = {"type": "record", "name": "Home", "fields": [{"name": "street", "type": "R"}]}
        body = {"schema": json.dumps(home), "references": refers, "metadata": METADATA, "ruleSet": RULES}
        kept("POST", "/subjects/home/versions", body)
        found = kept.again()("GET", "/subjects/home/versions/1")
        assert found == kept("GET", "/subjects/home/versions/1")
        assert (found["references"], found["metadata"], found["ruleSet"]) == (refers, METADATA, RULES)

    def test_soft_deletions_and_permanent_ones(self, kept: Kept) -> None:
        kept.register("s", "x")
        kept.register("s", "x", "y")
        kept.register("gone", "x")
        kept("DELETE", "/subjects/s/versions/1")
        kept("DELETE", "/subjects/gone")
        kept("DELETE", "/subjects/gone?permanent=true")
        again = kept.again()
        assert again("GET", "/subjects/s/versions") == [2]
        assert again("GET", "/subjects/s/versions?deleted=true") == [1, 2]
        assert again("GET", "/subjects?deleted=true") == ["s"]

    def test_an_id_that_was_given_is_never_given_again(self, kept: Kept) -> None:
        gone = kept.register("s", "x")
        kept("DELETE", "/subjects/s")
        kept("DELETE", "/subjects/s?permanent=true")
        assert kept.again().register("s", "y") == gone + 1

    def test_compatibility_levels(self, kept: Kept) -> None:
        kept("PUT", "/config", {"compatibility": "FULL"})
        kept("PUT", "/config/s", {"compatibility": "NONE"})
        again = kept.again()
        assert again("GET", "/config") == {"compatibilityLevel": "FULL"}
        assert again("GET", "/config/s") == {"compatibilityLevel": "NONE"}
        assert again.refused("GET", "/config/other") == (404, 40408)

    def test_modes(self, kept: Kept) -> None:
        kept("PUT", "/mode/s", {"mode": "READONLY"})
        again = kept.again()
        assert again("GET", "/mode/s") == {"mode": "READONLY"}
        assert again("GET", "/mode") == {"mode": "READWRITE"}
        assert again.refused("POST", "/subjects/s/versions", {"schema": record("x")}) == (422, 42205)

    def test_schemas_of_other_types(self, kept: Kept) -> None:
        body = {"schema": '{"type": "object"}', "schemaType": "JSON"}
        schema_id = kept("POST", "/subjects/s/versions", body)["id"]
        assert kept.again()("GET", f"/schemas/ids/{schema_id}").items() >= body.items()

    def test_subjects_with_letters_of_any_script(self, kept: Kept) -> None:
        kept.register("%C3%BCber%2Fall%20%F0%9F%98%80", "x")
        assert kept.again()("GET", "/subjects") == ["über/all 😀"]


class TestWriting:
    def test_a_change_is_in_the_file_before_it_is_answered(self, kept: Kept) -> None:
        for number in range(1, 4):
            kept.register(f"s{number}", "x")
            assert len(json.loads(kept.file.read_text())["versions"]) == number

    def test_what_only_reads_writes_nothing(self, kept: Kept) -> None:
        kept.register("s", "x")
        before = kept.file.stat().st_ino
        kept("GET", "/subjects")
        kept("POST", "/subjects/s", {"schema": record("x")})
        kept.register("s", "x")
        assert kept.file.stat().st_ino == before

    def test_the_file_is_replaced_and_never_written_into(self, kept: Kept) -> None:
        kept.register("s", "x")
        with kept.file.open() as opened:
            kept.register("s", "x", "y")
            assert len(json.load(opened)["versions"]) == 1
        assert sorted(kept.file.parent.iterdir()) == [kept.file]

    def test_only_its_owner_may_read_it(self, kept: Kept) -> None:
        kept.register("s", "x")
        assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        link = tmp_path / "link.json"
        link.symlink_to(tmp_path / "real.json")
        Kept(link).register("s", "x")
        assert link.is_symlink()
        assert Kept(tmp_path / "real.json")("GET", "/subjects") == ["s"]

    def test_a_change_that_cannot_be_written_has_not_happened(
        self, kept: Kept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept.register("s", "x")

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", full)
            assert kept.refused("POST", "/subjects/t/versions", {"schema": record("y")}) == (500, 50001)
        assert kept("GET", "/subjects") == ["s"]
        assert kept.again()("GET", "/subjects") == ["s"]
        assert sorted(kept.file.parent.iterdir()) == [kept.file]


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "null",
            '{"format": 1}',
            '{"format": 2, "lastId": 0, "versions": [], "levels": {}, "modes": {}}',
            '{"format": 1, "lastId": 0, "versions": [{"subject": "s"}], "levels": {}, "modes": {}}',
        ],
    )
    def test_a_file_of_something_else_is_refused_and_left_as_it_is(self, kept: Kept, text: str) -> None:
        kept.file.write_text(text)
        with pytest.raises(RegistryFileError, match="is not a file of the development registry"):
            kept.again()
        assert kept.file.read_text() == text

    def test_bytes_that_are_no_text_are_refused(self, kept: Kept) -> None:
        kept.file.write_bytes(b"\xff\xfe")
        with pytest.raises(RegistryFileError, match="cannot be read"):
            kept.again()

    def test_a_folder_that_is_not_there_is_named_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(RegistryFileError, match="cannot be written"):
            DevRegistry(file=tmp_path / "nowhere" / "registry.json")

    def test_an_error_holds_nothing_of_the_file(self, kept: Kept) -> None:
        kept.file.write_text('{"format": 1, "default": "hunter2"')
        with pytest.raises(RegistryFileError) as caught:
            kept.again()
        assert "hunter2" not in str(caught.value)
        assert caught.value.__context__ is None


def test_dev_refuses_a_file_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.loopback.servers.kafka_jars", lambda _report: [])
    file = tmp_path / "registry.json"
    file.write_text("something else")
    done = streamveil("dev", "--registry-file", str(file))
    assert done.exit_code == 1
    assert "registry.json is not a file of the development registry" in done.stderr
