"""Settings of the Kafka clients: librdkafka's, those of Kafka's Java clients, and those that are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from confluent_kafka import Producer

from connector.config import Need, java_clients, librdkafka, load
from connector.config.jaas import parse_jaas
from tests.unit.configuring import LEAST, errors_of, errors_with, service

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


def _consumer(config: dict[str, Any]) -> dict[str, str]:
    run = load({**LEAST, **config}, need=Need.SERVICE).service
    assert run is not None
    return run.clients.consumer.reveal()


# Levels


def test_settings_for_all_clients_and_for_one() -> None:
    clients = service(
        kafka__client__id="all",
        consumer__override__client__id="reads",
        consumer__override__fetch__min__bytes="7",
        producer__override__linger__ms="5",
        admin__override__client__id="asks",
    ).clients

    servers = {"bootstrap.servers": "broker:9092"}
    assert clients.consumer.reveal() == {**servers, "client.id": "reads", "fetch.min.bytes": "7"}
    assert clients.producer.reveal() == {**servers, "client.id": "all", "linger.ms": "5"}
    assert clients.admin.reveal() == {**servers, "client.id": "asks"}


def test_an_override_wins_whichever_name_a_property_goes_by() -> None:
    clients = service(
        kafka__compression__type="zstd",
        producer__override__compression__codec="gzip",
    ).clients

    assert clients.producer.reveal()["compression.type"] == "gzip"
    assert clients.consumer.reveal()["compression.type"] == "zstd"


def test_one_property_by_two_names_is_an_error() -> None:
    [error] = errors_with(kafka__compression__type="zstd", kafka__compression__codec="gzip")

    assert error == "kafka.compression.codec: expected to be given once: kafka.compression.type says the same"


def test_settings_that_are_opened_can_be_changed_without_effect() -> None:
    settings = service().clients.consumer

    settings.reveal()["bootstrap.servers"] = "elsewhere:9092"

    assert settings.reveal()["bootstrap.servers"] == "broker:9092"


# Brokers


@pytest.mark.parametrize("servers", ["a:1", "a.b-c:9092, 10.0.0.1:9092", "[::1]:9092", "SSL://a:9092"])
def test_brokers_are_hosts_with_ports(servers: str) -> None:
    assert service(bootstrap__servers=servers).clients.admin.reveal() == {"bootstrap.servers": servers}


@pytest.mark.parametrize("servers", ["", "a", "a:", "a:1,,b:1", "a:b", "a b:1", "u:p@a:1"])
def test_brokers_that_are_something_else_are_refused(servers: str) -> None:
    assert errors_with(bootstrap__servers=servers) == [
        "bootstrap.servers: expected a comma separated list of host:port"
    ]


# Where to start, and which group protocol


@pytest.mark.parametrize("start", ["earliest", "latest", "error"])
def test_where_a_partition_without_a_commit_starts_is_kept_apart(start: str) -> None:
    """librdkafka itself gets another value, so it must not be among its settings."""
    clients = service(consumer__override__auto__offset__reset=start).clients

    assert clients.start_at == start
    assert "auto.offset.reset" not in clients.consumer.reveal()


def test_a_start_that_does_not_exist_is_told_which_there_are() -> None:
    assert errors_with(consumer__override__auto__offset__reset="smallest") == [
        'consumer.override.auto.offset.reset: found "smallest"; expected one of earliest, latest, error'
    ]


def test_the_new_group_protocol_is_opt_in() -> None:
    assert service().clients.group_protocol == "classic"
    assert service(consumer__override__group__protocol="consumer").clients.group_protocol == "consumer"


def test_with_the_new_group_protocol_the_broker_sets_the_sessions_timeouts() -> None:
    [error] = errors_with(consumer__override__group__protocol="consumer", kafka__session__timeout__ms="10000")

    assert error == (
        "kafka.session.timeout.ms: expected this key to be absent: with group.protocol=consumer it is the broker's"
    )


# What librdkafka knows


@pytest.mark.parametrize("name", sorted(librdkafka.ACCEPTED | librdkafka.ALIASES.keys()))
def test_librdkafka_knows_every_property_that_is_accepted(name: str) -> None:
    """Else it could never be set: some value is taken by the installed librdkafka."""
    values = ("x", "1", "1000", "true", "none", "https", "plaintext", "oidc", "any", "use_all_dns_ips", "RS256")

    assert any(librdkafka.takes(name, value) for value in (*values, "client_credentials"))


def test_no_property_is_both_accepted_and_refused() -> None:
    names = librdkafka.ACCEPTED | librdkafka.ALIASES.keys() | java_clients.RENAMED.keys()

    assert not names & (librdkafka.REFUSED.keys() | java_clients.REFUSED.keys())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("linger.ms", "soon"),
        ("linger.ms", ""),
        ("socket.timeout.ms", "10s"),
        ("socket.timeout.ms", "010"),
        ("socket.timeout.ms", "0x10"),
        ("socket.timeout.ms", "10.5"),
        ("message.max.bytes", "1"),
        ("security.protocol", "TLS"),
        ("check.crcs", "maybe"),
    ],
)
def test_a_value_that_librdkafka_does_not_take_is_refused_without_being_shown(name: str, value: str) -> None:
    """librdkafka itself would read 10s as 10, and 010 as 8."""
    assert errors_of({**LEAST, f"kafka.{name}": value}) == [
        f"kafka.{name}: expected a value that librdkafka takes for {name}"
    ]


def test_checking_makes_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client would have threads, and connect."""
    made: list[Producer] = []
    asked: list[dict[str, str]] = []

    def recorded(settings: dict[str, str]) -> Producer:
        asked.append(settings)
        client = Producer(settings)
        made.append(client)
        return client

    monkeypatch.setattr(librdkafka, "Producer", recorded)
    service(kafka__linger__ms="5", kafka__security__protocol="ssl", producer__override__client__id="x")

    assert asked
    assert not made


def test_a_producer_cannot_wait_for_the_network_longer_than_its_transactions_live() -> None:
    assert errors_with(kafka__socket__timeout__ms="60000") == [
        "kafka.socket.timeout.ms: expected 15000 or less for the producer, as its transactions end then"
    ]
    assert "socket.timeout.ms" in service(consumer__override__socket__timeout__ms="60000").clients.consumer.reveal()


# What is refused


@pytest.mark.parametrize("prefix", ["kafka.", "consumer.override.", "producer.override.", "admin.override."])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plugin.library.paths", "it loads code"),
        ("ssl.engine.location", "it loads code"),
        ("ssl.providers", "it loads code"),
        ("sasl.kerberos.kinit.cmd", "it runs a command"),
        ("sasl.kerberos.principal", "librdkafka renews Kerberos tickets by running a command in a shell"),
        ("group.id", "use group.id without a prefix"),
        ("group.instance.id", "the connector sets it from worker.id"),
        ("enable.auto.commit", "offsets are committed in the connector's transactions alone"),
        ("isolation.level", "the consumer reads committed records alone"),
        ("enable.idempotence", "the transactional producer sets it"),
        ("acks", "the transactional producer sets it"),
        ("transactional.id", "the connector sets it from name and worker.id"),
        ("partitioner", "a record keeps its partition, or goes where Kafka's own hash of its key says"),
        ("debug", "what librdkafka writes then is not known to be free of secrets"),
        ("max.poll.records", "use batch.max.records"),
        ("interceptor.classes", "it names Java classes"),
        ("key.serializer", "use key.converter and value.converter"),
    ],
)
def test_what_would_break_a_promise_is_refused_with_the_reason(prefix: str, name: str, reason: str) -> None:
    key = prefix + name

    assert errors_of({**LEAST, key: "/tmp/x"}) == [f"{key}: expected this key to be absent: {reason}"]


def test_a_refused_library_is_not_loaded(tmp_path: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """librdkafka opens a plugin as soon as the property is set."""
    library = tmp_path / "plugin.so"
    library.write_bytes(b"")

    errors_with(kafka__plugin__library__paths=str(library))

    assert capfd.readouterr() == ("", "")


def test_where_to_start_is_set_for_the_consumer_alone() -> None:
    assert errors_with(kafka__auto__offset__reset="latest") == [
        "kafka.auto.offset.reset: expected this key to be absent: use consumer.override.auto.offset.reset"
    ]


# Java's names


@pytest.mark.parametrize(
    ("java", "value", "name", "expected"),
    [
        ("fetch.max.wait.ms", "100", "fetch.wait.max.ms", "100"),
        ("send.buffer.bytes", "-1", "socket.send.buffer.bytes", "0"),
        ("receive.buffer.bytes", "65536", "socket.receive.buffer.bytes", "65536"),
        ("ssl.truststore.certificates", "PEM", "ssl.ca.pem", "PEM"),
        ("ssl.keystore.certificate.chain", "PEM", "ssl.certificate.pem", "PEM"),
        ("ssl.keystore.key", "PEM", "ssl.key.pem", "PEM"),
        ("ssl.endpoint.identification.algorithm", "", "ssl.endpoint.identification.algorithm", "none"),
    ],
)
def test_a_java_setting_with_an_exact_counterpart_is_translated(
    java: str, value: str, name: str, expected: str
) -> None:
    assert _consumer({f"kafka.{java}": value}) == {"bootstrap.servers": "broker:9092", name: expected}


@pytest.mark.parametrize("module", [PLAIN, SCRAM])
def test_a_java_login_is_translated(module: str) -> None:
    settings = _consumer(
        {
            "consumer.override.security.protocol": "SASL_SSL",
            "consumer.override.sasl.mechanism": "PLAIN" if module == PLAIN else "SCRAM-SHA-512",
            "consumer.override.sasl.jaas.config": f'{module} required username="me" password="p\\"w\\\\";',
        }
    )

    assert settings["sasl.username"] == "me"
    assert settings["sasl.password"] == 'p"w\\'
    assert "sasl.jaas.config" not in settings


@pytest.mark.parametrize(
    "text",
    [
        "",
        f'{PLAIN} required username="me" password="pw"',
        f'{PLAIN} optional username="me" password="pw";',
        f'{PLAIN} required username="me";',
        f'{PLAIN} required username="me" password="pw" serviceName="kafka";',
        f'{PLAIN} required username="me" password="pw" password="other";',
        f'{PLAIN} required username="me" password="a\\nb";',
        f'{PLAIN} required username="me" password="pw"; {PLAIN} required;',
        'com.sun.security.auth.module.Krb5LoginModule required keyTab="/k" principal="p";',
        'com.example.LoginModule required username="me" password="pw";',
    ],
)
def test_any_other_java_login_is_refused_with_librdkafkas_names(text: str) -> None:
    [error] = errors_with(kafka__sasl__jaas__config=text)

    assert error.startswith("kafka.sasl.jaas.config: expected PlainLoginModule or ScramLoginModule")
    assert error.endswith("or sasl.username and sasl.password instead")


def test_a_java_login_may_leave_out_quotes_and_use_any_blanks() -> None:
    assert parse_jaas(f"\n {PLAIN}\trequired\n  password=pw-1\n  username = me ;\n") == ("me", "pw-1")


def test_a_truststore_is_a_pem_file_or_refused() -> None:
    assert _consumer({"kafka.ssl.truststore.location": "/ca.pem", "kafka.ssl.truststore.type": "pem"}) == {
        "bootstrap.servers": "broker:9092",
        "ssl.ca.location": "/ca.pem",
    }
    assert errors_with(kafka__ssl__truststore__location="/ca.jks") == [
        "kafka.ssl.truststore.location: expected this key to be absent: "
        "use ssl.ca.location, a PEM file, or add ssl.truststore.type=PEM if the file is one"
    ]
    assert errors_with(kafka__ssl__truststore__location="/ca.jks", kafka__ssl__truststore__type="JKS") == [
        "kafka.ssl.truststore.type: expected PEM, the only type that librdkafka reads"
    ]


def test_a_keystore_is_pkcs12_or_refused() -> None:
    assert _consumer({"kafka.ssl.keystore.location": "/me.p12", "kafka.ssl.keystore.type": "PKCS12"}) == {
        "bootstrap.servers": "broker:9092",
        "ssl.keystore.location": "/me.p12",
    }
    assert errors_with(kafka__ssl__keystore__location="/me.jks", kafka__ssl__keystore__type="JKS") == [
        "kafka.ssl.keystore.type: expected PKCS12, the only type that librdkafka reads"
    ]


def test_every_java_setting_that_is_renamed_leads_to_a_property_that_is_accepted() -> None:
    assert set(java_clients.RENAMED.values()) <= librdkafka.ACCEPTED


@pytest.mark.parametrize("reason", sorted(set(java_clients.REFUSED.values()) | set(librdkafka.REFUSED.values())))
def test_every_property_that_a_reason_points_to_can_be_set(reason: str) -> None:
    known = librdkafka.ACCEPTED | {"bootstrap.servers", "group.id", "key.converter", "value.converter", "worker.id"}
    known |= {"batch.max.records", "consumer.override.auto.offset.reset", "consumer.override.group.protocol"}

    if reason.startswith("use "):
        assert set(re.findall(r"\b[a-z]+(?:\.[a-z]+)+\b", reason)) <= known


# Security


def test_a_login_needs_its_mechanism_because_librdkafkas_default_is_kerberos() -> None:
    assert errors_with(kafka__security__protocol="SASL_SSL") == [
        "kafka.security.protocol: expected sasl.mechanism beside it"
    ]


@pytest.mark.parametrize("mechanism", ["GSSAPI", "plain", "x"])
def test_a_mechanism_that_is_not_offered_is_told_which_are(mechanism: str) -> None:
    assert errors_with(kafka__sasl__mechanisms=mechanism) == [
        "kafka.sasl.mechanisms: expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"
    ]


@pytest.mark.parametrize(
    ("mechanism", "missing"),
    [("PLAIN", "sasl.username and sasl.password"), ("OAUTHBEARER", "sasl.oauthbearer.method=oidc")],
)
def test_a_mechanism_needs_its_credentials(mechanism: str, missing: str) -> None:
    assert errors_with(kafka__security__protocol="sasl_ssl", kafka__sasl__mechanism=mechanism) == [
        f"kafka.sasl.mechanism: expected {missing} beside it"
    ]


def test_credentials_may_be_spread_over_the_levels() -> None:
    settings = _consumer(
        {
            "kafka.security.protocol": "SASL_SSL",
            "kafka.sasl.mechanism": "SCRAM-SHA-512",
            "kafka.sasl.username": "me",
            "kafka.sasl.password": "all",
            "consumer.override.sasl.password": "reads",
        }
    )

    assert settings["sasl.password"] == "reads"


def test_certificates_are_verified_except_on_loopback() -> None:
    unverified = {"kafka.enable.ssl.certificate.verification": "false"}

    assert errors_of({**LEAST, **unverified}) == [
        "kafka.enable.ssl.certificate.verification: expected true, because a broker is not on the loopback interface"
    ]
    local = {"bootstrap.servers": "localhost:9092,127.0.0.1:9093,[::1]:9094"}
    assert _consumer({**local, **unverified})["enable.ssl.certificate.verification"] == "false"
