"""What work processes tell their pool, which shows it to Prometheus.

Attempts end in processes that live for one job only: they write one line per attempt into a pipe that they have
inherited. A line is shorter than what the kernel writes in one piece, so lines never mix.
"""

import asyncio
import os
from contextlib import suppress
from typing import Any

import orjson

from graasp.telemetry.metrics import count_dead_process, observe_job


class _Pipe:
    """Where this process reports; nowhere: into its own metrics."""

    descriptor: int | None = None


def report_into(descriptor: int) -> None:
    """Have this process and its children report into the pipe of the pool."""
    os.set_blocking(descriptor, False)
    _Pipe.descriptor = descriptor


def report_attempt(name: str, outcome: str, seconds: float, waited_s: float) -> None:
    _report({"name": name, "outcome": outcome, "seconds": seconds, "waited_s": waited_s})


def report_death(name: str) -> None:
    _report({"died": name})


def _report(line: dict[str, Any]) -> None:
    if _Pipe.descriptor is None:
        _observe(line)
        return
    # A full pipe, or a pool that is gone: a measurement is lost, no job is.
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(_Pipe.descriptor, orjson.dumps(line) + b"\n")


def _observe(line: dict[str, Any]) -> None:
    if "died" in line:
        count_dead_process(line["died"])
    else:
        observe_job(**line)


async def collect_reports(descriptor: int) -> None:
    """Observe what is reported until every process that reports is gone."""
    reader = asyncio.StreamReader()
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            async for line in reader:
                with suppress(orjson.JSONDecodeError):
                    _observe(orjson.loads(line))
        finally:
            transport.close()
