"""Which of librdkafka's properties a configuration may set.

The list is closed: a property that a later librdkafka adds may load code or run a command, so each has to be let
in here first. `REFUSED` holds those whose absence needs a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from confluent_kafka import KafkaException, Producer

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sasl.mechanisms": "sasl.mechanism",
        "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
        "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
        "fetch.message.max.bytes": "max.partition.fetch.bytes",
        "queue.buffering.max.ms": "linger.ms",
        "compression.codec": "compression.type",
    }
)
"""Second names of a property, and the one that settings are kept under."""

_TLS = """
    security.protocol ssl.ca.location ssl.ca.pem ssl.certificate.location ssl.certificate.pem ssl.key.location
    ssl.key.pem ssl.key.password ssl.keystore.location ssl.keystore.password ssl.crl.location ssl.cipher.suites
    ssl.curves.list ssl.sigalgs.list ssl.endpoint.identification.algorithm enable.ssl.certificate.verification
    https.ca.location https.ca.pem
"""
_SASL = """
    sasl.mechanism sasl.username sasl.password sasl.oauthbearer.method sasl.oauthbearer.config
    sasl.oauthbearer.client.id sasl.oauthbearer.client.secret sasl.oauthbearer.scope sasl.oauthbearer.extensions
    sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.sub.claim.name sasl.oauthbearer.grant.type
    sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.file
    sasl.oauthbearer.assertion.jwt.template.file sasl.oauthbearer.assertion.private.key.file
    sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.private.key.pem
    sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
    sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
    sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
    sasl.oauthbearer.metadata.authentication.type
"""
_NETWORK = """
    client.id client.rack client.dns.lookup broker.address.family broker.address.ttl socket.timeout.ms
    socket.send.buffer.bytes socket.receive.buffer.bytes socket.keepalive.enable socket.nagle.disable
    socket.max.fails socket.connection.setup.timeout.ms connections.max.idle.ms reconnect.backoff.ms
    reconnect.backoff.max.ms retry.backoff.ms retry.backoff.max.ms api.version.request.timeout.ms
    metadata.max.age.ms metadata.recovery.strategy metadata.recovery.rebootstrap.trigger.ms
    topic.metadata.refresh.interval.ms topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.sparse
    topic.metadata.propagation.max.ms message.max.bytes message.copy.max.bytes receive.message.max.bytes
    log.connection.close enable.metrics.push
"""
_CONSUMER = """
    session.timeout.ms heartbeat.interval.ms max.poll.interval.ms coordinator.query.interval.ms queued.min.messages
    queued.max.messages.kbytes fetch.wait.max.ms fetch.queue.backoff.ms max.partition.fetch.bytes fetch.max.bytes
    fetch.min.bytes fetch.error.backoff.ms check.crcs
"""
_PRODUCER = """
    queue.buffering.max.messages queue.buffering.max.kbytes linger.ms batch.num.messages batch.size compression.type
    compression.level request.timeout.ms queue.buffering.backpressure.threshold sticky.partitioning.linger.ms
"""

ACCEPTED: Final = frozenset(f"{_TLS}{_SASL}{_NETWORK}{_CONSUMER}{_PRODUCER}".split())
"""The properties that may be set, by the one name that settings are kept under."""

_KERBEROS = "librdkafka renews Kerberos tickets by running a command in a shell"
_COMMITS = "offsets are committed in the connector's transactions alone"
_PRODUCES = "the transactional producer sets it"
_DELIVERS = "the transaction's timeout bounds it, which the connector sets"
_PARTITIONS = "a record keeps its partition, or goes where Kafka's own hash of its key says"
_RESETS = "use consumer.override.auto.offset.reset"

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plugin.library.paths": "it loads code",
        "ssl.engine.location": "it loads code",
        "ssl.engine.id": "it loads code",
        "ssl.providers": "it loads code",
        "sasl.kerberos.kinit.cmd": "it runs a command",
        "sasl.kerberos.keytab": _KERBEROS,
        "sasl.kerberos.principal": _KERBEROS,
        "sasl.kerberos.service.name": _KERBEROS,
        "sasl.kerberos.min.time.before.relogin": _KERBEROS,
        "enable.sasl.oauthbearer.unsecure.jwt": "a token that nobody signed proves nothing",
        "bootstrap.servers": "use bootstrap.servers without a prefix, because all clients need the same cluster",
        "metadata.broker.list": "use bootstrap.servers without a prefix",
        "group.id": "use group.id without a prefix",
        "group.instance.id": "the connector sets it from worker.id",
        "group.protocol": "use consumer.override.group.protocol",
        "group.protocol.type": "the connector sets it",
        "group.remote.assignor": "the connector sets it",
        "partition.assignment.strategy": "the connector sets it",
        "auto.offset.reset": _RESETS,
        "enable.auto.commit": _COMMITS,
        "auto.commit.enable": _COMMITS,
        "auto.commit.interval.ms": _COMMITS,
        "enable.auto.offset.store": _COMMITS,
        "offset.store.method": _COMMITS,
        "offset.store.path": _COMMITS,
        "offset.store.sync.interval.ms": _COMMITS,
        "isolation.level": "the consumer reads committed records alone",
        "enable.partition.eof": "the connector sets it",
        "allow.auto.create.topics": "the connector creates its topics itself",
        "enable.idempotence": _PRODUCES,
        "enable.gapless.guarantee": _PRODUCES,
        "transactional.id": "the connector sets it from name and worker.id",
        "transaction.timeout.ms": "the connector sets it",
        "delivery.timeout.ms": _DELIVERS,
        "message.timeout.ms": _DELIVERS,
        "acks": _PRODUCES,
        "request.required.acks": _PRODUCES,
        "retries": _PRODUCES,
        "message.send.max.retries": _PRODUCES,
        "max.in.flight": _PRODUCES,
        "max.in.flight.requests.per.connection": _PRODUCES,
        "partitioner": _PARTITIONS,
        "debug": "what librdkafka writes then is not known to be free of secrets",
        "test.mock.num.brokers": "a mock cluster has no transactions",
        "test.mock.broker.rtt": "a mock cluster has no transactions",
        "max.poll.records": "use batch.max.records",
    }
)
"""Properties that may not be set, and why."""

_END: Final = "streamveil.end"
_FRACTIONS: Final = ("linger.ms",)


def takes(name: str, value: str) -> bool:
    """Whether the librdkafka that is installed takes this value for a property of `ACCEPTED`.

    Starts no thread and opens no connection: the settings end in a property that does not exist, so that no
    client comes of them. librdkafka sets them in order; what it answers therefore tells how far it came. The
    answer may hold the value and goes no further than here.

    Stricter than librdkafka where that reads a number only as far as it can: `10s` as 10, `010` as 8.
    """
    if not _is_taken(name, value):
        return False
    is_free_text = _is_taken(name, "x")
    return is_free_text or not re.match(r"\s*[+-]?[0-9]", value) or _is_number(name, value)


def _is_number(name: str, value: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9][0-9]*)" + (r"(\.[0-9]+)?" if name in _FRACTIONS else ""), value) is not None


def _is_taken(name: str, value: str) -> bool:
    return _answer({name: value, _END: ""}) == _answer({_END: ""})


def _answer(settings: Mapping[str, str]) -> str | None:
    try:
        Producer(dict(settings))
    except KafkaException as refusal:
        return str(refusal.args[0].str())
    return None
