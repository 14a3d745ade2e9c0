"""Runs a connector: one process for each task, until SIGTERM.

The tasks are members of one consumer group, so Kafka divides the partitions among them; here nothing is divided.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from _thread import start_new_thread
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import structlog

from connector import last_resort, logs
from connector.config import ConfigErrors, Connector, Need, Service, load
from connector.deciding import Pipeline as Deciders
from connector.hygiene import forget_variables, seal_process
from connector.keys import opened, vault_client
from connector.pipeline import Pipeline
from connector.protecting import protection_of
from connector.record import Stop
from connector.session import Session
from connector.session_settings import Errors, SessionSettings, TokenMapping
from connector.transit import report_caches, transit_of
from registry.client import RegistryClient

DONE, STOPPED, UNFORESEEN = 0, 1, 70

_ENDING = (signal.SIGTERM, signal.SIGINT)

# A batch makes tens of thousands of containers that die by reference count: looking at them for cycles is in vain.
_COLLECT_AFTER = 100_000

Build = Callable[[Connector, ExitStack], Deciders]
"""Makes the pipeline of a task; what has to be closed at the end goes onto the stack."""


def protecting_pipeline(connector: Connector, closing: ExitStack) -> Deciders:
    """The pipeline that a configuration describes, with clients of its own and every key ring opened."""
    registry = closing.enter_context(RegistryClient(connector.registry)) if connector.registry else None
    vault, log = vault_client(connector, closing), structlog.get_logger()
    pipeline = Pipeline(
        protection_of(connector, opened(connector, vault), transit_of(connector, vault)),
        converters=(connector.converters.key, connector.converters.value),
        registry=registry,
        sink_format=connector.sink_topic_format,
        log=log,
        refresh=connector.refresh_ms / 1000,
        subjects=connector.subjects,
    )
    closing.callback(report_caches, connector.chain, log)
    pipeline.check_keys(_known_sinks(connector))
    return pipeline


def _known_sinks(connector: Connector) -> list[str]:
    """The sinks that are known before the first record: none where a transform routes, or topics match a pattern."""
    if any(link.transform.routes for link in connector.chain):
        return []
    return [connector.sink_topic_format.replace("${topic}", topic) for topic in connector.sources.topics]


def run(connector: Connector, build: Build = protecting_pipeline) -> int:
    """Runs all tasks until SIGTERM or SIGINT; the exit status is 0 when each of them stopped cleanly.

    Blocks, and sets the signals' handlers and the logging of this process, at the level that the environment names.
    The configuration must have been loaded for the service; with several tasks also from a file, which each task's
    process loads for itself, keys included. Environment variables that held secrets are gone afterwards.
    """
    try:
        logs.configure(level=logs.level_of(os.environ))
    except logs.UnknownLevel as problem:
        logs.configure()
        structlog.get_logger().error("stopped", reason=str(problem))
        return STOPPED
    tasks = _service(connector).tasks
    if tasks > 1:
        return _run_tasks(connector, build, tasks)
    return _run_task(connector, build, 0)


def settings_of(connector: Connector, task: int) -> SessionSettings:
    """What the session of one task needs of a configuration that was loaded for the service."""
    service = _service(connector)
    pattern = connector.sources.pattern
    return SessionSettings(
        name=connector.name,
        group_id=service.group_id,
        worker_id=service.worker_id,
        worker_id_given=service.worker_id_given,
        consumer=service.clients.consumer.reveal(),
        producer=service.clients.producer.reveal(),
        admin=service.clients.admin.reveal(),
        topics=connector.sources.topics,
        matches=pattern.matches if pattern else None,
        sink_topic_format=connector.sink_topic_format,
        start_at=service.clients.start_at,
        group_protocol=service.clients.group_protocol,
        batch_max_records=service.batch.max_records,
        batch_max_bytes=service.batch.max_bytes,
        batch_max_wait_ms=service.batch.max_wait_ms,
        errors=Errors(
            tolerate=connector.record_errors.tolerance == "all",
            log=connector.record_errors.log,
            deadletter_topic=connector.dead_letters.topic,
            deadletter_replication=connector.dead_letters.replication_factor,
            deadletter_headers=connector.dead_letters.context_headers,
        ),
        mapping=mapping_of(connector),
        audit_topic=connector.audit.topic,
        task=task,
    )


def mapping_of(connector: Connector) -> TokenMapping | None:
    """Where the mappings of tokens go, if the configuration says so."""
    topic = connector.mapping.topic
    return TokenMapping(topic, connector.mapping.replication_factor) if topic is not None else None


def _service(connector: Connector) -> Service:
    if connector.service is None:
        raise ValueError("the configuration was not loaded for the service")
    return connector.service


def _run_task(connector: Connector, build: Build, task: int) -> int:
    forget_variables(connector.secret_variables)
    stopping = threading.Event()
    stop_at_signals(stopping)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    structlog.contextvars.bind_contextvars(connector=connector.name, task=task)
    log = structlog.get_logger()
    for path in sorted(connector.exposed_files):
        log.warning("secret in a file that every user may read", path=str(path))
    with ExitStack() as closing:
        try:
            session = Session(settings_of(connector, task), build(connector, closing), stopping)
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER)
            log.info("started")
            session.run()
        except Stop as reason:
            log.error("stopped", reason=str(reason))
            return STOPPED
        except Exception:
            log.critical("unforeseen", exc_info=True)
            return UNFORESEEN
    log.info("stopped")
    return DONE


def stop_at_signals(stopping: threading.Event) -> None:
    """Have SIGTERM and SIGINT set the event, in a thread that knows nothing of what it interrupts.

    A handler runs in the main thread, which may be about to wait for the event, and then has its lock.
    """
    for number in _ENDING:
        signal.signal(number, lambda *_: start_new_thread(stopping.set, ()))


def _run_tasks(connector: Connector, build: Build, tasks: int) -> int:
    if connector.document is None:
        raise ValueError("several tasks need a configuration that was loaded from a file")
    # Spawned, not forked: a task has nothing in its memory but what it loaded itself.
    context = multiprocessing.get_context("spawn")
    task = (str(connector.document), build, os.getpid())
    # Daemons: where one cannot be started, this process ends, and ends those that were.
    processes = [context.Process(target=_child, args=(*task, number), daemon=True) for number in range(tasks)]
    secrets = {name: os.environ[name] for name in connector.secret_variables if name in os.environ}
    forget_variables(secrets)
    # A process of its own, which starts with the first task otherwise: it would have the secrets in its environment for
    # as long as it lives, and unblock these signals again.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # until each process has handlers of its own
    os.environ.update(secrets)
    for process in processes:
        process.start()
    forget_variables(secrets)
    for number in _ENDING:
        signal.signal(number, lambda *_: _terminate(processes))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    running = list(processes)
    while running:
        wait([process.sentinel for process in running])
        ended = [process for process in running if process.exitcode is not None]
        running = [process for process in running if process not in ended]
        if any(process.exitcode != DONE for process in ended):
            _terminate(running)
    return DONE if all(process.exitcode == DONE for process in processes) else STOPPED


def _terminate(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.is_alive():
            process.terminate()


def _child(document: str, build: Build, parent: int, task: int) -> None:
    seal_process()
    last_resort.install()
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    try:
        status = _load_and_run(document, build, task)
    except Exception as error:
        last_resort.show(type(error))
        status = UNFORESEEN
    os._exit(status)


def _load_and_run(document: str, build: Build, task: int) -> int:
    logs.configure(level=logs.level_of(os.environ))
    try:
        connector = load(Path(document), need=Need.SERVICE)
    except ConfigErrors:  # it was right when the service started, and its errors were shown there
        structlog.get_logger().error("stopped", reason="the configuration has errors by now")
        return STOPPED
    return _run_task(connector, build, task)


def _follow(parent: int) -> None:
    """Ends this task with its parent, however that ended: else a restart would meet tasks that are still there."""
    while os.getppid() == parent:
        threading.Event().wait(1.0)
    os.kill(os.getpid(), signal.SIGTERM)
