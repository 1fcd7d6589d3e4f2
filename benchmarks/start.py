"""From `make run` to the first answer: `python -m benchmarks.start`.

Clones what is committed here into a temporary folder, and starts it there twice, with Ctrl-C in between. Set UV_CACHE_DIR
to a folder that an earlier installation has filled: packages are downloaded otherwise.
"""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from graasp.embedded.process import free_port

_REPOSITORY = Path(__file__).resolve().parents[1]
_AT_MOST_S = {"the first time": 60, "again": 10}
_POLL_S = 0.02
_STOP_TIMEOUT_S = 60


def main() -> int:
    met = []
    with tempfile.TemporaryDirectory(prefix="graasp-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # The database server may run under another user.
        folder.chmod(0o755)
        clone = folder / "graasp"
        subprocess.run(["git", "clone", "--quiet", _REPOSITORY, clone], check=True)
        print("| `make run` | seconds | at most | Ctrl-C to the end |\n|---|---:|---:|---:|")
        for which, at_most in _AT_MOST_S.items():
            started, stopped = _start_and_stop(clone, folder / "output.log")
            print(f"| {which} | {started:.1f} | {at_most} | {stopped:.1f} |", flush=True)
            met.append(started < at_most)
    return 0 if all(met) else 1


def _start_and_stop(clone: Path, log: Path) -> tuple[float, float]:
    """Seconds until `GET /health` is answered with 200, and seconds until everything has ended."""
    port = free_port()
    began = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env=os.environ | {"PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            while not _is_healthy(port):
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(_POLL_S)
            started = time.monotonic() - began
        finally:
            # As a terminal does it: to all of them.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        stopping = time.monotonic()
        process.wait(_STOP_TIMEOUT_S)
    return started, time.monotonic() - stopping


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
