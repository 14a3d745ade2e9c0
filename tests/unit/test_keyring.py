"""Key rings: what they derive, where they come from, and that nothing of them shows."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import os
import pickle
import secrets
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vault.keyring import KeyRingError, Ring, hkdf_sha256, load_ring

KEY = bytes(range(32))
OLD = bytes(range(32, 64))


def _document(**changes: Any) -> str:
    return json.dumps({"current": 1, "versions": {"1": base64.b64encode(KEY).decode()}} | changes)


def _file(path: Path, content: str | bytes, mode: int = 0o600) -> str:
    file = path / "ring.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
    return str(file)


def test_hkdf_gives_the_output_of_rfc_5869_test_case_3() -> None:
    """SHA-256 with zero-length salt and info, RFC 5869 appendix A.3."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"

    assert hkdf_sha256(bytes([0x0B] * 22), b"", 42).hex() == expected


def test_anyone_with_the_key_can_recompute_a_subkey() -> None:
    """RFC 5869 by hand: extract with an empty salt, expand one block over the info text."""
    extracted = hmac.digest(b"", KEY, hashlib.sha256)
    expanded = hmac.digest(extracted, b"streamveil/v1/hmac/PII.E-MAIL \xc3\xbc\x01", hashlib.sha256)

    assert Ring({1: KEY}, 1).subkey("hmac", "PII.E-MAIL ü", 32) == expanded


def test_anyone_with_the_key_can_recompute_a_fingerprint() -> None:
    extracted = hmac.digest(b"", KEY, hashlib.sha256)
    expanded = hmac.digest(extracted, b"streamveil/v1/fingerprint\x01", hashlib.sha256)

    assert Ring({1: OLD, 2: KEY}, 1).fingerprint(2) == expanded[:8].hex()


def test_a_ring_of_several_versions_without_a_current_one_has_none_to_write_with() -> None:
    ring = Ring({1: OLD, 2: KEY}, None)

    with pytest.raises(LookupError, match="several versions"):
        _ = ring.writing_version
    with pytest.raises(LookupError, match="several versions"):
        ring.subkey("hmac", "a", 32)
    assert ring.subkey("hmac", "a", 32, version=1) == Ring({1: OLD}, None).subkey("hmac", "a", 32)


def test_purposes_domains_and_versions_have_subkeys_of_their_own() -> None:
    ring = Ring({1: OLD, 2: KEY}, 2)

    subkeys = {
        ring.subkey("hmac", "a", 32),
        ring.subkey("hmac", "b", 32),
        ring.subkey("fpe", "a", 32),
        ring.subkey("hmac", "a", 32, version=1),
    }

    assert len(subkeys) == 4


def test_the_current_version_is_written_with() -> None:
    ring = Ring({1: OLD, 2: KEY}, 2)

    assert ring.writing_version == 2
    assert ring.versions == (1, 2)
    assert ring.subkey("hmac", "a", 32) == ring.subkey("hmac", "a", 32, version=2)


def test_a_version_that_the_ring_does_not_have_is_named() -> None:
    with pytest.raises(LookupError, match="no version 7"):
        Ring({1: KEY}, 1).subkey("hmac", "a", 32, version=7)


@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"x"])
def test_a_key_has_exactly_32_bytes(key: bytes) -> None:
    with pytest.raises(ValueError, match="exactly 32 bytes"):
        Ring({1: key}, 1)


@pytest.mark.parametrize("show", [repr, str, "{}".format, ascii, lambda ring: f"{ring!r:>60}"])
def test_a_ring_prints_without_its_keys(show: Callable[[Ring], str]) -> None:
    assert show(Ring({1: KEY}, 1)).strip() == "<key ring of 1 version(s)>"


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_ring_cannot_be_pickled_copied_or_made_json_of(take: Callable[[Ring], object]) -> None:
    with pytest.raises(TypeError):
        take(Ring({1: KEY}, 1))


def test_a_ring_has_no_dictionary_of_its_attributes() -> None:
    with pytest.raises(TypeError):
        vars(Ring({1: KEY}, 1))


def test_a_ring_is_read_from_a_file(tmp_path: Path) -> None:
    ring = load_ring("file", {"path": _file(tmp_path, _document())})

    assert ring.subkey("hmac", "a", 32) == Ring({1: KEY}, 1).subkey("hmac", "a", 32)


def test_a_ring_is_read_from_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RING", _document())

    ring = load_ring("env", {"variable": "RING"})

    assert ring.subkey("hmac", "a", 32) == Ring({1: KEY}, 1).subkey("hmac", "a", 32)


def test_a_variable_that_is_not_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RING", raising=False)

    with pytest.raises(KeyRingError, match=r"^variable: expected the name of an environment variable that is set$"):
        load_ring("env", {"variable": "RING"})


def test_a_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match=r"^path: expected the path of a file .* \(FileNotFoundError\)$"):
        load_ring("file", {"path": str(tmp_path / "none")})


def test_a_directory_is_no_ring(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match=r"^path: expected the path of a file that can be read"):
        load_ring("file", {"path": str(tmp_path)})


def test_an_option_that_is_missing_is_named() -> None:
    with pytest.raises(KeyRingError, match=r"^path: expected the path of a JSON file$"):
        load_ring("file", {})


def test_an_unknown_provider_is_told_which_there_are() -> None:
    with pytest.raises(KeyRingError, match=r"^provider: expected one of file, env$"):
        load_ring("keychain", {})


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o620, 0o777])
def test_a_file_that_others_have_access_to_is_refused_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = _file(tmp_path, _document(), mode)

    with pytest.raises(KeyRingError, match=rf"not {mode:04o}: others could read the keys$"):
        load_ring("file", {"path": path})


def _owned_by(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    status = os.fstat

    def owned(descriptor: int) -> os.stat_result:
        values = list(status(descriptor))
        values[4] = uid
        return os.stat_result(values)

    monkeypatch.setattr(os, "fstat", owned)


def test_the_group_may_read_a_file_that_root_owns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How Kubernetes gives a secret to a process that is not root."""
    path = _file(tmp_path, _document(), 0o640)
    _owned_by(monkeypatch, 0)

    assert load_ring("file", {"path": path}).versions == (1,)


def test_the_group_may_not_read_a_file_that_a_user_owns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, _document(), 0o640)
    _owned_by(monkeypatch, 1000)

    with pytest.raises(KeyRingError, match="a file of mode 0600 or stricter, not 0640"):
        load_ring("file", {"path": path})


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


WRONG_DOCUMENTS = {
    "nothing": "",
    "no JSON": "{",
    "no object": "[]",
    "a number": "1",
    "deeply nested": "[" * 100_000,
    "not UTF-8": b"\xff",
    "no versions": '{"current": 1}',
    "no current": json.dumps({"versions": {"1": _encoded(KEY)}}),
    "another member": _document(extra=1),
    "versions in a list": _document(versions=[_encoded(KEY)]),
    "no version at all": _document(versions={}),
    "a current version that is not there": _document(current=2),
    "a current version in quotes": _document(current="1"),
    "a current version that is true": _document(current=True),
    "version zero": _document(current=0, versions={"0": _encoded(KEY)}),
    "a version with a leading zero": _document(versions={"01": _encoded(KEY)}),
    "a version that is no number": _document(versions={"one": _encoded(KEY)}),
    "a version twice": _document().replace("}}", f', "1": "{_encoded(OLD)}"}}}}'),
    "a key of 31 bytes": _document(versions={"1": _encoded(KEY[:31])}),
    "a key of 33 bytes": _document(versions={"1": _encoded(KEY + b"x")}),
    "a key in hex": _document(versions={"1": KEY.hex()}),
    "a key in url-safe base64": _document(versions={"1": base64.urlsafe_b64encode(b"\xff" * 32).decode()}),
    "a key without padding": _document(versions={"1": _encoded(KEY).rstrip("=")}),
    "a key with a line break": _document(versions={"1": _encoded(KEY) + "\n"}),
    "a key in a form that is not canonical": _document(versions={"1": _encoded(KEY)[:-2] + "9="}),
    "a key that is null": _document(versions={"1": None}),
}


@pytest.mark.parametrize("content", WRONG_DOCUMENTS.values(), ids=WRONG_DOCUMENTS)
def test_a_document_that_is_not_a_ring_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(KeyRingError, match=r"^path: expected ") as refused:
        load_ring("file", {"path": _file(tmp_path, content)})

    assert refused.value.option == "path"


@pytest.mark.parametrize(("provider", "option"), [("env", "variable"), ("file", "path")])
def test_a_key_in_the_place_of_the_option_is_not_shown(provider: str, option: str) -> None:
    key = _encoded(KEY)

    with pytest.raises(KeyRingError) as refused:
        load_ring(provider, {option: key})

    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "template",
    [
        '{{"current": 1, "versions": {{"1": "{0}"}}}}',
        '{{"current": 1, "versions": {{"{0}": ""}}}}',
        '{{"current": "{0}", "versions": {{}}}}',
        '{{"{0}": 1, "{0}": 2}}',
        '{{"current": 1, "versions": {{"1": "{0}',
        "{0}",
    ],
)
@pytest.mark.parametrize("provider", ["file", "env"])
def test_no_error_shows_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, template: str
) -> None:
    """Searched in the text, and in a traceback that prints the local variables of every frame."""
    secret = secrets.token_hex(20)
    monkeypatch.setenv("RING", template.format(secret))
    path = _file(tmp_path, template.format(secret))

    with pytest.raises(KeyRingError) as refused:
        load_ring(provider, {"path": path, "variable": "RING"})

    report = "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=True).format())
    # The frames of this test hold the secret; those of the library may not.
    library = report[report.index("vault/keyring.py") :]
    assert secret not in library
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None
