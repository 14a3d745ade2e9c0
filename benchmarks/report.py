"""What the benchmark says: medians of each contender, and how Streamveil compares."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import confluent_kafka
from rich.table import Table

from benchmarks.measuring import Measured

STREAMVEIL, BY_HAND, PASSTHROUGH = "streamveil", "by-hand", "passthrough"
_MEGABYTE = 1024 * 1024

Rounds = Mapping[str, Sequence[Measured]]
"""What was measured of each contender, a round each."""


def document(rounds: Rounds, records: int, *, fpe: bool) -> dict[str, Any]:
    """The figures as JSON objects: medians and ratios first, then every round with its memory over time."""
    medians = {name: _medians(measured) for name, measured in rounds.items()}
    ours = medians[STREAMVEIL]
    return {
        "records": records,
        "fpe": fpe,
        "machine": _machine(),
        "medians": medians,
        "ratios": {
            name: {key: ours[key] / medians[name][key] for key in ("cpu_per_million", "records_per_second")}
            for name in (BY_HAND, PASSTHROUGH)
        },
        "rounds": {name: [_round(one) for one in measured] for name, measured in rounds.items()},
    }


def table(figures: Mapping[str, Any]) -> Table:
    """The medians, as people read them."""
    shown = Table(title=f"{figures['records']:,} records{', with FPE' if figures['fpe'] else ''}: medians")
    shown.add_column("")
    for heading in ("records/s", "CPU s per million", "with start and stop", "peak RSS", "RSS growth"):
        shown.add_column(heading, justify="right")
    for name, medians in figures["medians"].items():
        shown.add_row(
            name,
            f"{medians['records_per_second']:,.0f}",
            f"{medians['cpu_per_million']:.2f}",
            f"{medians['whole_cpu_per_million']:.2f}",
            f"{medians['peak_rss'] / _MEGABYTE:.0f} MB",
            f"{medians['rss_growth'] / _MEGABYTE:+.1f} MB",
        )
    return shown


def verdicts(figures: Mapping[str, Any]) -> list[str]:
    """The ratios, a sentence each."""
    return [
        f"Streamveil takes {ratios['cpu_per_million']:.2f} times the CPU of {name}, "
        f"and moves {ratios['records_per_second']:.2f} times its records in a second."
        for name, ratios in figures["ratios"].items()
    ]


_FIGURES = ("records_per_second", "cpu_per_million", "whole_cpu_per_million", "peak_rss", "rss_growth")


def _medians(measured: Sequence[Measured]) -> dict[str, float]:
    return {figure: statistics.median(getattr(one, figure) for one in measured) for figure in _FIGURES}


def _round(measured: Measured) -> dict[str, Any]:
    start = measured.samples[0].at
    over_time = [{"seconds": round(s.at - start, 2), "records": s.records, "rss": s.rss} for s in measured.samples]
    return {**{figure: getattr(measured, figure) for figure in _FIGURES}, "samples": over_time}


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "confluent-kafka": version("confluent-kafka"),
        "librdkafka": confluent_kafka.libversion()[0],
        "fastavro": version("fastavro"),
    }
