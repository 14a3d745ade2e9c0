"""What goes wrong when a server is started on loopback."""

from __future__ import annotations


class LoopbackError(RuntimeError):
    """A loopback server, or something that it needs (Java, Kafka's jars), cannot be had.

    The text says what is missing and what the reader can do about it.
    """
