"""`streamveil apply`: the chain on JSON lines, without Kafka and without a registry."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.unit.commands import HMAC, MASK, TRIM, Folder, streamveil
from tests.unit.vaults import CUSTOMERS, client_of
from transforms.hmac import Hmac
from vault.devserver import DevVault, Fault
from vault.keyring import hkdf_sha256
from vault.ring_keeping import create_ring

CHAIN = {"pseudonym": HMAC, "mask": MASK, "trim": TRIM}
ADA: dict[str, Any] = {
    "id": 9007199254740993,
    "email": "ada@example.com",
    "phones": [None, "555-0100"],
    "birth_date": "1815-12-10",
    "balance": "1234567890123456789012345.67",
    "segment": "gold",
}
MASK_EMAIL = {"mask": {"type": "MaskField", "fields": "email"}}


def written(stdout: str) -> list[Any]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_a_line_comes_out_protected_and_as_plain_as_it_went_in(folder: Folder) -> None:
    done = streamveil("apply", folder.connector(CHAIN), "--schema", folder.schema(), lines=[ADA])
    subkey = hkdf_sha256(b"\x01" * 32, b"streamveil/v1/hmac/EMAIL", 32)
    assert written(done.stdout) == [
        {
            "id": 9007199254740993,
            "email": hmac.new(subkey, b"ada@example.com", hashlib.sha256).hexdigest(),
            "phones": [None, ""],
            "birth_date": "1815-12-10",
            "balance": "1234567890123456789012345.67",
        }
    ]
    assert done.exit_code == 0
    assert done.stderr == ""


def test_a_rejected_line_is_named_by_number_stage_code_and_path(folder: Folder) -> None:
    lines = [ADA, {**ADA, "birth_date": "yesterday"}, ADA]
    done = streamveil("apply", folder.connector(CHAIN), "--schema", folder.schema(), lines=lines)
    assert written(done.stderr) == [{"line": 2, "stage": "value.converter", "code": "malformed", "path": "birth_date"}]
    assert len(written(done.stdout)) == 2
    assert done.exit_code == 3


def test_lines_keep_their_order(folder: Folder) -> None:
    lines = [{**ADA, "id": number} for number in range(5000)]
    done = streamveil("apply", folder.connector(CHAIN), "--schema", folder.schema(), lines=lines)
    assert [line["id"] for line in written(done.stdout)] == list(range(5000))


@pytest.mark.parametrize(
    "line",
    [
        '{"email": "planted-6f1d0c',
        '{"email": "planted-6f1d0c", "n": NaN}',
        "planted-6f1d0c",
        "",
        '{"email": "planted-6f1d0c\\ud800"}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_json_is_malformed_and_never_shown(folder: Folder, line: str) -> None:
    done = streamveil("apply", folder.connector(CHAIN), "--schema", folder.schema(), lines=[line])
    assert written(done.stderr)[0]["code"] == "malformed"
    assert done.stdout == ""
    assert "planted" not in done.output
    assert done.exit_code == 3


@pytest.mark.parametrize("field", ["id", "email", "phones", "birth_date", "balance", "segment"])
def test_no_value_is_shown_wherever_it_does_not_fit(folder: Folder, field: str) -> None:
    misfit = {**ADA, field: {"planted-6f1d0c": "planted-6f1d0c"}}
    done = streamveil("apply", folder.connector(CHAIN), "--schema", folder.schema(), lines=[misfit])
    assert written(done.stderr)[0]["path"] == field
    assert "planted" not in done.output


def test_a_transform_that_fails_rejects_its_line_alone(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no transform foresaw: only the line that causes it is rejected, and its text is not shown."""

    def hashing(self: Hmac, subkey: bytes, field: object) -> Any:
        def apply(values: list[str]) -> list[str]:
            if "eve@example.com" in values:
                raise RuntimeError("cannot hash eve@example.com")
            return values

        return apply

    monkeypatch.setattr(Hmac, "_hashing", hashing)
    lines = [ADA, {**ADA, "email": "eve@example.com"}, ADA]
    done = streamveil("apply", folder.connector(CHAIN), "--schema", folder.schema(), lines=lines)
    assert len(written(done.stdout)) == 2
    assert written(done.stderr) == [{"line": 2, "stage": "transforms.pseudonym", "code": "failed", "path": ""}]
    assert "eve" not in done.output


def test_without_a_schema_lines_are_json_of_any_form(folder: Folder) -> None:
    line = '{"email":"ada@example.com","n":123456789012345678901234567890,"x":0.1,"e":1e-07,"deep":[{"a":null}]}'
    done = streamveil("apply", folder.connector(MASK_EMAIL), lines=[line])
    assert done.stdout == line.replace("ada@example.com", "") + "\n"
    assert done.exit_code == 0


def test_without_a_schema_places_can_be_declared_and_the_rest_is_kept(folder: Folder) -> None:
    connector = folder.connector({"mask": MASK}, value__converter="json", tags__fields__PII="email,phones[*].number")
    line = {"email": "ada@example.com", "phones": [{"number": "555-0100", "kind": "home"}], "other": {"a": [1]}}
    done = streamveil("apply", connector, lines=[line])
    assert written(done.stdout) == [{"email": "", "phones": [{"number": "", "kind": "home"}], "other": {"a": [1]}}]


def test_an_uncovered_field_gives_status_1_and_nothing_is_written(folder: Folder) -> None:
    done = streamveil("apply", folder.connector({"mask": MASK}), "--schema", folder.schema(), lines=[ADA])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "email (EMAIL)" in done.stderr


def test_an_uncovered_field_rejects_each_line_where_the_policy_is_deadletter(folder: Folder) -> None:
    connector = folder.connector({"mask": MASK}, policy__on__uncovered="deadletter")
    done = streamveil("apply", connector, "--schema", folder.schema(), lines=[ADA, ADA])
    assert written(done.stderr) == [
        {"line": number, "stage": "coverage", "code": "uncovered", "path": "email"} for number in (1, 2)
    ]
    assert done.stdout == ""
    assert done.exit_code == 3


def test_a_wrong_configuration_gives_status_1_and_nothing_is_written(folder: Folder) -> None:
    connector = folder.connector({"mask": {"type": "MaskField", "feilds": "email"}})
    done = streamveil("apply", connector, lines=[{"email": "ada@example.com"}])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "transforms.mask.feilds" in done.stderr


def test_a_schema_that_cannot_be_read_gives_status_1(folder: Folder) -> None:
    done = streamveil("apply", folder.connector(CHAIN), "--schema", str(folder.path / "missing.avsc"), lines=[ADA])
    assert done.exit_code == 1
    assert "missing.avsc" in done.stderr


def test_with_a_schema_of_keys_a_line_is_a_key_and_a_value(folder: Folder) -> None:
    key = {"type": "record", "name": "Id", "fields": [{"name": "ssn", "type": "string", "confluent:tags": ["PII"]}]}
    mask_key = {"type": "MaskField$Key", "tags": "PII"}
    connector = folder.connector({**CHAIN, "key": mask_key}, key__converter="avro")
    schemas = ("--schema", folder.schema(), "--key-schema", folder.write("key.avsc", key))
    done = streamveil("apply", connector, *schemas, lines=[{"key": {"ssn": "123-45-6789"}, "value": ADA}, ADA])
    assert written(done.stdout)[0]["key"] == {"ssn": ""}
    assert written(done.stderr)[0]["line"] == 2


def test_lines_are_answered_while_the_input_stays_open(folder: Folder) -> None:
    command = [sys.executable, "-m", "connector.cli", "apply", folder.connector(MASK_EMAIL)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"email":"ada@example.com"}\n')
        process.stdin.flush()
        assert process.stdout.readline() == b'{"email":""}\n'
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_server_that_is_asked_again_leaves_nothing_among_the_records(folder: Folder) -> None:
    with DevVault() as vault, client_of(vault) as client:
        create_ring(client, CUSTOMERS)
        vault.inject(Fault(status=503, times=2))
        connector = folder.write(
            "connector.json",
            {
                "name": "customers",
                "config": {
                    "vault.url": vault.url,
                    "vault.token": vault.root_token,
                    "keys": "customers",
                    "keys.customers.provider": "vault",
                    "transforms": "token",
                    "transforms.token.type": "Tokenize",
                    "transforms.token.tags": "EMAIL, PII",
                    "transforms.token.key": "customers",
                },
            },
        )
        command = [sys.executable, "-m", "connector.cli", "apply", connector, "--schema", folder.schema()]
        done = subprocess.run(command, input=json.dumps(ADA), capture_output=True, text=True, check=False)
    assert [record["email"][:4] for record in written(done.stdout)] == ["tok_"]
    assert done.stderr == ""
