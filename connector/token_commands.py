"""What `streamveil resolve` and `streamveil forget` do with a configuration: open, write the audit, then the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from confluent_kafka.admin import AdminClient

from connector import logs
from connector.audit import audit_of, digest_of
from connector.config import Connector
from connector.forget import Forgetting, Report
from connector.keys import opened, vault_client
from connector.mapping_scan import MappingScan
from connector.mapping_topics import checked
from connector.record import Stop
from connector.resolve import Answer, Resolver, domains_of
from connector.service import mapping_of
from connector.topics import Topics
from connector.transit import TransitKeys
from connector.vault_tokens import vault_rings


class TokenCommands:
    """The commands for one configuration that was loaded for the service, each called for one reason.

    Its calls block on Vault and Kafka, and raise `Stop`, `Unavailable` and `Setback`.
    """

    def __init__(self, connector: Connector, reason: str) -> None:
        self._connector = connector
        self._reason = reason
        self._mapping = mapping_of(connector)

    def __enter__(self) -> Self:
        try:
            logs.configure(level=logs.level_of(os.environ))
        except logs.UnknownLevel as problem:
            raise Stop(str(problem)) from None
        if not self._reason.strip():
            raise Stop("--reason must say why")
        assert self._connector.service is not None  # noqa: S101  as said
        self._admin = AdminClient({**self._connector.service.clients.admin.reveal(), "log_level": 0})
        with ExitStack() as closing:
            self._vault = vault_client(self._connector, closing)
            self._audit = audit_of(self._connector, self._vault, self._reason, closing)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def resolve(self, tokens: Sequence[str], domain: str | None, key_version: int | None) -> list[Answer]:
        """The values of tokens, in order, once the audit has it."""
        connector = self._connector
        domains = [domain] if domain is not None else domains_of(connector.chain, connector.tags)
        self._audit.write("resolve", domains=domains, count=len(tokens), sha256=digest_of(tokens))
        resolver = Resolver(
            connector.chain,
            opened(connector, self._vault),
            domains,
            transit=TransitKeys(self._vault) if self._vault is not None else None,
            scan=MappingScan(connector, self._mapping, self._admin) if self._mapping is not None else None,
            digits_version=key_version if domain is not None else None,
        )
        return resolver.resolve(tokens)

    def forget(self, subjects: Sequence[str]) -> Report:
        """Marks these subjects, and completes what was requested earlier as well."""
        if self._mapping is None:
            raise Stop("mapping.topic does not say where the mappings of tokens are")
        rings = vault_rings(self._connector.chain, opened(self._connector, self._vault))
        if not rings:
            raise Stop("no Tokenize of the chain has mode=vault: there are no mappings to erase")
        checked(Topics(self._admin), self._mapping)
        scan = MappingScan(self._connector, self._mapping, self._admin)
        forgetting = Forgetting(self._connector, self._mapping, rings, scan, self._audit)
        if subjects:
            forgetting.request(list(dict.fromkeys(subjects)))
        return forgetting.complete()
