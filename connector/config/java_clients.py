"""Settings of Kafka's Java clients: translated where librdkafka has the very same, else refused with its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RENAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fetch.max.wait.ms": "fetch.wait.max.ms",
        "send.buffer.bytes": "socket.send.buffer.bytes",
        "receive.buffer.bytes": "socket.receive.buffer.bytes",
        "ssl.truststore.certificates": "ssl.ca.pem",
        "ssl.keystore.certificate.chain": "ssl.certificate.pem",
        "ssl.keystore.key": "ssl.key.pem",
    }
)
"""Java's name, and librdkafka's for the same setting."""

VALUES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("send.buffer.bytes", "-1"): "0",
        ("receive.buffer.bytes", "-1"): "0",
        ("ssl.endpoint.identification.algorithm", ""): "none",
    }
)
"""Values that librdkafka writes differently, by Java's name and value."""

_SERIALIZERS = "use key.converter and value.converter"
_JAVA_CODE = "it names Java classes"
_TLS = "librdkafka and OpenSSL choose it"

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "key.serializer": _SERIALIZERS,
        "value.serializer": _SERIALIZERS,
        "key.deserializer": _SERIALIZERS,
        "value.deserializer": _SERIALIZERS,
        "interceptor.classes": _JAVA_CODE,
        "metric.reporters": _JAVA_CODE,
        "security.providers": _JAVA_CODE,
        "sasl.login.class": _JAVA_CODE,
        "sasl.login.callback.handler.class": "use sasl.oauthbearer.method=oidc",
        "sasl.client.callback.handler.class": _JAVA_CODE,
        "ssl.engine.factory.class": _JAVA_CODE,
        "ssl.truststore.password": "use ssl.ca.location, a PEM file, which has no password",
        "ssl.protocol": _TLS,
        "ssl.enabled.protocols": _TLS,
        "ssl.provider": _TLS,
        "ssl.keymanager.algorithm": _TLS,
        "ssl.trustmanager.algorithm": _TLS,
        "ssl.secure.random.implementation": _TLS,
        "sasl.oauthbearer.jwks.endpoint.url": "it is for brokers",
        "partitioner.class": "a record keeps its partition, or goes where Kafka's own hash of its key says",
        "partitioner.ignore.keys": "a record keeps its partition, or goes where Kafka's own hash of its key says",
        "buffer.memory": "use queue.buffering.max.kbytes, which counts in KiB",
        "max.request.size": "use message.max.bytes",
        "max.block.ms": "use socket.timeout.ms",
        "default.api.timeout.ms": "use socket.timeout.ms",
        "metadata.max.idle.ms": "librdkafka has no such setting",
        "exclude.internal.topics": "internal topics are never read",
        "metrics.num.samples": "librdkafka has no such setting",
        "metrics.sample.window.ms": "librdkafka has no such setting",
        "metrics.recording.level": "librdkafka has no such setting",
        "auto.include.jmx.reporter": "librdkafka has no such setting",
    }
)
"""Java's settings that have no exact counterpart, and what to do instead."""

STORE_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ssl.truststore.type": "PEM",
        "ssl.keystore.type": "PKCS12",
    }
)
"""The one type of store that librdkafka reads; the type itself is then left out."""

PEM_TRUSTSTORE: Final = "use ssl.ca.location, a PEM file, or add ssl.truststore.type=PEM if the file is one"
