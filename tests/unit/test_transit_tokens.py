"""mode=transit: Vault makes the tokens, by batch, and its key never leaves it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from connector.binding import Protection
from connector.config import Connector, Need, load
from connector.plan import Link
from connector.policy import Policy
from connector.record import Sink, Stop
from connector.service import protecting_pipeline
from connector.transit import TransitKeys, report_caches, transit_of
from registry.schema.tags import TagRules
from tests.unit.chains import avro, bound, read_on, record_of, run, values, verdict
from tests.unit.commands import Folder, streamveil
from tests.unit.configuring import LEAST, chain_errors, errors_with
from tests.unit.test_pipeline import CUSTOMER, Log, Message, Registry, customer, read
from tests.unit.test_pipeline import Pipeline as PipelineUnderTest
from tests.unit.tokens import detokenize, tokenize
from tests.unit.vaults import call, client_of
from transforms.detokenize import Detokenize
from transforms.outcome import Code, Unavailable
from transforms.tokenize import Tokenize
from vault.client import VaultClient
from vault.devserver import DevVault, Fault

ADA, BOB = "ada@example.com", "bob@example.com"
KEY = "crm-tokens"


@pytest.fixture
def vault() -> Iterator[DevVault]:
    with DevVault() as vault:
        call(vault, "POST", f"transit/keys/{KEY}", derived=True, convergent_encryption=True)
        yield vault


@pytest.fixture
def client(vault: DevVault) -> Iterator[VaultClient]:
    with client_of(vault) as client:
        yield client


@pytest.fixture
def keys(client: VaultClient) -> TransitKeys:
    keys = TransitKeys(client)
    keys.check(KEY, None)
    return keys


def transit(**options: Any) -> Tokenize:
    return tokenize(**{"mode": "transit", "key": None, "vault_transit_key": KEY, **options})


def back(**options: Any) -> Detokenize:
    return detokenize(**{"mode": "transit", "key": None, "vault_transit_key": KEY, **options})


def asked(vault: DevVault, operation: str = "encrypt") -> int:
    """How many requests have been made to encrypt, or to decrypt."""
    return sum(f"transit/{operation}/" in request for request in vault.requests)


# Tokens


def test_a_token_is_what_vault_encrypted_so_that_vault_alone_can_decrypt_it(vault: DevVault, keys: TransitKeys) -> None:
    [token] = values("string", [ADA], transit(), transit=keys)
    assert re.fullmatch(r"vault:v1:[A-Za-z0-9+/=]+", token)
    assert values("string", [token], back(), transit=keys) == [ADA]


def test_equal_values_have_equal_tokens_within_a_domain_and_not_across_domains(keys: TransitKeys) -> None:
    first, again, other = values("string", [ADA, ADA, BOB], transit(), transit=keys)
    assert first == again
    assert other != first
    assert values("string", [ADA], transit(domain="E"), transit=keys) != [first]
    assert values("string", [ADA], transit(cache_entries="0"), transit=keys) == [first]


def test_null_stays_null_and_an_empty_text_has_a_token(keys: TransitKeys) -> None:
    given = [None, "", ADA]
    found = values(["null", "string"], given, transit(), transit=keys)
    assert found[0] is None
    assert values(["null", "string"], found, back(), transit=keys) == given


@pytest.mark.parametrize(("type_", "value"), [("long", -42), ("bytes", "AAH+"), ("boolean", True)])
def test_a_value_comes_back_as_the_type_that_it_had(keys: TransitKeys, type_: str, value: Any) -> None:
    shape, writer = avro(record_of(type_)), transit()
    written = run(shape, [{"x": value}], writer, transit=keys)
    assert run(read_on(shape, writer, transit=keys), written, back(), transit=keys) == [{"x": value}]


@pytest.mark.parametrize("text", ["", ADA, "tok_AQAB", "vault:v1:", "vault:v0:AAAA", "vault:v1:a b", "vault:v1:AAAA\n"])
def test_what_is_no_token_rejects_its_record_and_vault_is_not_asked(
    vault: DevVault, keys: TransitKeys, text: str
) -> None:
    assert values("string", [text], back(), transit=keys) == [Code.NOT_A_TOKEN]
    assert asked(vault, "decrypt") == 0


def test_a_token_of_another_domain_rejects_its_record_and_no_other(keys: TransitKeys) -> None:
    ours, other = values("string", [ADA, BOB], transit(), transit=keys)
    [foreign] = values("string", [ADA], transit(domain="E"), transit=keys)
    found = values("string", [ours, foreign, "vault:v9:AAAA", other], back(), transit=keys)
    assert found == [ADA, Code.VAULT_REFUSED, Code.VAULT_REFUSED, BOB]


# How often Vault is asked


def test_each_distinct_value_is_sent_once(vault: DevVault, keys: TransitKeys) -> None:
    sent: list[int] = []
    encrypt = keys.encrypt

    def counting(key: str, plaintexts: Any, **more: Any) -> Any:
        sent.append(len(plaintexts))
        return encrypt(key, plaintexts, **more)

    keys.encrypt = counting  # type: ignore[method-assign]  # a spy
    values("string", [f"user-{number % 30}" for number in range(100)], transit(), transit=keys)
    assert sent == [30]
    assert asked(vault) == 1


def test_what_was_asked_is_remembered_for_the_next_batch(vault: DevVault, keys: TransitKeys) -> None:
    transform = transit()
    first = values("string", [ADA, BOB], transform, transit=keys)
    assert values("string", [BOB, ADA, ADA], transform, transit=keys) == [first[1], first[0], first[0]]
    assert asked(vault) == 1
    assert transform.cache is not None
    assert (transform.cache.hits, transform.cache.misses) == (2, 2)


def test_without_a_cache_every_batch_asks(vault: DevVault, keys: TransitKeys) -> None:
    transform = transit(cache_entries="0")
    for _ in range(2):
        values("string", [ADA], transform, transit=keys)
    assert asked(vault) == 2


def test_what_is_decrypted_is_asked_for_each_time_because_no_plaintext_is_kept(
    vault: DevVault, keys: TransitKeys
) -> None:
    tokens = values("string", [ADA], transit(), transit=keys)
    for _ in range(2):
        values("string", tokens * 5, back(), transit=keys)
    assert asked(vault, "decrypt") == 2


def test_a_batch_of_a_topic_is_sent_whole_however_many_records_it_has(vault: DevVault, keys: TransitKeys) -> None:
    """A route runs other transforms on a few thousand records at a time."""
    pipeline = pipeline_of(Registry(id1=CUSTOMER), keys, Log(), transit(fields="email"))
    messages = [Message(customer(id=number, email=f"u{number % 10}@example.com")) for number in range(9_000)]
    outcomes = pipeline.process(messages)
    assert all(isinstance(outcome, Sink) for outcome in outcomes)
    assert asked(vault) == 1


def test_the_hits_of_the_cache_are_told_without_a_value(keys: TransitKeys) -> None:
    transform, log = transit(), Log()
    values("string", [ADA, ADA], transform, transit=keys)
    values("string", [ADA], transform, transit=keys)
    report_caches([Link("mask", tokenize()), Link("pseudonym", transform)], log)
    assert log.lines == ["tokens remembered {'transform': 'pseudonym', 'hits': 1, 'misses': 1}"]


# Topics and domains


def pipeline_of(registry: Registry, keys: TransitKeys | None, log: Log, *transforms: Any) -> PipelineUnderTest:
    links = tuple(Link(f"t{index}", transform) for index, transform in enumerate(transforms))
    return PipelineUnderTest(
        Protection(links, TagRules(), Policy(), {}, keys),
        converters=("string", "avro"),
        registry=registry,
        sink_format="${topic}.protected",
        log=log,
    )


def test_the_same_value_in_two_topics_has_the_same_token_under_one_domain(keys: TransitKeys) -> None:
    registry = Registry(id1=CUSTOMER)
    sinks = pipeline_of(registry, keys, Log(), transit(tags="PII", fields=None, domain=None)).process(
        [Message(customer(), topic="crm"), Message(customer(), topic="shop")]
    )
    crm, shop = (
        read(sink, registry, f"{topic}.protected-value") for sink, topic in zip(sinks, ("crm", "shop"), strict=True)
    )
    assert crm["email"] == shop["email"]


# Outages and keys that are no good


def test_while_vault_does_not_answer_the_batch_waits_and_is_done_afterwards(vault: DevVault) -> None:
    log, registry = Log(), Registry(id1=CUSTOMER)
    with client_of(vault, deadline=2.0) as client:
        pipeline = pipeline_of(registry, TransitKeys(client), log, transit(fields="email", key_version="1"))
        vault.seal()
        with pytest.raises(Unavailable) as waiting:
            pipeline.process([Message(customer())])
        assert ADA not in f"{waiting.value!r}{log.lines}"
        vault.unseal()
        [sink] = pipeline.process([Message(customer())])
    assert read(sink, registry)["email"].startswith("vault:v1:")


def test_a_vault_that_is_slow_makes_the_tokens_of_a_large_batch_all_the_same(vault: DevVault) -> None:
    """All requests together take longer than a call may: four rounds of them, 0.3 s each."""
    given = [f"user-{number}" for number in range(3_000)]
    vault.inject(Fault(delay=0.3, path="transit/*crypt/*", times=None))
    with client_of(vault, deadline=1.0) as client:
        keys = TransitKeys(client)
        tokens = values("string", given, transit(key_version="1"), transit=keys)
        assert values("string", tokens, back(), transit=keys) == given


def test_a_key_that_was_deleted_stops_the_connector_and_is_not_made_anew(vault: DevVault, keys: TransitKeys) -> None:
    call(vault, "POST", "transit/keys/another")
    call(vault, "POST", f"transit/keys/{KEY}/config", deletion_allowed=True)
    call(vault, "DELETE", f"transit/keys/{KEY}")
    for transform, given in ((transit(), ADA), (back(), "vault:v1:AAAA")):
        with pytest.raises(Stop, match=f"the Transit key {KEY}: .*transit/(en|de)crypt/{KEY}") as stopped:
            values("string", [given], transform, transit=keys)
        assert ADA not in str(stopped.value)
    assert call(vault, "LIST", "transit/keys")["keys"] == ["another"]


def test_a_version_that_is_withdrawn_stops_the_connector_instead_of_rejecting_every_record(
    vault: DevVault, keys: TransitKeys
) -> None:
    call(vault, "POST", f"transit/keys/{KEY}/rotate")
    call(vault, "POST", f"transit/keys/{KEY}/config", min_encryption_version=2)
    with pytest.raises(Stop, match=f"the Transit key {KEY}: version 1 cannot be written with, only 2 to 2"):
        values("string", [ADA], transit(), transit=keys)


def test_after_a_rotation_tokens_stay_what_they_are_and_all_of_them_are_read(
    vault: DevVault, client: VaultClient, keys: TransitKeys
) -> None:
    [before] = values("string", [ADA], transit(), transit=keys)
    call(vault, "POST", f"transit/keys/{KEY}/rotate")
    assert values("string", [ADA], transit(), transit=keys) == [before]
    again = TransitKeys(client)
    again.check(KEY, 2)
    [after] = values("string", [ADA], transit(key_version="2"), transit=again)
    assert after.startswith("vault:v2:")
    assert values("string", [before, after], back(), transit=again) == [ADA, ADA]


# At start


def written(vault: DevVault, **options: str) -> dict[str, str]:
    """A configuration; `_` in an option's name stands for a dot."""
    config = {
        "transforms": "t",
        "transforms.t.type": "Tokenize",
        "transforms.t.fields": "x",
        "transforms.t.domain": "D",
    }
    config |= {"transforms.t.mode": "transit", "transforms.t.vault.transit.key": KEY}
    config |= {f"transforms.t.{name.replace('_', '.')}": text for name, text in options.items()}
    return {**config, "vault.url": vault.url, "vault.token": vault.root_token}


def configured(vault: DevVault, **options: str) -> Connector:
    return load(written(vault, **options), need=Need.VAULT)


def refused_at_start(vault: DevVault, deadline: float = 5.0, **options: str) -> str:
    with client_of(vault, deadline=deadline) as client, pytest.raises(Stop) as stopped:
        transit_of(configured(vault, **options), client)
    return str(stopped.value)


def test_a_key_that_is_as_it_must_be_is_accepted(vault: DevVault) -> None:
    with client_of(vault) as client:
        keys = transit_of(configured(vault), client)
        assert keys is not None
        assert keys.writing_version(KEY) == 1
        assert transit_of(load({"transforms": ""}, need=Need.CHAIN), None) is None


def test_a_key_that_does_not_exist_stops_the_start_and_is_not_made(vault: DevVault) -> None:
    assert "the Transit key nowhere: " in refused_at_start(vault, vault_transit_key="nowhere")
    assert call(vault, "LIST", "transit/keys")["keys"] == [KEY]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"derived": False}, "must be derived, with convergent encryption"),
        ({"derived": True}, "must be derived, with convergent encryption"),
        ({"derived": True, "convergent_encryption": True, "exportable": True}, "can be exported from Vault"),
    ],
)
def test_a_key_that_makes_no_safe_tokens_stops_the_start(vault: DevVault, key: dict[str, bool], said: str) -> None:
    call(vault, "POST", "transit/keys/bad", **key)
    assert said in refused_at_start(vault, vault_transit_key="bad")


def test_a_version_that_the_key_lacks_stops_the_start(vault: DevVault) -> None:
    assert "version 2 cannot be written with, only 1 to 1" in refused_at_start(vault, key_version="2")


def test_a_key_with_several_versions_needs_the_version_to_write_with(vault: DevVault) -> None:
    call(vault, "POST", f"transit/keys/{KEY}/rotate")
    assert refused_at_start(vault) == (
        f"transforms.t.key.version: expected the version to write with, because the Transit key {KEY} has several"
    )
    with client_of(vault) as client:
        assert transit_of(configured(vault, key_version="1"), client) is not None
        assert transit_of(configured(vault, type="Detokenize"), client) is not None


def test_a_vault_that_does_not_answer_stops_the_start(vault: DevVault) -> None:
    vault.seal()
    assert refused_at_start(vault, deadline=0.4) == "transforms.t: Vault does not answer"


def test_where_no_vault_is_configured_its_keys_cannot_be_used() -> None:
    keys = {
        "transforms": "t",
        "transforms.t.type": "Tokenize",
        "transforms.t.fields": "x",
        "transforms.t.mode": "transit",
    }
    keys["transforms.t.vault.transit.key"] = KEY
    assert any(error.startswith("vault.") for error in errors_with(**keys))
    assert chain_errors(**{**keys, "transforms.t.key": "k"}) != []


def test_a_connector_begins_with_its_keys_checked(vault: DevVault) -> None:
    config = {**LEAST, **written(vault), "key.converter": "string", "value.converter": "json"}
    with ExitStack() as closing:
        protecting_pipeline(load(config, need=Need.SERVICE), closing)
        assert f"GET transit/keys/{KEY}" in vault.requests
    mistyped = load({**config, "transforms.t.vault.transit.key": "mistyped"}, need=Need.SERVICE)
    with ExitStack() as closing, pytest.raises(Stop, match="the Transit key mistyped"):
        protecting_pipeline(mistyped, closing)


def test_apply_has_vault_make_the_tokens_and_explain_does_not_ask_it(
    folder: Folder, vault: DevVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = folder.write("connector.json", written(vault, fields="email"))
    done = streamveil("apply", config, lines=[{"email": ADA}, {"email": ADA}])
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == second
    assert first["email"].startswith("vault:v1:")
    vault.stop()
    monkeypatch.setattr("connector.keys.VaultClient", partial(VaultClient, deadline=0.4))
    assert streamveil("explain", config, "--schema", folder.write("c.avsc", record_of("string"))).exit_code == 1
    protecting = folder.write("connector.json", written(vault))
    assert streamveil("explain", protecting, "--schema", folder.write("c.avsc", record_of("string"))).exit_code == 0
    ended = streamveil("apply", config, lines=[{"email": ADA}])
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ADA not in ended.stderr


# Judged without Vault


def test_a_chain_is_judged_without_asking_vault() -> None:
    shape = avro(record_of("string"))
    assert verdict(shape, transit()) == "protected"
    assert verdict(shape, transit(), back()) == "uncovered"
    [guard] = bound(shape, transit(key_version="3")).shape.value.type.fields[0].guards  # type: ignore[union-attr]
    assert (guard.key, guard.version, guard.mode) == (KEY, 3, "transit")


def test_records_do_not_run_through_a_chain_that_was_only_judged() -> None:
    protection = Protection((Link("t", transit()),), TagRules(), Policy(), {})
    with pytest.raises(ValueError, match="nothing connects to Vault"):
        protection.for_running()
    with pytest.raises(Unavailable):
        values("string", [ADA], transit())
    with pytest.raises(Unavailable):
        values("string", ["vault:v1:AAAA"], back())
