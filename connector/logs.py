"""Structured logs that show no record: events, names, offsets, codes; never a value, a key, a header or a secret.

An exception is shown as its class names alone, because library errors may hold the value they failed on. Log lines of
libraries pass as the name of the logger, the level and, for librdkafka, the facility: its texts are shown only for the
facilities that speak of connections, the group and the transaction.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from confluent_kafka import KafkaError

# What these say is made of broker addresses, topic names, codes and counts.
_SHOWN_FACILITIES = frozenset(
    {
        "COORD",
        "FAIL",
        "FATAL",
        "GETPID",
        "MAXPOLL",
        "PARTCNT",
        "REQTMOUT",
        "SESSTMOUT",
        "TERMINATE",
        "TXNERR",
    }
)
_SAME_AGAIN_S = 10.0

LEVEL_VARIABLE = "STREAMVEIL_LOG_LEVEL"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class UnknownLevel(ValueError):
    """The environment names a log level that there is not."""


def level_of(environment: Mapping[str, str]) -> int:
    """The level that `STREAMVEIL_LOG_LEVEL` names, by default info. Raises `UnknownLevel`."""
    level = _LEVELS.get(environment.get(LEVEL_VARIABLE, "info").lower())
    if level is None:
        raise UnknownLevel(f"{LEVEL_VARIABLE} must be one of {', '.join(_LEVELS)}")
    return level


def configure(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Sets structlog and the standard `logging` up: for reading at a terminal, else one JSON object a line.

    Call it once a process, before the first event. Writes to `stream`, by default standard error.
    """
    out = stream or sys.stderr
    render = _for_a_terminal() if out.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _class_names_for_exceptions,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Muted()], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False


def _for_a_terminal() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _class_names_for_exceptions(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces what structlog would format as a traceback by the names of the exception's classes."""
    shown = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if shown:
        error = sys.exception() if shown is True else shown[1] if isinstance(shown, tuple) else shown
        event["error"] = " <- ".join(_chain(error))
    return event


def _chain(error: BaseException | None) -> list[str]:
    names = []
    while error is not None:
        names.append(type(error).__qualname__)
        error = error.__cause__ or error.__context__
    return names


class _Muted(logging.Handler):
    """Passes on what libraries log as the logger's name and the level: their texts may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = type(record.exc_info[1]).__qualname__ if record.exc_info and record.exc_info[1] else None
        structlog.get_logger().log(record.levelno, "library", logger=record.name, **({"error": error} if error else {}))


class LibraryLog:
    """Takes librdkafka's log lines and error events of one client, served when the client is polled."""

    def __init__(self, client: str) -> None:
        self._log = structlog.get_logger().bind(client=client)
        self._said: dict[str, float] = {}

    def settings(self) -> dict[str, Any]:
        """The part of a client's configuration that directs its lines here."""
        return {"logger": self, "error_cb": self._on_error}

    def log(self, level: int, _form: str, facility: str, _client: str, text: str) -> None:
        """What confluent-kafka calls for each line, in the manner of `logging.Logger.log`."""
        if self._is_new(facility):
            shown = {"text": text} if facility in _SHOWN_FACILITIES else {}
            self._log.log(level, "librdkafka", facility=facility, **shown)

    def _on_error(self, error: KafkaError) -> None:
        if self._is_new(error.name()):
            self._log.warning("kafka", error=error.name(), fatal=error.fatal())

    def _is_new(self, name: str) -> bool:
        """Whether it was not said a moment ago: during an outage each failed connection says it again."""
        now = time.monotonic()
        if now < self._said.get(name, -_SAME_AGAIN_S) + _SAME_AGAIN_S:
            return False
        self._said[name] = now
        return True
