"""`graasp up` and `graasp state`, as an operator uses them: real processes, real people, jobs on their way.

One test, since every start takes seconds.
"""

import asyncio
import os
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import psycopg
import pytest

from graasp.embedded.process import free_port
from graasp.mail.messages import sign_in
from graasp.mail.service import send_mails
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.command_line import GRAASP, Ended, run_graasp
from tests.worker.workers import until

_NOT_OURS = ("DB_CONNECTION", "REDIS_CONNECTION", "MAILER_CONNECTION", "NODE_ENV")


class Up:
    """A `graasp up` on a folder, and `graasp state` beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    async def start(self) -> str:
        """What it told until it was ready."""
        self._starts += 1
        output = self.folder / f"output-{self._starts}"
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                [GRAASP, "up", "--data", str(self.data), "--no-seed"],
                env=environment | {"PORT": str(self.port), "COLUMNS": "200", "WORKER_PROCESSES": "1"},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        process = self._process

        def is_ready() -> bool:
            assert process.poll() is None, output.read_text()
            return "Stop with Ctrl-C" in output.read_text()

        await until(is_ready)
        return output.read_text()

    async def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(self._process.wait, 60) == 0

    def kill(self) -> None:
        """Everything, should a test have failed."""
        if self._process is not None and self._process.poll() is None:
            for process in (psutil.Process(self._process.pid), *self.processes().values()):
                process.kill()

    def processes(self) -> dict[str, psutil.Process]:
        """What it runs, by name."""
        assert self._process is not None
        found = {}
        for process in psutil.Process(self._process.pid).children(recursive=True):
            line = " ".join(process.cmdline())
            for name, sign in _SIGNS.items():
                if re.search(sign, line):
                    found.setdefault(name, process)
        return found

    async def state(self, *arguments: str) -> Ended:
        return await run_graasp(self.folder, "state", *arguments, "--data", self.data)

    async def set(self, state: str, *options: str) -> str:
        ended = await self.state("set", state, "--yes", *options)
        assert ended.code == 0, ended.output + ended.errors
        return ended.output

    async def show(self) -> Any:
        ended = await self.state("show", "--json")
        assert ended.code == 0, ended.errors
        return orjson.loads(ended.output)

    @property
    def environment(self) -> dict[str, str]:
        lines = (self.data / "environment").read_text().splitlines()
        return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}

    @property
    def header(self) -> dict[str, str]:
        environment = self.environment
        return {environment["MAINTENANCE_HEADER_NAME"]: environment["MAINTENANCE_HEADER_SECRET"]}

    def status(self, **headers: str) -> int:
        return httpx.get(f"{self.base}/", headers=headers).status_code

    def database_is_up(self) -> bool:
        try:
            psycopg.connect(self.environment["DB_CONNECTION"]).close()
        except psycopg.OperationalError:
            return False
        return True

    def settings(self) -> Settings:
        values = {name.lower(): value for name, value in self.environment.items()}
        return Settings(_env_file=None, **values)  # type: ignore[arg-type]

    def mails(self) -> Counter[str]:
        """How many mails each address was sent."""
        found: Counter[str] = Counter()
        for mail in (self.data / "mails").glob("*.eml"):
            found.update(
                re.findall(r"^Delivered-To: (\S+)", mail.read_text("utf-8", "replace"), re.MULTILINE)
            )
        return found


_SIGNS = {
    "core": r"graasp serve",
    "worker": r"-m worker$",
    "redis": r"redis-server",
    "postgres": r"bin/postgres -D",
    "front door": r"graasp\.deployment\.front_door",
    "mailbox": r"graasp\.embedded\.mailbox",
}


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Up]:
    one = Up(tmp_path)
    try:
        yield one
        await one.stop()
    finally:
        one.kill()


@contextmanager
def people_who_keep_asking(base: str) -> Iterator[Counter[str]]:
    """What they are answered: statuses, and names of errors."""
    answers: Counter[str] = Counter()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                answers[str(httpx.get(f"{base}/", timeout=30).status_code)] += 1
            except httpx.TransportError as error:
                answers[repr(error)] += 1
            ended.wait(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        ended.set()
        asking.join()


def _addresses(name: str) -> list[str]:
    return [f"{name}-{number}@example.org" for number in range(50)]


async def order_mails(platform: Platform, name: str) -> None:
    mails = [sign_in(recipient=to, lang="en", link="http://localhost/") for to in _addresses(name)]
    async with platform.unit_of_work() as uow:
        await send_mails(uow, mails)


async def test_through_all_states_nobody_is_refused_and_no_job_is_lost_or_doubled(up: Up) -> None:
    nowhere = await up.state("set", "restricted", "--yes")
    assert nowhere.code == 2
    assert "There is no installation in" in nowhere.errors
    assert "Graasp is running" in await up.start()
    assert up.processes().keys() == _SIGNS.keys() - {"front door"}

    with people_who_keep_asking(up.base) as answers:
        async with open_platform(up.settings()) as platform:
            await order_mails(platform, "running")
            await is_restricted(up)
            await order_mails(platform, "restricted")
            await is_down_to_its_database(up)
            await order_mails(platform, "db-only")
        await up.set("restricted")
        assert up.status() == 503
        assert up.status(**up.header) == 200
        async with open_platform(up.settings()) as platform:
            await order_mails(platform, "again")
    assert answers.keys() == {"200", "503"}, answers

    await comes_up_restricted_again(up)

    with people_who_keep_asking(up.base) as answers:
        await up.set("running")
        assert up.status() == 200
        await up.set("stopped")
        assert up.status() == 503
        assert not up.database_is_up()
        assert up.processes().keys() == {"front door", "mailbox"}
        assert (await up.show())["differences"] == []
        await up.set("running")
        assert up.status() == 200
        assert (await up.show())["differences"] == []
        assert up.processes().keys() == _SIGNS.keys() - {"front door"}
    assert answers.keys() == {"200", "503"}, answers

    await is_released(up)

    ordered = {
        address: 1 for name in ("running", "restricted", "db-only", "again") for address in _addresses(name)
    }
    await until(lambda: len(up.mails()) >= len(ordered))
    assert up.mails() == ordered


async def is_restricted(up: Up) -> None:
    shown = await up.set("restricted")
    assert "✓ close front door" in shown
    assert "Requests with the header X-Graasp-Maintenance pass." in shown
    assert up.status() == 503
    assert up.status(**up.header) == 200


async def is_down_to_its_database(up: Up) -> None:
    """At the second attempt: the first one is killed."""
    await a_killed_change(up, "db-only")
    record = (await up.show())["record"]
    assert record["transition"]["target"] == "db-only"
    await up.set("db-only")
    assert up.status(**up.header) == 503
    assert up.processes().keys() == {"postgres", "front door", "mailbox"}
    record = (await up.show())["record"]
    assert record["state"] == "db-only"
    assert (up.data / "snapshots" / f"{record['last_snapshot']['name']}.dump").stat().st_size > 10_000


async def comes_up_restricted_again(up: Up) -> None:
    await up.stop()
    asleep = await up.state("set", "running", "--yes")
    assert asleep.code == 1
    assert "`graasp up` does not run" in asleep.errors
    shown = await up.state("show")
    assert shown.code == 1
    assert "State: restricted" in shown.output

    told = await up.start()
    assert "Graasp is restricted" in told
    [passes] = re.findall(r"curl --header '(\S+): (\S+)' http://localhost", told)
    assert up.status() == 503
    assert up.status(**dict([passes])) == 200
    assert f"graasp state set running --data {up.data}" in told


async def is_released(up: Up) -> None:
    """Without an interruption: there is nothing to migrate."""
    commit = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with people_who_keep_asking(up.base) as answers:
        ended = await run_graasp(up.folder, "release", commit, "--yes", "--data", up.data)
        assert ended.code == 0, ended.output + ended.errors
    assert answers.keys() == {"200"}, answers
    assert httpx.get(f"{up.base}/api/version").text.startswith(f"{commit} @")
    assert (await up.show())["record"]["version"] == commit


async def a_killed_change(up: Up, state: str) -> None:
    """`graasp state set`, killed as soon as it stops what runs."""
    process = await asyncio.create_subprocess_exec(
        *(GRAASP, "state", "set", state, "--yes", "--data", str(up.data)),
        stdout=subprocess.PIPE,
        cwd=up.folder,
    )
    assert process.stdout is not None
    while b"stopping" not in (line := await process.stdout.readline()):
        assert line, "it ended before"
    process.kill()
    await process.wait()
