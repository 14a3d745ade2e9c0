"""What a loaded configuration says about protecting, in the terms that binding and coverage use."""

from __future__ import annotations

from collections.abc import Mapping

from connector.binding import Protection
from connector.config import Connector
from connector.keys import unopened
from transforms.keys import KeyRing, Transit


def protection_of(
    connector: Connector, keys: Mapping[str, KeyRing] | None = None, transit: Transit | None = None
) -> Protection:
    """The chain, the tags, the policies and the keys of a configuration.

    `keys` are its rings, opened, `transit` its keys that stay in Vault. Without them a chain that needs a key in Vault
    can be judged, and not run.
    """
    rings = unopened(connector) if keys is None else keys
    return Protection(connector.chain, connector.tags, connector.policy, rings, transit)
