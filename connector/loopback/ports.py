"""Ports of the loopback interface that stay free for a server while it is down."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress

from connector.loopback.errors import LoopbackError

HOST = "127.0.0.1"

# Below the range that operating systems hand out to outgoing connections. Else a client that retries while
# the server is down could be given the server's own port, connect to itself, and keep the port taken.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all are bound at once, so that they differ. Raises `LoopbackError`."""
    ports: list[int] = []
    with ExitStack() as bound:
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = bound.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind((HOST, port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise LoopbackError(f"no {count} free ports between {_PORTS.start} and {_PORTS.stop}")
