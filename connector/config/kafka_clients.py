"""`bootstrap.servers`, `kafka.*`, `consumer.override.*`, `producer.override.*`, `admin.override.*`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from connector.clients import TRANSACTION_TIMEOUT_MS
from connector.config import java_clients, librdkafka
from connector.config.jaas import EXPECTED, parse_jaas
from connector.config.options import option_names
from connector.config.reading import Need, Reading
from connector.config.sections import GroupMembership

_BOOTSTRAP = "bootstrap.servers"
_SERVER = re.compile(r"(?:\w+://)?(?P<host>\[[0-9a-fA-F:.]+\]|[\w.-]+):(?P<port>[0-9]{1,5})")
_WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
# With KIP-848 these are the broker's.
_CLASSIC_ONLY = ("session.timeout.ms", "heartbeat.interval.ms")


class ClientSettings:
    """The librdkafka settings of one client. Nothing of them prints; they are opened with `reveal` alone.

    A property that has several names is here under one of them, that of `librdkafka.ACCEPTED`.
    """

    __slots__ = ("_settings",)

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = dict(settings)

    def reveal(self) -> dict[str, str]:
        """The settings, secrets included, to make a client of."""
        return dict(self._settings)

    def __repr__(self) -> str:
        return f"<{len(self._settings)} librdkafka settings>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("client settings hold secrets and cannot be copied or pickled")


@dataclass(frozen=True, slots=True)
class Clients:
    """The settings of the three clients; what the connector decides itself is not among them."""

    consumer: ClientSettings
    producer: ClientSettings
    admin: ClientSettings
    start_at: Literal["earliest", "latest", "error"]
    """Where a partition without a committed offset starts."""
    group_protocol: Literal["classic", "consumer"]


@dataclass(frozen=True, slots=True, repr=False)
class _Setting:
    """A librdkafka setting, and the key that gave it; no value where a config provider has not been asked."""

    key: str
    value: str | None

    def is_(self, *values: str) -> bool:
        return self.value is not None and self.value.lower() in values


_Settings = dict[str, _Setting]


def read_clients(reading: Reading) -> Clients:
    """The settings for all clients and those of each, in librdkafka's names, checked by librdkafka itself."""
    membership = reading.section(GroupMembership)
    shared = _bootstrap(reading) | _level(reading, "kafka.")
    consumer = shared | _level(reading, "consumer.override.")
    producer = shared | _level(reading, "producer.override.")
    admin = shared | _level(reading, "admin.override.")
    for settings in (consumer, producer, admin):
        _check_login(reading, settings)
        _check_verification(reading, settings)
    _check_timeout(reading, producer)
    if membership.protocol == "consumer":
        for name in consumer.keys() & set(_CLASSIC_ONLY):
            reading.wrong(consumer[name].key, "this key to be absent: with group.protocol=consumer it is the broker's")
    return Clients(
        consumer=_opened(consumer),
        producer=_opened(producer),
        admin=_opened(admin),
        start_at=membership.start_at,
        group_protocol=membership.protocol,
    )


def _opened(settings: _Settings) -> ClientSettings:
    return ClientSettings({name: setting.value for name, setting in settings.items() if setting.value is not None})


def _bootstrap(reading: Reading) -> _Settings:
    reading.know(_BOOTSTRAP)
    if not reading.has(_BOOTSTRAP):
        if reading.need >= Need.SERVICE:
            reading.wrong(_BOOTSTRAP, "a comma separated list of host:port", "nothing")
        return {}
    servers = reading.secret(_BOOTSTRAP, wanted=reading.need >= Need.SERVICE)
    if servers is not None and not all(_SERVER.fullmatch(server.strip()) for server in servers.split(",")):
        reading.wrong(_BOOTSTRAP, "a comma separated list of host:port")
    return {_BOOTSTRAP: _Setting(_BOOTSTRAP, servers)}


def _level(reading: Reading, prefix: str) -> _Settings:
    """The settings under one prefix."""
    reading.know(f"{prefix}*")
    given = reading.secrets_under(prefix, wanted=reading.need >= Need.SERVICE)
    settings: _Settings = {}
    for theirs in given:
        key = prefix + theirs
        if key in option_names(GroupMembership):
            continue
        for name, translated in _translated(reading, prefix, theirs, given).items():
            if name in settings:
                reading.wrong(key, f"to be given once: {settings[name].key} says the same")
            elif name not in librdkafka.ACCEPTED:
                reading.unknown(key, [prefix + known for known in librdkafka.ACCEPTED])
            elif translated is not None and not librdkafka.takes(name, translated):
                reading.wrong(key, f"a value that librdkafka takes for {name}")
            else:
                settings[name] = _Setting(key, translated)
    return settings


def _translated(reading: Reading, prefix: str, name: str, given: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """What a key is in librdkafka's names; nothing where it is refused, which is noted."""
    key, value = prefix + name, given[name]
    if (reason := librdkafka.REFUSED.get(name) or java_clients.REFUSED.get(name)) is not None:
        reading.wrong(key, f"this key to be absent: {reason}")
        return {}
    if name == "sasl.jaas.config":
        return _login(reading, key, value)
    if name in java_clients.STORE_TYPES:
        if value is not None and value.upper() != java_clients.STORE_TYPES[name]:
            reading.wrong(key, f"{java_clients.STORE_TYPES[name]}, the only type that librdkafka reads")
        return {}
    if name == "ssl.truststore.location":
        if "ssl.truststore.type" not in given:
            reading.wrong(key, f"this key to be absent: {java_clients.PEM_TRUSTSTORE}")
        return {"ssl.ca.location": value}
    ours = java_clients.RENAMED.get(name, name)
    if value is not None:
        value = java_clients.VALUES.get((name, value), value)
    return {librdkafka.ALIASES.get(ours, ours): value}


def _login(reading: Reading, key: str, value: str | None) -> Mapping[str, str | None]:
    if value is None:
        return {"sasl.username": None, "sasl.password": None}
    login = parse_jaas(value)
    if login is None:
        reading.wrong(key, EXPECTED)
        return {}
    return dict(zip(("sasl.username", "sasl.password"), login, strict=True))


def _check_login(reading: Reading, settings: _Settings) -> None:
    """librdkafka's own default is Kerberos, which runs a command; so the mechanism has to be said."""
    protocol, mechanism = settings.get("security.protocol"), settings.get("sasl.mechanism")
    if mechanism is not None and mechanism.value not in (*_WITH_PASSWORD, "OAUTHBEARER", None):
        reading.wrong(mechanism.key, f"one of {', '.join(_WITH_PASSWORD)}, OAUTHBEARER")
    if protocol is None or not protocol.is_("sasl_plaintext", "sasl_ssl"):
        return
    if mechanism is None:
        reading.wrong(protocol.key, "sasl.mechanism beside it")
    elif mechanism.value in _WITH_PASSWORD and not {"sasl.username", "sasl.password"} <= settings.keys():
        reading.wrong(mechanism.key, "sasl.username and sasl.password beside it")
    elif mechanism.value == "OAUTHBEARER" and not settings.get("sasl.oauthbearer.method", mechanism).is_("oidc"):
        reading.wrong(mechanism.key, "sasl.oauthbearer.method=oidc beside it")


def _check_verification(reading: Reading, settings: _Settings) -> None:
    verification = settings.get("enable.ssl.certificate.verification")
    servers = settings.get(_BOOTSTRAP)
    if verification is None or not verification.is_("false", "f", "0") or servers is None or servers.value is None:
        return
    found = [_SERVER.fullmatch(server.strip()) for server in servers.value.split(",")]
    if not all(server is not None and _is_loopback(server["host"].strip("[]")) for server in found):
        reading.wrong(verification.key, "true, because a broker is not on the loopback interface")


def _check_timeout(reading: Reading, producer: _Settings) -> None:
    """librdkafka makes no transactional producer that waits longer for the network than for the transaction."""
    timeout = producer.get("socket.timeout.ms")
    if timeout is not None and timeout.value is not None and int(timeout.value) > TRANSACTION_TIMEOUT_MS:
        reading.wrong(timeout.key, f"{TRANSACTION_TIMEOUT_MS} or less for the producer, as its transactions end then")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
