"""Schemas of the sinks: registered under each subject before the first record that needs them is produced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from connector.fingerprints import Fingerprints
from connector.record import Stop
from registry.errors import RegistryError, RegistryRejected, RegistryUnavailable
from registry.registered import Reference
from registry.wire import prefix
from transforms.outcome import Unavailable


class Registering(Protocol):
    def register(self, subject: str, text: str, references: Sequence[Reference] = ()) -> int: ...


class Subjects:
    """Gives the wire format's prefix for a schema on a topic; asks the registry once for each.

    Before anything is registered under a subject, the `fingerprints` of what is there are looked at.
    """

    def __init__(self, registry: Registering, fingerprints: Fingerprints) -> None:
        self._registry = registry
        self._fingerprints = fingerprints
        self._known: dict[tuple[str, str], bytes] = {}

    def prefix(self, topic: str, side: str, text: str, references: Sequence[Reference] = ()) -> bytes:
        """Blocks for a few of the client's deadlines; raises `Unavailable`, or `Stop` when the registry refuses."""
        subject = f"{topic}-{side}"
        if (known := self._known.get((subject, text))) is None:
            known = self._known[subject, text] = prefix(self._register(subject, text, references))
        return known

    def _register(self, subject: str, text: str, references: Sequence[Reference]) -> int:
        try:
            self._fingerprints.check(subject)
            return self._registry.register(subject, text, references)
        except RegistryUnavailable:
            raise Unavailable("the schema registry does not answer") from None
        except RegistryRejected as error:
            raise Stop(f"the schema registry rejects the output schema of subject {subject}: {error}") from None
        except RegistryError as error:
            raise Stop(f"the schema registry refuses to register under subject {subject}: {error}") from None
