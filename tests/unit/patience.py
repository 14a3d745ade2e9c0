"""How long tests of outages let a client wait, and a server that keeps it waiting."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting_at_most(seconds: float) -> Iterator[None]:
    """Generous, for busy machines, and still far from the five seconds that are the default."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@contextmanager
def trickling() -> Iterator[str]:
    """The address of a server that sends its answer one byte at a time, for ever."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not stopped.wait(0.05):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stopped.set()
        thread.join()
