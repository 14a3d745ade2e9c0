"""Loading a configuration: every section in turn, every error at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from connector.config.chain import read_chain
from connector.config.connector import Connector, Service
from connector.config.converters import read_converters
from connector.config.document import read_document
from connector.config.errors import ConfigError, ConfigErrors
from connector.config.kafka_clients import read_clients
from connector.config.own_topics import DEAD_LETTER_TOPIC, check_own_topics, own_topics, read_audit, read_mapping
from connector.config.reading import Need, Reading
from connector.config.registry_settings import read_registry
from connector.config.rings import read_rings
from connector.config.sections import Batch, DeadLetters, Naming, PolicyKeys, Process, RecordErrors, Refreshing
from connector.config.sources import read_sink_format, read_sources
from connector.config.subject_settings import read_subjects
from connector.config.tag_rules import read_tag_rules
from connector.config.vault_settings import read_settings, read_vault
from connector.config.vault_values import VaultValues
from connector.plan import Link
from connector.policy import OnUncovered, Policy
from vault.keyring import Ring
from vault.ring_document import RingPlace

WORKER_ID = "STREAMVEIL_WORKER_ID"


def load(source: Path | Mapping[str, Any], *, need: Need) -> Connector:
    """Load Kafka Connect's JSON from a file, or from what a parser made of one.

    Reads the files and environment variables that the configuration refers to, and asks Vault for what it takes from
    there; starts nothing and connects to nothing else. Raises ConfigErrors with everything that is wrong.
    """
    found = _loaded(source, need)
    # Raised here, where no local variable of a frame holds what was read.
    if isinstance(found, Connector):
        return found
    raise ConfigErrors(found)


def known_keys() -> frozenset[str]:
    """Every key that a configuration may have, and the families of keys (`kafka.*`, `tags.fields.<TAG>`)."""
    reading = Reading({}, Need.CHAIN)
    _read(reading)
    return reading.known_keys


def _loaded(source: Path | Mapping[str, Any], need: Need) -> Connector | frozenset[ConfigError]:
    document = read_document(source)
    if document.is_unreadable:
        return frozenset(document.errors)
    reading = Reading(document.properties, need, document.errors)
    with VaultValues(partial(read_settings, reading)) as values:
        reading.from_vault = values.value
        connector = _read(reading)
    reading.finish()
    if reading.errors:
        return frozenset(reading.errors)
    document_file = source if isinstance(source, Path) else None
    return replace(
        connector,
        document=document_file,
        secret_variables=frozenset(reading.secret_variables),
        exposed_files=frozenset(reading.exposed_files),
    )


def _read(reading: Reading) -> Connector:
    needs_all = reading.need >= Need.SERVICE
    for of_connect in ("connector.class", "header.converter"):
        reading.plain(of_connect)
    name = _name(reading, required=needs_all)
    chain = read_chain(reading)
    converters = read_converters(reading)
    sources = read_sources(reading, required=needs_all)
    dead_letters = reading.section(DeadLetters)
    mapping = read_mapping(reading, chain)
    audit = read_audit(reading)
    own = own_topics(dead_letters, mapping, audit)
    check_own_topics(reading, own, sources)
    rings = read_rings(reading, chain)
    service = _service(reading, name)
    return Connector(
        name=name,
        chain=chain,
        rings=rings,
        tags=read_tag_rules(reading),
        policy=_policy(reading, dead_letters),
        converters=converters,
        sources=sources,
        record_errors=_record_errors(reading),
        dead_letters=dead_letters,
        mapping=mapping,
        audit=audit,
        sink_topic_format=read_sink_format(reading, sources, own),
        refresh_ms=reading.section(Refreshing).refresh_ms,
        registry=read_registry(reading, required=Need.REGISTRY in reading.need and converters.use_registry),
        subjects=read_subjects(reading, dead_letters.topic),
        vault=read_vault(reading, required=_needs_vault(chain, rings)),
        service=service if needs_all else None,
    )


def _needs_vault(chain: Collection[Link], rings: Mapping[str, Ring | RingPlace]) -> bool:
    in_vault = any(isinstance(ring, RingPlace) for ring in rings.values())
    return in_vault or any(link.transform.transit_key() is not None for link in chain)


def _name(reading: Reading, *, required: bool) -> str:
    found = reading.section(Naming)
    if required and not reading.has("name"):
        reading.wrong("name", "a name for the connector", "nothing")
    return found.name


def _record_errors(reading: Reading) -> RecordErrors:
    include_messages = "errors.log.include.messages"
    text = reading.plain(include_messages)
    if text is not None and text.strip().lower() != "false":
        reading.wrong(include_messages, "false: keys and values never go to a log", reading.shown(include_messages))
    return reading.section(RecordErrors)


def _policy(reading: Reading, dead_letters: DeadLetters) -> Policy:
    found = reading.section(PolicyKeys)
    goes_nowhere = found.on_uncovered is OnUncovered.DEADLETTER and dead_letters.topic is None
    if goes_nowhere and reading.need >= Need.SERVICE:
        reading.wrong(DEAD_LETTER_TOPIC, "a topic, because policy.on.uncovered is deadletter", "nothing")
    return Policy(found.on_uncovered, found.on_unclassified, found.on_untagged, found.on_echo)


def _service(reading: Reading, name: str) -> Service:
    process = reading.section(Process)
    given = process.worker_id or os.environ.get(WORKER_ID, "").strip() or None
    return Service(
        group_id=process.group_id or f"streamveil-{name}",
        worker_id=given or socket.gethostname(),
        worker_id_given=given is not None,
        tasks=process.tasks,
        batch=reading.section(Batch),
        clients=read_clients(reading),
    )
