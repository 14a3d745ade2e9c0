"""`streamveil apply --envelope`: whole records, each line answered by one line."""

from __future__ import annotations

import json

from tests.unit.commands import MASK, Folder, streamveil

RECORD = {
    "topic": "customers",
    "partition": 0,
    "offset": 12,
    "timestamp": 1700000000000,
    "headers": [],
    "key_schema": None,
    "key": "k-1",
    "value_schema": None,
    "value": {"email": "ada@example.com"},
}
MASK_EMAIL = {"mask": {"type": "MaskField", "fields": "email"}}


def test_each_line_is_answered_by_one_line(folder: Folder) -> None:
    done = streamveil("apply", "--envelope", folder.connector(MASK_EMAIL), lines=[RECORD, "no record", RECORD])
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(answer) for answer in answers] == [["record"], ["error"], ["record"]]
    assert answers[0]["record"] == {**RECORD, "value": {"email": ""}}
    assert done.exit_code == 0


def test_a_wrong_configuration_gives_status_1_and_nothing_is_written(folder: Folder) -> None:
    connector = folder.connector({"mask": {**MASK, "feilds": "email"}})
    done = streamveil("apply", "--envelope", connector, lines=[RECORD])
    assert done.exit_code == 1
    assert done.stdout == ""


def test_a_schema_beside_the_records_own_is_refused(folder: Folder) -> None:
    done = streamveil("apply", "--envelope", folder.connector(MASK_EMAIL), "--schema", folder.schema(), lines=[RECORD])
    assert done.exit_code == 2
    assert done.stdout == ""
