"""How long 2,000 items take into a Graasp archive and out of it again: `python -m benchmarks.archives`.

Starts a PostgreSQL, a Redis and a core of its own, in a temporary folder; the import runs in this process, as a
worker would run it.
"""

import asyncio
import os
import resource
import time
from uuid import UUID, uuid4

import httpx
import psycopg

from benchmarks.stack import core, core_url, services, session_cookie
from graasp.db.ltree import label
from graasp.platform import Platform, open_platform
from graasp.settings import load_settings
from worker.execution import execute
from worker.registry import load_handlers

_FOLDERS = 50
_IN_EACH = 39
_FILE = os.urandom(64 * 1024)
_TEXT = "<p>" + "What a lesson says. " * 100 + "</p>"


async def main() -> None:
    load_handlers()
    with services() as folder:
        owner = uuid4()
        async with open_platform(load_settings()) as platform:
            with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as database:
                database.execute(
                    "insert into account (id, name, email, is_validated) values (%s, 'A person', 'a@example.org', true)",
                    (owner,),
                )
                root, target = (_add(database, owner, None, "folder", "{}") for _ in range(2))
                await _fill(platform, database, owner, root)
                database.execute("vacuum analyze")
            with core(folder / "core.log"):
                headers = {"Cookie": session_cookie(owner)}
                archive = _timed("exported", lambda: _export(root, headers))
                print(f"{len(archive) / 1e6:.1f} MB")
                _timed("received", lambda: _send(target, archive, headers))
            await _run_jobs(platform)


async def _fill(platform: Platform, database: psycopg.Connection, owner: UUID, root: str) -> None:
    """Folders of documents, links and files: one in four is a file of 64 KB."""

    async def chunks():
        yield _FILE

    for _ in range(_FOLDERS):
        folder = _add(database, owner, root, "folder", '{"folder": {}}')
        for number in range(_IN_EACH):
            if number % 4 == 0:
                key = f"files/{uuid4()}"
                await platform.storage.put(
                    key, chunks(), content_type="application/octet-stream", metadata={}
                )
                file = f'{{"name": "f.bin", "path": "{key}", "mimetype": "application/x-data", "size": {len(_FILE)}}}'
                _add(database, owner, folder, "file", f'{{"file": {file}}}')
            elif number % 4 == 1:
                _add(
                    database,
                    owner,
                    folder,
                    "embeddedLink",
                    '{"embeddedLink": {"url": "https://example.org"}}',
                )
            else:
                _add(database, owner, folder, "document", f'{{"document": {{"content": "{_TEXT}"}}}}')


def _add(database: psycopg.Connection, owner: UUID, parent: str | None, kind: str, extra: str) -> str:
    """An item; its path."""
    item_id = uuid4()
    path = f"{parent}.{label(item_id)}" if parent else label(item_id)
    database.execute(
        'insert into item (id, name, type, path, creator_id, "order", extra) values (%s, %s, %s, %s, %s, 20, %s)',
        (item_id, f"{kind} of the lesson", kind, path, owner, extra),
    )
    if parent is None:
        database.execute(
            "insert into item_membership (item_path, account_id, permission) values (%s, %s, 'admin')",
            (path, owner),
        )
    return path


def _export(path: str, headers: dict[str, str]) -> bytes:
    url = f"{core_url()}/api/items/{path.replace('_', '-')}/graasp-export"
    return httpx.post(url, headers=headers, timeout=120).raise_for_status().content


def _send(path: str, archive: bytes, headers: dict[str, str]) -> None:
    url = f"{core_url()}/api/items/zip-import?parentId={path.replace('_', '-')}"
    files = {"file": ("a.zip", archive, "application/zip")}
    httpx.post(url, headers=headers, files=files, timeout=120).raise_for_status()


async def _run_jobs(platform: Platform) -> None:
    with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as database:
        (job_id,) = database.execute("select id from job where name = 'import-zip'").fetchone() or ()
        statements: list[str] = []
        platform.database.observers.append(statements.append)
        started = time.perf_counter()
        outcome = await execute(platform, job_id)
        seconds = time.perf_counter() - started
        (items,) = database.execute("select count(*) from item").fetchone() or ()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"imported {seconds:6.2f} s  {outcome.value}, {items} items now, {len(statements)} statements, peak {peak:.0f} MB"
    )


def _timed(what: str, do):
    started = time.perf_counter()
    result = do()
    print(f"{what} {time.perf_counter() - started:6.2f} s")
    return result


if __name__ == "__main__":
    asyncio.run(main())
