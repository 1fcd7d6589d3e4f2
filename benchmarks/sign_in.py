"""Whether hashing passwords holds up other requests: `python -m benchmarks.sign_in`.

Eight clients sign in by password, one attempt after the other, while `GET /health` is asked for every five
milliseconds. Starts a PostgreSQL, a Redis, a captcha service and a core of its own.
"""

import asyncio
import os
import statistics
import sys
import time
from pathlib import Path

import httpx
from sqlalchemy import insert

from benchmarks.stack import account_id, core, core_url, services
from graasp.accounts.tables import account
from graasp.auth.passwords import hash_password
from graasp.auth.tables import member_password
from graasp.db.database import open_database

_CLIENTS = 8
_PROBES = 2000
_PAUSE_S = 0.005
_AT_MOST_MS = 50
_PASSWORD = "Ben4chmark"
_PERSON = b'{"success": true, "score": 1.0, "action": "signInWithPassword"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
)


async def _measure(folder: Path) -> bool:
    async with await asyncio.start_server(_vouch, "127.0.0.1", 0) as captcha:
        port = captcha.sockets[0].getsockname()[1]
        os.environ |= {
            "RECAPTCHA_SECRET_ACCESS_KEY": "secret",
            "RECAPTCHA_VERIFY_URL": f"http://127.0.0.1:{port}/siteverify",
            "RATE_LIMITS": "false",
        }
        await _make_accounts()
        with core(folder / "core.log"):
            async with httpx.AsyncClient(base_url=core_url()) as client:
                alone = await _probe(client)
                signed_in: list[int] = []
                clients = [asyncio.create_task(_sign_in(client, n, signed_in)) for n in range(_CLIENTS)]
                started = time.perf_counter()
                meanwhile = await _probe(client)
                per_second = len(signed_in) / (time.perf_counter() - started)
                for task in clients:
                    task.cancel()
                ended = await asyncio.gather(*clients, return_exceptions=True)
    failures = [error for error in ended if not isinstance(error, asyncio.CancelledError)]
    print(f"GET /health alone               {_described(alone)}")
    print(f"GET /health, {_CLIENTS} clients sign in  {_described(meanwhile)}")
    print(f"{per_second:.0f} sign-ins a second; failures: {failures or 'none'}")
    return _percentile(meanwhile, 99) < _AT_MOST_MS and not failures


async def _vouch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_ANSWER % (len(_PERSON), _PERSON))
    await writer.drain()
    writer.close()


async def _make_accounts() -> None:
    hashed = await hash_password(_PASSWORD)
    ids = [account_id(number) for number in range(_CLIENTS)]
    accounts = [
        {"id": one, "name": "bench", "email": _email(number), "type": "individual", "is_validated": True}
        for number, one in enumerate(ids)
    ]
    async with (
        open_database(os.environ["DB_CONNECTION"], pool_size=1) as database,
        database.transaction() as transaction,
    ):
        await transaction.execute_many(insert(account), accounts)
        passwords = [{"member_id": one, "password": hashed} for one in ids]
        await transaction.execute_many(insert(member_password), passwords)


def _email(number: int) -> str:
    return f"bench{number}@example.org"


async def _sign_in(client: httpx.AsyncClient, number: int, signed_in: list[int]) -> None:
    credentials = {"email": _email(number), "password": _PASSWORD, "captcha": "token"}
    while True:
        answer = await client.post("/api/login-password", json=credentials)
        answer.raise_for_status()
        signed_in.append(number)


async def _probe(client: httpx.AsyncClient) -> list[float]:
    """Milliseconds per answer."""
    times = []
    for _ in range(_PROBES):
        started = time.perf_counter()
        (await client.get("/health")).raise_for_status()
        times.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(_PAUSE_S)
    return times


def _percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


def _described(times: list[float]) -> str:
    return f"p50 {statistics.median(times):5.1f} ms  p99 {_percentile(times, 99):5.1f} ms  max {max(times):5.1f} ms"


if __name__ == "__main__":
    with services() as working_folder:
        sys.exit(0 if asyncio.run(_measure(working_folder)) else 1)
