"""How fast one file of 1 GiB is taken in, and what memory that takes: `python -m benchmarks.uploads`.

Starts a PostgreSQL, a Redis and a core of its own, in a temporary folder; beside it, the speed of that folder's disk.
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import psycopg

from benchmarks.stack import core, core_url, services, session_cookie

_SIZE = 1024**3
_PIECE = os.urandom(1024**2)
_BOUNDARY = "benchmark"
_ROUNDS = 3


def main() -> None:
    with services() as folder:
        owner = uuid4()
        with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as database:
            database.execute(
                "insert into account (id, name, email, is_validated) values (%s, 'A', 'a@example.org', true)",
                (owner,),
            )
        for _ in range(_ROUNDS):
            print(f"the disk alone    {_write_to_disk(folder / 'plain'):6.0f} MB/s")
        with core(folder / "core.log") as program:
            assert program.process is not None
            memory = Memory(program.process.pid)
            headers = {
                "Cookie": session_cookie(owner),
                "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            }
            before = memory.now()
            for _ in range(_ROUNDS):
                seconds = _upload(headers)
                print(f"an upload of 1 GiB {_SIZE / seconds / 1e6:5.0f} MB/s ({seconds:.1f} s)")
            print(f"the core's memory {before:6.0f} MB before, {memory.stop():.0f} MB at most")


class Memory:
    """Watches the resident memory of a process, in MB."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._peak = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> float:
        return self._process.memory_info().rss / 1e6

    def stop(self) -> float:
        """The largest it was."""
        self._is_over.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._is_over.wait(0.02):
            self._peak = max(self._peak, self.now())


def _write_to_disk(path: Path) -> float:
    started = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(_SIZE // len(_PIECE)):
            file.write(_PIECE)
        file.flush()
        os.fsync(file.fileno())
    speed = _SIZE / (time.perf_counter() - started) / 1e6
    path.unlink()
    return speed


def _upload(headers: dict[str, str]) -> float:
    started = time.perf_counter()
    answer = httpx.post(
        f"{core_url()}/api/items/upload", content=_form(), headers=headers, timeout=httpx.Timeout(300)
    )
    assert answer.status_code == 204, answer.text
    return time.perf_counter() - started


def _form() -> Iterator[bytes]:
    head = 'Content-Disposition: form-data; name="files"; filename="large.bin"'
    yield f"--{_BOUNDARY}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
    for _ in range(_SIZE // len(_PIECE)):
        yield _PIECE
    yield f"\r\n--{_BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    main()
