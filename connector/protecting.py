"""What a loaded configuration says about protecting, in the terms that binding and coverage use."""

from __future__ import annotations

from collections.abc import Mapping

from connector.binding import Protection
from connector.config import Connector
from connector.keys import unopened
from transforms.transform import KeyRing


def protection_of(connector: Connector, keys: Mapping[str, KeyRing] | None = None) -> Protection:
    """The chain, the tags, the policies and the key rings of a configuration.

    `keys` are its rings, opened. Without them a chain with a ring in Vault can be judged, and not run.
    """
    return Protection(connector.chain, connector.tags, connector.policy, unopened(connector) if keys is None else keys)
