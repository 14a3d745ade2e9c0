"""`streamveil validate`: every error of a configuration at once."""

from __future__ import annotations

from tests.unit.commands import Folder, streamveil

SERVICE = {
    "name": "customers",
    "topics": "crm.customers",
    "bootstrap.servers": "localhost:9092",
    "schema.registry.url": "http://localhost:8081",
}


def test_a_configuration_without_errors_gives_status_0(folder: Folder) -> None:
    done = streamveil("validate", folder.write("connector.json", SERVICE))
    assert done.exit_code == 0


def test_every_error_is_named_by_its_key_in_one_go(folder: Folder) -> None:
    wrong = {
        **SERVICE,
        "batch.max.recrods": "5",
        "policy.on.uncovered": "ignore",
        "transforms": "mask",
        "transforms.mask.type": "MaskFeild",
    }
    done = streamveil("validate", folder.write("connector.json", wrong))
    assert done.exit_code == 1
    for key in ("batch.max.recrods", "policy.on.uncovered", "transforms.mask.type"):
        assert key in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_not_there_is_an_error_of_the_configuration(folder: Folder) -> None:
    done = streamveil("validate", str(folder.path / "missing.json"))
    assert done.exit_code == 1
    assert "missing.json" in done.stderr


def test_run_refuses_what_validate_refuses(folder: Folder) -> None:
    wrong = folder.write("connector.json", {**SERVICE, "topics": "", "tasks.max": "none"})
    validated, run = streamveil("validate", wrong), streamveil("run", wrong)
    assert run.exit_code == validated.exit_code == 1
    assert run.stderr == validated.stderr


def test_a_password_is_not_repeated_by_an_error(folder: Folder) -> None:
    wrong = {
        **SERVICE,
        "kafka.sasl.password": "correct-horse",
        "kafka.sasl.pasword": "battery-staple",
        "tasks.max": "x",
    }
    done = streamveil("validate", folder.write("connector.json", wrong))
    assert done.exit_code == 1
    assert "correct-horse" not in done.output
    assert "battery-staple" not in done.output
