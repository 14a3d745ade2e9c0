"""The suite itself, run against registries that can do less: what is optional is reported, the rest is required."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from registry.devserver import DevRegistry

_UNKNOWN = re.compile("/schemas/guids/|/schemas/ids/.*/(schema|subjects)")
_ROOT = Path(__file__).parents[3]


class Plain(DevRegistry):
    """A registry as there are some: no metadata, no references, fewer paths and parameters, words of its own."""

    def serve(self, method, target, body):
        parts = urlsplit(target)
        if _UNKNOWN.match(parts.path):
            return 404, json.dumps({"error_code": 404, "message": "Not found"}).encode()
        query = {name: value for name, value in parse_qsl(parts.query) if name == "deleted"}
        if body.startswith(b"{"):
            request = json.loads(body)
            if request.get("references"):
                return 422, json.dumps({"error_code": 44302, "message": "No references"}).encode()
            body = json.dumps({k: v for k, v in request.items() if k not in ("metadata", "ruleSet")}).encode()
        status, answer = super().serve(method, f"{parts.path}?{urlencode(query)}", body)
        if status == 409:
            answer = json.dumps({"error_code": 409, "message": "Incompatible schema"}).encode()
        return status, answer


class Forgetful(DevRegistry):
    """A registry that loses what Avro does not know, inline tags among it."""

    def serve(self, method, target, body):
        return super().serve(method, target, body.replace(b"confluent:tags", b"forgotten"))


def run_against(registry):
    """The suite against this registry alone: its exit status, and what it printed."""
    with registry:
        environment = {**os.environ, "STREAMVEIL_EXTERNAL": "1", "SCHEMA_REGISTRY_URL": registry.url}
        folder = Path(__file__).parent
        suite = [
            str(folder / name) for name in ("test_registry.py", "test_registry_rules.py", "test_registry_guids.py")
        ]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", registry.url, *suite]
        done = subprocess.run(
            command, env=environment, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=200
        )
        return done.returncode, done.stdout


def test_a_registry_without_what_is_optional_passes_and_the_report_says_what_it_lacks():
    status, shown = run_against(Plain())
    assert status == 0
    assert "skipped" not in shown
    for lacking in (
        "schemas can be had by GUID: NO",
        "Avro schemas may refer to others: NO",
        "subjects can be listed by prefix: NO",
        "a schema's text can be had alone: NO",
        "reasons of incompatibility are told in Confluent's words: NO",
    ):
        assert lacking in shown
    assert "metadata and rules are kept: NO" in shown
    assert "errors have Confluent's codes: yes" in shown
    assert "compatibility can be tried without registering: yes" in shown


def test_a_registry_that_loses_inline_tags_fails():
    status, shown = run_against(Forgetful())
    assert status == 1
    assert "test_attributes_that_avro_does_not_know_are_kept" in shown
