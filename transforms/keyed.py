"""Transforms that work with keys of a ring: the options that they share, and what a guard says of the key."""

from __future__ import annotations

from pydantic import Field as Option

from registry.schema.tree import Field, Guard
from transforms.keys import KeyRing
from transforms.outcome import Unbindable
from transforms.selecting import Selecting
from transforms.transform import Context, Integer


class Keyed(Selecting):
    """Options of a transform whose values depend on a key and a domain. The key need not be one of a ring."""

    key: str | None = Option(default=None, description="The key ring, by its name under `keys`.")
    key_version: Integer | None = Option(
        default=None,
        ge=1,
        alias="key.version",
        description="The version of the ring to write with. Default: the ring's only version, or the one that its "
        "document calls current.",
    )
    domain: str | None = Option(
        default=None,
        min_length=1,
        description="Values are comparable within a domain. Default: the only sensitive tag of the leaf.",
    )

    def key_ring(self) -> str | None:
        return self.key

    def may_share_key(self, other: Keyed) -> bool:
        """Whether ring, domain and version may be the same for both, so that one reverses what the other does."""
        return self.key == other.key and all(
            None in (ours, theirs) or ours == theirs
            for ours, theirs in ((self.domain, other.domain), (self.key_version, other.key_version))
        )

    def ring(self, context: Context) -> KeyRing:
        """The ring that the transform names; it must name one. Raises `Unbindable` where its version is missing."""
        assert self.key is not None  # noqa: S101 - transforms that may do without ask whether there is one
        ring = context.keys[self.key]
        if self.key_version is not None and not ring.has(self.key_version):
            raise Unbindable(f"transforms.{context.alias}.key.version: the ring {self.key} has no such version")
        return ring

    def version(self, context: Context) -> int:
        """The version of the ring to write with. Raises `Unbindable` where it must be named, and is not."""
        ring = self.ring(context)
        try:
            return self.key_version or ring.writing_version
        except LookupError:
            reason = f"transforms.{context.alias}.key.version: the ring {self.key} has several versions, so name one"
        raise Unbindable(reason)

    def keyed_guard(self, context: Context, transform: str, field: Field) -> Guard:
        """The guard of a leaf that `transform` has protected with the ring."""
        version = self.version(context)
        domain = context.domain(self.domain, field)
        return Guard(context.alias, transform, self.key, version, domain, self.ring(context).fingerprint(version))


class RingKeyed(Keyed):
    """Options of a transform that derives a key from a ring for each domain."""

    key: str = Option(description="The key ring, by its name under `keys`.")
