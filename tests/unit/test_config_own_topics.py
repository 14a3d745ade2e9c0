"""Topics beside sources and sinks, in a configuration: dead letters, mappings of tokens, the audit."""

from __future__ import annotations

import pytest

from tests.unit.configuring import RING, chain_errors, chain_of, errors_with, loaded

_VAULT_TOKENS = {
    "transforms": "t",
    "transforms__t__type": "Tokenize",
    "transforms__t__fields": "email",
    "transforms__t__key": "ring",
    "transforms__t__mode": "vault",
    "transforms__t__subject__field": "id",
    "keys": "ring",
    "keys__ring__provider": "env",
    "keys__ring__variable": "TEST_RING",
}


def test_tokens_that_can_be_forgotten_need_a_mapping_topic_to_run_and_none_to_be_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_RING", RING)
    [error] = errors_with(**_VAULT_TOKENS)
    assert error == "mapping.topic: found nothing; expected a topic, because a Tokenize has mode=vault"

    assert chain_of(**_VAULT_TOKENS).mapping.topic is None
    assert loaded(**_VAULT_TOKENS, mapping__topic="orders.mapping").mapping.topic == "orders.mapping"


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"mapping__topic": "orders"}, 'mapping.topic: found "orders"; expected another topic than a source topic'),
        (
            {"topics": "orders,m.forgotten", "mapping__topic": "m"},
            'mapping.topic: found "m"; expected another topic than a source topic',
        ),
        ({"audit__topic": "orders"}, 'audit.topic: found "orders"; expected another topic than a source topic'),
        (
            {"mapping__topic": "one", "audit__topic": "one"},
            'audit.topic: found "one"; expected another topic than that of mapping.topic',
        ),
        (
            {"mapping__topic": "one", "audit__topic": "one.forgotten"},
            'audit.topic: found "one.forgotten"; expected another topic than that of mapping.topic',
        ),
        (
            {"mapping__topic": "dead", "errors__deadletterqueue__topic__name": "dead"},
            'mapping.topic: found "dead"; expected another topic than that of errors.deadletterqueue.topic.name',
        ),
        (
            {"mapping__topic": "one", "sink__topic__format": "one"},
            'sink.topic.format: found "one"; expected another topic than mapping.topic',
        ),
        (
            {"audit__topic": "one", "audit__file": "/var/log/audit"},
            "audit.file: expected to be absent where audit.topic is given",
        ),
    ],
)
def test_each_topic_beside_sources_and_sinks_has_one_use(keys: dict[str, str], error: str) -> None:
    assert errors_with(**keys) == [error]


def test_a_mapping_topic_whose_markers_would_have_no_legal_name_is_refused() -> None:
    [error] = errors_with(mapping__topic="m" * 245)
    assert error.startswith("mapping.topic: ")


def test_a_chain_that_would_detokenize_what_can_be_forgotten_is_refused() -> None:
    keys = {**_VAULT_TOKENS, "transforms__t__type": "Detokenize"}
    errors = chain_errors(**keys)
    assert (
        'transforms.t.mode: found "vault"; expected local or transit: streamveil resolve reads the tokens of mode=vault'
        in errors
    )


@pytest.mark.parametrize("given", ["a..b", ""])
def test_a_subject_must_be_a_path(given: str) -> None:
    assert any(
        "transforms.t.subject.field" in error
        for error in chain_errors(**{**_VAULT_TOKENS, "transforms__t__subject__field": given})
    )
