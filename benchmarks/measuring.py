"""Watching one process: how far it is, what it costs. It is told nothing of that, and looked at from outside."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connector.loopback.leash import Leash

_EVERY_S = 0.1
_PATIENCE_S = 60.0
_MILLION = 1_000_000


class Stuck(RuntimeError):
    """A process that ended by itself, or made no headway for a minute."""


class Sample(NamedTuple):
    """What was seen at a moment: source records committed so far, CPU seconds (user and system), resident bytes."""

    at: float
    records: int
    cpu: float
    rss: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One process, from its start to its end. `whole_cpu` has its start and its stop in it, the other figures have not.

    Rates are taken between the first sample that shows committed records and the first that shows all of them.
    """

    samples: Sequence[Sample]
    whole_cpu: float

    @property
    def records_per_second(self) -> float:
        first, last = self._ends
        return (last.records - first.records) / (last.at - first.at)

    @property
    def cpu_per_million(self) -> float:
        first, last = self._ends
        return (last.cpu - first.cpu) / (last.records - first.records) * _MILLION

    @property
    def whole_cpu_per_million(self) -> float:
        return self.whole_cpu / self._ends[1].records * _MILLION

    @property
    def peak_rss(self) -> int:
        return max(sample.rss for sample in self.samples)

    @property
    def rss_growth(self) -> float:
        """How many bytes more were resident in the last quarter of the run than in the second, on average."""
        quarter = max(1, len(self.samples) // 4)
        early, late = self.samples[quarter : 2 * quarter] or self.samples, self.samples[-quarter:]
        return statistics.mean(s.rss for s in late) - statistics.mean(s.rss for s in early)

    @property
    def _ends(self) -> tuple[Sample, Sample]:
        first = next(sample for sample in self.samples if sample.records)
        return first, self.samples[-1]


class Headway:
    """How many source records a consumer group has committed. Right only for sources without transaction markers."""

    def __init__(self, bootstrap_servers: str, group: str, topic: str, partitions: int) -> None:
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        # With read_committed it would wait for the transaction that is open.
        self._client = Consumer(
            {"bootstrap.servers": bootstrap_servers, "group.id": group, "isolation.level": "read_uncommitted"}
        )

    def records(self) -> int:
        """Asks the group's coordinator; 0 while there is none."""
        try:
            return sum(max(0, p.offset) for p in self._client.committed(self._partitions, timeout=5))
        except KafkaException:
            return 0

    def close(self) -> None:
        self._client.close()


def measure(command: Sequence[str], log: Path, leash: Leash, headway: Headway, total: int) -> Measured:
    """Run a command until `total` records are committed, then end it by SIGTERM. Raises `Stuck`.

    What it says goes to the file `log`; on the `leash` it ends with this process, however that ends.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)  # noqa: S603 - our own
    leash.hold(process.pid)
    try:
        samples = _watch(process, headway, total)
        process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        leash.let_go()
    if process.returncode != 0:
        raise Stuck(f"exit status {process.returncode}")
    return Measured(samples, usage.ru_utime + usage.ru_stime)


def _watch(process: subprocess.Popen[bytes], headway: Headway, total: int) -> list[Sample]:
    seen = psutil.Process(process.pid)
    samples: list[Sample] = []
    moved_at = time.monotonic()
    while not samples or samples[-1].records < total:
        time.sleep(_EVERY_S)
        records = headway.records()
        if process.poll() is not None:
            raise Stuck(f"ended too early, exit status {process.returncode}")
        cpu = seen.cpu_times()
        sample = Sample(time.monotonic(), records, cpu.user + cpu.system, seen.memory_info().rss)
        if not samples or sample.records > samples[-1].records:
            moved_at = sample.at
        elif sample.at - moved_at > _PATIENCE_S:
            raise Stuck(f"no record was committed for {_PATIENCE_S:.0f} s")
        samples.append(sample)
    return samples
