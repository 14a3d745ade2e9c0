"""Log lines hold events and names; what an exception or a library says is not repeated."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from connector.logs import LibraryLog, UnknownLevel, configure, level_of

PLANTED = "planted-b1946ac92492d234"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logging of a fresh process writes, at debug level."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure(level=logging.DEBUG, stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def _events(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_without_a_terminal_each_event_is_one_json_object(written: io.StringIO) -> None:
    structlog.get_logger().info("committed", records=3)

    [event] = _events(written)
    assert (event["event"], event["level"], event["records"]) == ("committed", "info", 3)


def test_an_exception_is_shown_as_the_names_of_its_classes(written: io.StringIO) -> None:
    try:
        try:
            int(PLANTED)
        except ValueError as error:
            raise RuntimeError(PLANTED) from error
    except RuntimeError:
        structlog.get_logger().error("unforeseen", exc_info=True)

    assert _events(written)[0]["error"] == "RuntimeError <- ValueError"
    assert PLANTED not in written.getvalue()


def test_what_libraries_log_is_shown_by_logger_and_class_of_the_error_alone(written: io.StringIO) -> None:
    try:
        raise ValueError(PLANTED)
    except ValueError:
        logging.getLogger("httpx").error("GET /%s", PLANTED, exc_info=True)

    assert {"logger": "httpx", "error": "ValueError", "event": "library"}.items() <= _events(written)[0].items()
    assert PLANTED not in written.getvalue()


def test_a_line_of_librdkafka_shows_its_text_only_for_facilities_that_speak_of_connections(
    written: io.StringIO,
) -> None:
    log = LibraryLog("consumer")
    log.log(logging.WARNING, "%s [%s] %s", "FAIL", "rdkafka#1", "Connection refused")
    log.log(logging.WARNING, "%s [%s] %s", "MSG", "rdkafka#1", PLANTED)

    first, second = _events(written)
    assert first["text"] == "Connection refused"
    assert second["facility"] == "MSG"
    assert PLANTED not in written.getvalue()


def test_what_librdkafka_says_again_and_again_during_an_outage_is_written_once(written: io.StringIO) -> None:
    log = LibraryLog("consumer")
    for _ in range(100):
        log.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#1", "Connection refused")

    assert len(_events(written)) == 1


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, logging.INFO),
        ({"STREAMVEIL_LOG_LEVEL": "debug"}, logging.DEBUG),
        ({"STREAMVEIL_LOG_LEVEL": "ERROR"}, logging.ERROR),
    ],
)
def test_the_environment_names_the_level_which_is_info_by_default(environment: dict[str, str], level: int) -> None:
    assert level_of(environment) == level


@pytest.mark.parametrize("name", ["", "verbose", "10"])
def test_a_level_that_there_is_not_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(UnknownLevel, match="STREAMVEIL_LOG_LEVEL must be one of debug, info, warning, error"):
        level_of({"STREAMVEIL_LOG_LEVEL": name})
