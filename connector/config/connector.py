"""A whole configuration, checked: what `load` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.config.converters import Converters
from connector.config.kafka_clients import Clients
from connector.config.sections import Audit, Batch, DeadLetters, MappingKeys, RecordErrors
from connector.config.sources import Sources
from connector.plan import Link
from connector.policy import Policy
from connector.subject_rules import SubjectRules
from registry.schema.tags import TagRules
from registry.settings import RegistrySettings
from vault.keyring import Ring
from vault.ring_document import RingPlace
from vault.settings import VaultSettings


@dataclass(frozen=True, slots=True)
class Service:
    """What only the running service needs.

    `worker_id` is unique among live processes. `worker_id_given` says that somebody chose it, and so that it
    stays the same over restarts; the host name, which stands in for it, may not.
    """

    group_id: str
    worker_id: str
    worker_id_given: bool
    tasks: int
    batch: Batch
    clients: Clients


@dataclass(frozen=True, slots=True)
class Connector:
    """A configuration without an error. Its `repr` shows no secret.

    `registry` and `vault` are None where they were not needed or are not configured, `service` where `load` was not
    asked for it, and then `sources` may be empty; `rings` has at least those that the chain uses, of one in Vault its
    place. `document` is the file that it was loaded from, if it was one; `secret_variables` are the environment
    variables from which secrets were read, `exposed_files` the files of secrets that every user may read.
    """

    name: str
    chain: tuple[Link, ...]
    rings: Mapping[str, Ring | RingPlace]
    tags: TagRules
    policy: Policy
    converters: Converters
    sources: Sources
    record_errors: RecordErrors
    dead_letters: DeadLetters
    mapping: MappingKeys
    audit: Audit
    sink_topic_format: str
    refresh_ms: int
    registry: RegistrySettings | None
    vault: VaultSettings | None
    subjects: SubjectRules
    service: Service | None
    document: Path | None = None
    secret_variables: frozenset[str] = frozenset()
    exposed_files: frozenset[Path] = frozenset()
