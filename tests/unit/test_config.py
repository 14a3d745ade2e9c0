"""Loading a configuration: what users write, what comes out, and what they are told when something is wrong."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from connector.config import ConfigErrors, Need, load
from connector.policy import OnEcho, OnUnclassified, OnUncovered, OnUntagged
from registry.schema.tags import TagRules
from tests.unit.configuring import LEAST, chain_errors, chain_of, errors_of, errors_with, loaded, service


def _saved(path: Path, text: str) -> Path:
    file = path / "connector.json"
    file.write_text(text, encoding="utf-8")
    return file


# The file


def test_a_connect_file_loads(tmp_path: Path) -> None:
    config = {key: value for key, value in LEAST.items() if key != "name"}
    config |= {"connector.class": "com.example.Sink", "header.converter": "com.example.Headers", "tasks.max": 2}

    connector = load(_saved(tmp_path, json.dumps({"name": "orders", "config": config})), need=Need.SERVICE)

    assert connector.name == "orders"
    assert connector.service is not None
    assert connector.service.tasks == 2


def test_the_flat_properties_alone_load_as_well(tmp_path: Path) -> None:
    assert load(_saved(tmp_path, json.dumps(LEAST)), need=Need.SERVICE).name == "orders"


def test_a_byte_order_mark_is_no_reason_to_refuse_a_file(tmp_path: Path) -> None:
    assert load(_saved(tmp_path, "\ufeff" + json.dumps(LEAST)), need=Need.SERVICE).name == "orders"


def test_the_name_may_stand_inside_config() -> None:
    assert load({"config": LEAST}, need=Need.SERVICE).name == "orders"


def test_two_different_names_are_an_error() -> None:
    assert errors_of({"name": "a", "config": LEAST}) == ['name: expected the same name inside "config" as beside it']


def test_beside_config_there_is_only_the_name() -> None:
    errors = errors_of({"name": "orders", "config": LEAST, "topics": "orders"})

    assert errors == ['topics: expected only "name" and "config" at the top of the file']


def test_numbers_and_booleans_of_json_are_taken_as_their_text(tmp_path: Path) -> None:
    config = {**LEAST, "batch.max.records": 5, "errors.log.enable": True, "kafka.linger.ms": 0.5}

    connector = load(_saved(tmp_path, json.dumps(config)), need=Need.SERVICE)

    assert connector.service is not None
    assert connector.service.batch.max_records == 5
    assert connector.record_errors.log is True
    assert connector.service.clients.producer.reveal()["linger.ms"] == "0.5"


@pytest.mark.parametrize("value", [None, ["a"], {"a": "b"}])
def test_other_json_values_are_errors(value: Any) -> None:
    assert errors_with(tags__property=value) == ["tags.property: expected text, a number, true or false"]


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_a_value_that_is_no_text_is_an_error(value: str) -> None:
    """Libraries fail on these, each in its own way, and some show the value then."""
    assert errors_with(kafka__client__id=value) == [
        "kafka.client.id: expected text without null characters or lone surrogates"
    ]


def test_a_key_that_is_no_text_is_an_error() -> None:
    assert errors_of({**LEAST, "a\ud800": "b"}) == [
        "a\\ud800: expected text without null characters or lone surrogates"
    ]


def test_a_key_given_twice_is_an_error(tmp_path: Path) -> None:
    text = json.dumps(LEAST).replace("{", '{"topics": "payments", ', 1)

    with pytest.raises(ConfigErrors, match=r"^topics: expected to be given once$"):
        load(_saved(tmp_path, text), need=Need.SERVICE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "a",\n "topics" "b"}', "JSON: line 2, column 11 cannot be read"),
        ("[]", 'an object, {"name": ..., "config": {...}}'),
        ("[" * 100_000, 'an object, {"name": ..., "config": {...}}'),
        ('{"name": "a", "config": "b"}', "an object of keys and values"),
    ],
)
def test_a_file_that_is_no_configuration_is_told_what_is_expected(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        load(_saved(tmp_path, text), need=Need.CHAIN)

    assert refused.value.errors[0].expected == expected


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"none\.json: expected a file that can be read \(FileNotFoundError\)"):
        load(tmp_path / "none.json", need=Need.CHAIN)


def test_a_file_in_latin_1_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "connector.json"
    file.write_bytes('{"name": "café"}'.encode("latin-1"))

    with pytest.raises(ConfigErrors, match="expected a file in UTF-8"):
        load(file, need=Need.CHAIN)


# Errors


def test_every_error_is_reported_at_once() -> None:
    errors = errors_of(
        {
            "name": " ",
            "topcis": "orders",
            "batch.max.records": "0",
            "errors.tolerance": "some",
            "tags.fields.PII": "address..street",
            "kafka.linger.ms": "soon",
            "key.converter": "protobuf",
            "transforms": "mask,hash",
            "transforms.mask.type": "MaskFields",
            "transforms.hash.type": "Hmac",
            "transforms.hash.fields": "email",
            "transforms.hash.key": "customers",
            "transforms.hash.bits": "64",
            "keys": "orders",
            "keys.orders.provider": "env",
            "schema.registry.url": "registry:8081",
        }
    )

    assert errors == [
        'batch.max.records: found "0"; expected 1 or more',
        "bootstrap.servers: found nothing; expected a comma separated list of host:port",
        'errors.tolerance: found "some"; expected one of none, all',
        "kafka.linger.ms: expected a value that librdkafka takes for linger.ms",
        'key.converter: found "protobuf"; expected one of avro, json, string, bytes, or Connect\'s class for it',
        "keys.orders.variable: expected the name of an environment variable",
        'name: found " "; expected a text of printable characters that is not blank',
        "schema.registry.url: expected http:// or https:// addresses, separated by commas, without query or fragment",
        'tags.fields.PII: found "address..street"; expected path patterns: '
        "'address..street' is not a path: a name is missing before a dot",
        "topcis: found an unknown key; expected a key that Streamveil knows, perhaps topics",
        "topics: found nothing; expected a comma separated list of topics, or topics.regex instead",
        'transforms.hash.bits: found "64"; expected 128 or more',
        "transforms.hash.key: expected one of the key rings under keys: orders",
        'transforms.mask.type: found "MaskFields"; expected MaskField',
    ]


def test_the_service_needs_a_name_brokers_topics_and_for_avro_a_registry() -> None:
    assert [error.partition(":")[0] for error in errors_of({})] == [
        "bootstrap.servers",
        "name",
        "schema.registry.url",
        "topics",
    ]


def test_a_chain_alone_needs_nothing_else() -> None:
    connector = load({}, need=Need.CHAIN)

    assert connector.chain == ()
    assert connector.service is None


def test_a_chain_alone_is_still_told_of_errors_in_other_keys() -> None:
    assert chain_errors(batch__max__records="many", kafka__acks="all") == [
        'batch.max.records: found "many"; expected a whole number',
        "kafka.acks: expected this key to be absent: the transactional producer sets it",
    ]


def test_asking_the_registry_needs_its_address_and_no_broker() -> None:
    assert [error.partition(":")[0] for error in errors_of({}, Need.REGISTRY)] == ["schema.registry.url"]


@pytest.mark.parametrize(
    "key",
    ["errors.retry.timeout", "errors.retry.delay.max.ms", "consumer.group.id", "value.converter.encoding"],
)
def test_a_key_whose_feature_does_not_exist_is_unknown(key: str) -> None:
    assert errors_of({**LEAST, key: "x"})[0].startswith(f"{key}: found an unknown key; expected a key that")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("batch.max.record", "batch.max.records"),
        ("policy.on.uncoverd", "policy.on.uncovered"),
        ("kafka.sasl.pasword", "kafka.sasl.password"),
        ("schema.registry.basic.auth.user", "schema.registry.basic.auth.user.info"),
    ],
)
def test_an_unknown_key_is_told_what_may_have_been_meant(key: str, meant: str) -> None:
    expected = f"{key}: found an unknown key; expected a key that Streamveil knows, perhaps {meant}"

    assert errors_of({**LEAST, key: "x"}) == [expected]


def test_a_long_value_is_cut_in_an_error() -> None:
    [error] = errors_with(errors__tolerance="a" * 1000)

    assert error == f'errors.tolerance: found "{"a" * 80}..."; expected one of none, all'


# Plain keys


def test_the_defaults_are_those_of_the_documentation() -> None:
    connector, run = loaded(), service()

    assert (run.batch.max_records, run.batch.max_bytes, run.batch.max_wait_ms) == (10_000, 16_777_216, 100)
    assert (run.tasks, run.group_id, run.clients.start_at) == (1, "streamveil-orders", "earliest")
    assert (connector.converters.key, connector.converters.value) == ("string", "avro")
    assert connector.sink_topic_format == "${topic}.protected"
    assert connector.tags == TagRules()
    assert connector.policy.uncovered is OnUncovered.FAIL
    assert connector.policy.unclassified is OnUnclassified.WARN
    assert connector.policy.untagged is OnUntagged.FAIL
    assert connector.policy.echo is OnEcho.REJECT
    assert (connector.record_errors.tolerance, connector.record_errors.log) == ("none", False)
    assert connector.dead_letters.topic is None
    assert connector.dead_letters.replication_factor == 3
    assert connector.dead_letters.context_headers is True


def test_a_group_may_be_named() -> None:
    assert service(group__id="mine").group_id == "mine"


def test_the_worker_is_the_host_unless_somebody_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMVEIL_WORKER_ID", raising=False)

    run = service()

    assert (run.worker_id, run.worker_id_given) == (socket.gethostname(), False)


def test_the_environment_may_name_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMVEIL_WORKER_ID", "pod-3")

    run = service()

    assert (run.worker_id, run.worker_id_given) == ("pod-3", True)


def test_a_worker_named_in_the_configuration_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMVEIL_WORKER_ID", "pod-3")

    assert service(worker__id="w1").worker_id == "w1"


def test_policies_are_read() -> None:
    policy = loaded(
        policy__on__uncovered="drop-field",
        policy__on__unclassified="fail",
        policy__on__untagged="warn",
        policy__on__echo="allow",
    ).policy

    assert policy.uncovered is OnUncovered.DROP_FIELD
    assert policy.unclassified is OnUnclassified.FAIL
    assert policy.untagged is OnUntagged.WARN
    assert policy.echo is OnEcho.ALLOW


def test_a_policy_that_does_not_exist_is_told_which_there_are() -> None:
    [error] = errors_with(policy__on__uncovered="ignore")

    assert error == 'policy.on.uncovered: found "ignore"; expected one of fail, deadletter, drop-field'


def test_uncovered_records_need_somewhere_to_go() -> None:
    [error] = errors_with(policy__on__uncovered="deadletter")

    assert error == (
        "errors.deadletterqueue.topic.name: found nothing; expected a topic, because policy.on.uncovered is deadletter"
    )


def test_records_in_error_may_be_tolerated_without_a_dead_letter_topic() -> None:
    """As in Connect; they are dropped then."""
    connector = loaded(errors__tolerance="all")

    assert connector.record_errors.tolerance == "all"
    assert connector.dead_letters.topic is None


def test_dead_letters_are_configured_as_in_connect() -> None:
    letters = loaded(
        errors__deadletterqueue__topic__name="orders.dead",
        errors__deadletterqueue__topic__replication__factor="1",
        errors__deadletterqueue__context__headers__enable="FALSE",
    ).dead_letters

    assert (letters.topic, letters.replication_factor, letters.context_headers) == ("orders.dead", 1, False)


@pytest.mark.parametrize("factor", ["0", "-2", "40000"])
def test_a_replication_factor_that_no_broker_takes_is_refused(factor: str) -> None:
    [error] = errors_with(errors__deadletterqueue__topic__replication__factor=factor)

    assert error.endswith(f'found "{factor}"; expected 1 or more, or -1 for the broker\'s own default')


def test_dead_letters_hold_no_values() -> None:
    [error] = errors_with(errors__deadletterqueue__value="encrypted")

    assert error == 'errors.deadletterqueue.value: found "encrypted"; expected "none"'


def test_messages_never_go_to_a_log() -> None:
    assert loaded(errors__log__include__messages="false").record_errors.log is False
    assert errors_with(errors__log__include__messages="true") == [
        'errors.log.include.messages: found "true"; expected false: keys and values never go to a log'
    ]


@pytest.mark.parametrize("text", ["yes", "1", "on", ""])
def test_a_boolean_is_true_or_false_as_in_kafka(text: str) -> None:
    assert errors_with(errors__log__enable=text) == [
        f'errors.log.enable: found "{text}"; expected true or false',
    ]


# Topics


def test_topics_are_a_list() -> None:
    assert service(topics=" orders , payments").sources.topics == ("orders", "payments")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a comma separated list without blank entries"),
        ("a,,b", "a comma separated list without blank entries"),
        ("a,b,a", "a comma separated list that names no topic twice"),
        ("a b", "a topic name: letters, digits, dots, underscores and hyphens, at most 249"),
        ("..", "a topic name: letters, digits, dots, underscores and hyphens, at most 249"),
        ("a" * 250, "a topic name: letters, digits, dots, underscores and hyphens, at most 249"),
    ],
)
def test_topics_that_cannot_be_are_refused(text: str, expected: str) -> None:
    assert errors_with(topics=text)[0].endswith(f"; expected {expected}")


def _by_regex(regex: str, **keys: Any) -> dict[str, Any]:
    return {key: value for key, value in LEAST.items() if key != "topics"} | {"topics.regex": regex} | keys


def test_a_pattern_of_topics_must_match_the_whole_name() -> None:
    """As java.util.regex's matches()."""
    run = load(_by_regex("eu\\.(orders|payments)"), need=Need.SERVICE).service
    assert run is not None

    assert run.sources.includes("eu.orders")
    assert not run.sources.includes("eu.orders.protected")
    assert not run.sources.includes("my.eu.orders")
    assert not run.sources.includes("eu-orders")


@pytest.mark.parametrize(
    "regex",
    ["", "(", "a(?=b)", "(a)\\1", "a++", "[a-z&&[^b]]", "[a[bc]]", "[^]&&a]"],
    ids=[
        "nothing",
        "open group",
        "lookahead",
        "back reference",
        "possessive",
        "intersection",
        "nested set",
        "intersection after a bracket",
    ],
)
def test_a_pattern_that_java_and_re2_do_not_read_alike_is_refused(
    regex: str, capfd: pytest.CaptureFixture[str]
) -> None:
    [error] = errors_of(_by_regex(regex))

    assert error.startswith("topics.regex: found ")
    assert "expected a regular expression in RE2's syntax" in error
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("regex", ["[a-z]+", "\\[a\\[b", "a&&b", "[]a]x", "[&]", "\\Qa.b\\E"])
def test_a_pattern_that_both_read_alike_is_taken(regex: str) -> None:
    assert load(_by_regex(regex), need=Need.SERVICE).service is not None


def test_topics_are_listed_or_matched_but_not_both() -> None:
    assert errors_with(topics__regex="a.*") == ["topics.regex: expected to be absent where topics is given"]


def test_the_dead_letter_topic_is_no_source() -> None:
    [error] = errors_with(errors__deadletterqueue__topic__name="orders")

    assert error == 'errors.deadletterqueue.topic.name: found "orders"; expected another topic than a source topic'


@pytest.mark.parametrize("sink", ["${topic}", "safe.${topic}", "everything"])
def test_a_sink_is_named_after_its_source_or_always_the_same(sink: str) -> None:
    assert loaded(sink__topic__format=sink).sink_topic_format == sink


@pytest.mark.parametrize("sink", ["", "${name}.x", "a b", "${topic"])
def test_a_sink_that_is_no_topic_is_refused(sink: str) -> None:
    [error] = errors_with(sink__topic__format=sink)

    assert error.startswith(f'sink.topic.format: found "{sink}"; expected a topic name')


def test_a_sink_is_no_source_and_no_dead_letter_topic() -> None:
    assert errors_with(sink__topic__format="orders") == [
        'sink.topic.format: found "orders"; expected another topic than a source topic'
    ]
    assert errors_with(sink__topic__format="dead", errors__deadletterqueue__topic__name="dead") == [
        'sink.topic.format: found "dead"; expected another topic than errors.deadletterqueue.topic.name'
    ]


# Converters


@pytest.mark.parametrize(
    ("java", "format_"),
    [
        ("io.confluent.connect.avro.AvroConverter", "avro"),
        ("org.apache.kafka.connect.storage.StringConverter", "string"),
        ("org.apache.kafka.connect.converters.ByteArrayConverter", "bytes"),
    ],
)
def test_connects_converter_classes_are_known(java: str, format_: str) -> None:
    converters = chain_of(key__converter=java, value__converter=java).converters

    assert (converters.key, converters.value) == (format_, format_)


@pytest.mark.parametrize("side", ["key", "value"])
def test_connects_json_converter_must_be_told_that_no_schema_comes_along(side: str) -> None:
    """Its own default is true: each record would be an envelope with its schema."""
    java = {f"{side}.converter": "org.apache.kafka.connect.json.JsonConverter"}

    connector = load({**java, f"{side}.converter.schemas.enable": "false"}, need=Need.CHAIN)
    assert (connector.converters.key if side == "key" else connector.converters.value) == "json"
    for enable in ({}, {f"{side}.converter.schemas.enable": "true"}):
        [error] = errors_of({**java, **enable}, Need.CHAIN)
        assert error.startswith(f"{side}.converter.schemas.enable: found ")
        assert error.endswith("expected false: JSON with a schema in each record is not read")


def test_plain_json_needs_no_such_option() -> None:
    assert chain_of(value__converter="json").converters.value == "json"


def test_schemas_enable_belongs_to_json() -> None:
    [error] = chain_errors(value__converter="avro", value__converter__schemas__enable="false")

    assert error == "value.converter.schemas.enable: expected to be absent: it belongs to value.converter=json"


def test_without_avro_no_registry_is_needed() -> None:
    config = {key: value for key, value in LEAST.items() if not key.startswith("schema")}

    assert load({**config, "value.converter": "json"}, need=Need.SERVICE).registry is None


# The registry


def test_the_registry_is_configured_under_schema_registry() -> None:
    registry = loaded(schema__registry__basic__auth__user__info="me:secret").registry

    assert registry is not None
    assert registry.endpoints[0].url == "http://registry:8081"
    assert registry.endpoints[0].user == "me"


def test_connect_writes_the_registry_under_the_converter() -> None:
    config = {key: value for key, value in LEAST.items() if not key.startswith("schema")}
    config |= {
        "value.converter": "io.confluent.connect.avro.AvroConverter",
        "value.converter.schema.registry.url": "http://registry:8081",
        "value.converter.basic.auth.credentials.source": "USER_INFO",
        "value.converter.schema.registry.basic.auth.user.info": "me:secret",
        "key.converter.schema.registry.url": "http://registry:8081",
    }

    registry = load(config, need=Need.SERVICE).registry

    assert registry is not None
    assert (registry.endpoints[0].url, registry.endpoints[0].user) == ("http://registry:8081", "me")


def test_a_converter_cannot_have_a_registry_of_its_own() -> None:
    [error] = errors_with(value__converter__schema__registry__url="http://other:8081")

    assert error == "value.converter.schema.registry.url: expected the same value as schema.registry.url, or none"


def test_registry_options_that_exclude_each_other_are_told_together() -> None:
    [error] = errors_with(schema__registry__basic__auth__user__info="a:b", schema__registry__bearer__auth__token="t")

    assert error.startswith("schema.registry.*: expected options that fit together: ")


# Tags


def test_tags_are_declared_by_path() -> None:
    rules = chain_of(
        tags__property="company:tags",
        tags__sensitive="PII, secret*",
        tags__fields__PII="email, key.id, address.**, phones[*].number, header:user, key",
    ).tags

    assert rules.property == "company:tags"
    assert rules.sensitive == ("PII", "secret*")
    assert rules.for_side("key") == {"PII": ["id", "**"]}
    assert rules.for_side("value") == {"PII": ["email", "address.**", "phones[*].number"]}
    assert rules.for_headers() == {"user": frozenset({"PII"})}


@pytest.mark.parametrize("path", ["a..b", "key.", "value.a.", "a`b", "header:", "list[0]"])
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    [error] = chain_errors(tags__fields__PII=f"email,{path}")

    assert error.startswith(f'tags.fields.PII: found "email,{path}"; expected path patterns: ')


@pytest.mark.parametrize("key", ["tags.sensitive", "tags.fields.PII"])
@pytest.mark.parametrize("text", ["", "a,,b"])
def test_lists_of_tags_and_paths_have_no_blank_entries(key: str, text: str) -> None:
    assert errors_of({key: text}, Need.CHAIN) == [
        f'{key}: found "{text}"; expected a comma separated list without blank entries'
    ]
