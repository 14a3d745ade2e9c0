"""What a loaded configuration says about protecting, in the terms that binding and coverage use."""

from __future__ import annotations

from connector.binding import Protection
from connector.config import Connector


def protection_of(connector: Connector) -> Protection:
    """The chain, the tags, the policies and the key rings of a configuration."""
    return Protection(connector.chain, connector.tags, connector.policy, connector.rings)
