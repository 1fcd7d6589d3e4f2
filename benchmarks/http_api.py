"""Requests per second of one core process: `python -m benchmarks.http_api`.

Starts a PostgreSQL, a Redis and a core of its own, makes the benchmark data set, and has `wrk` (Debian's package)
send requests from the same machine. Prints a table; then sends all kinds of requests in turn for three minutes and
prints the memory of the process. Ends with 1 when a figure is missed, a request was refused or the memory grows.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import psutil

from benchmarks.stack import account_id, core, core_url, item_id, seed, services, session_cookie

_ROOT, _FOLDER, _DOCUMENT, _PUBLIC = (f"/api/items/{item_id(n)}" for n in (0, 1000, 1001, 200000))
_UNITS_IN_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_MINUTES = 3
_RUNS = count()
# What a process may still gain after its first minute under load: caches and pools that fill, not a leak.
_GROWTH_MB = 8
# A range that nobody asked for before: another millisecond of a day.
_ANOTHER_RANGE = """
local number = %d
request = function()
    number = number + 1
    local clock = os.date("!%%H:%%M:%%S", math.floor(number / 1000))
    return wrk.format(nil, string.format("%s2020-01-02T%%s.%%03dZ", clock, number %% 1000))
end
"""


@dataclass(frozen=True)
class Request:
    """What is sent, and how many a second have to be answered."""

    name: str
    path: str
    at_least: int
    body: Mapping[str, Any] | None = None
    signed_in: bool = True
    # Each for another range, and for longer: an answer takes a second or more, and those under way are not counted.
    another_range: bool = False


_ACTIONS_BY_DAY = f"{_ROOT}/actions/actions-by-day?endDate=2100-01-01T00:00:00.000Z&startDate="

# Those that write come last: what they add would slow down what is read.
REQUESTS = (
    Request("health", "/health", 5000),
    Request("current account", "/api/members/current", 2000),
    Request("item", _DOCUMENT, 1000),
    Request("public item, signed out", _PUBLIC, 1500, signed_in=False),
    Request("100 children", f"{_FOLDER}/children", 350),
    Request("parents", f"{_DOCUMENT}/parents", 800),
    Request("2,020 descendants", f"{_ROOT}/descendants", 40),
    Request("accessible, a page of 20", "/api/items/accessible?page=1&pageSize=20", 400),
    Request(
        "accessible, searched", "/api/items/accessible?page=1&pageSize=20&keywords=root&keywords=42", 250
    ),
    Request("501 memberships", f"{_ROOT}/memberships", 200),
    Request("actions by day, of a million", _ACTIONS_BY_DAY, 3, another_range=True),
    Request("the same again", f"{_ACTIONS_BY_DAY}2020-01-01T00:00:00.000Z", 50),
    Request("post action", f"{_DOCUMENT}/actions", 500, body={"type": "item-view", "extra": {}}),
    Request("create folder", "/api/items/folders", 350, body={"name": "bench", "description": "b"}),
)


@dataclass(frozen=True)
class Run:
    """What `wrk` saw; latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float
    refused: int


def main() -> int:
    options = _options()
    if shutil.which("wrk") is None:
        print("This needs wrk: apt-get install wrk", file=sys.stderr)
        return 2
    requests = [one for one in REQUESTS if not options.only or one.name in options.only]
    with services() as folder:
        seed()
        with core(folder / "core.log") as program:
            assert program.process is not None
            process = psutil.Process(program.process.pid)
            print("| request | requests/s | at least | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|")
            at_first = _megabytes(process)
            met = [_measure(request, options) for request in requests]
            print(f"\nmemory: {at_first:.0f} MB before, {_megabytes(process):.0f} MB after these", flush=True)
            levels = _memory_under_load(process, requests, options.connections)
    return 0 if all(met) and levels[-1] - levels[0] < _GROWTH_MB else 1


def _memory_under_load(process: psutil.Process, requests: Sequence[Request], connections: int) -> list[float]:
    """Megabytes after each minute in which all kinds of requests took their turns."""
    levels = []
    turns = cycle(requests)
    for minute in range(1, _MINUTES + 1):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            _run(next(turns), seconds=1, connections=connections)
        levels.append(_megabytes(process))
        print(f"memory: {levels[-1]:.0f} MB after {minute} min of all in turn", flush=True)
    return levels


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=3, help="length of a run")
    parser.add_argument("--rounds", type=int, default=3, help="runs per request, of which the median counts")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", action="append", metavar="NAME", choices=[one.name for one in REQUESTS])
    return parser.parse_args()


def _measure(request: Request, options: argparse.Namespace) -> bool:
    seconds = options.seconds * (5 if request.another_range else 1)
    runs = [_run(request, seconds, options.connections) for _ in range(options.rounds)]
    per_second = statistics.median(run.per_second for run in runs)
    refused = sum(run.refused for run in runs)
    p50, p99 = (statistics.median(getattr(run, name) for run in runs) for name in ("p50", "p99"))
    print(
        f"| {request.name} | {per_second:,.{0 if per_second > 10 else 1}f} | {request.at_least:,} | {p50:.1f} | {p99:.1f} |"
        + (f" **{refused} refused**" if refused else ""),
        flush=True,
    )
    return per_second >= request.at_least and not refused


def _run(request: Request, seconds: int, connections: int) -> Run:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_script(request))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
        command += ["-s", script.name, core_url() + request.path]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    return Run(
        per_second=float(_found(r"Requests/sec:\s+([\d.]+)", output)[1]),
        p50=_latency("50%", output),
        p99=_latency("99%", output),
        refused=(int(refused[1]) if refused else 0) + (sum(map(int, lost.groups())) if lost else 0),
    )


def _script(request: Request) -> str:
    # Actions are taken from the client's pages only.
    headers = {"Origin": "http://localhost:3114"}
    if request.signed_in:
        headers["Cookie"] = session_cookie(account_id(0))
    lines = []
    if request.body is not None:
        headers["Content-Type"] = "application/json"
        lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(json.dumps(request.body))}"]
    if request.another_range:
        lines.append(_ANOTHER_RANGE % (next(_RUNS) * 1000, request.path))
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    return "\n".join(lines)


def _latency(label: str, output: str) -> float:
    value, unit = _found(rf"{label}\s+([\d.]+)(us|ms|s|m)\b", output).groups()
    return float(value) * _UNITS_IN_MS[unit]


def _found(pattern: str, output: str) -> re.Match[str]:
    match = re.search(pattern, output)
    assert match, output
    return match


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 2**20)


if __name__ == "__main__":
    sys.exit(main())
