"""How long a list of 10,000 people takes until it is answered: `python -m benchmarks.invitations`.

Starts a PostgreSQL, a Redis and a core of its own, in a temporary folder.
"""

import os
import time
from uuid import UUID, uuid4

import httpx
import psycopg

from benchmarks.stack import core, core_url, services, session_cookie

_PEOPLE = 10_000
_GROUPS = 50
_TEMPLATE_ITEMS = 20


def main() -> None:
    with services() as folder:
        owner, members = uuid4(), [uuid4() for _ in range(_PEOPLE)]
        with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as database:
            _add_accounts(database, [(owner, "owner@example.org")])
            _add_accounts(database, [(member, f"m{n}@example.org") for n, member in enumerate(members)])
            targets = [_add_folder(database, owner) for _ in range(3)]
            template = _add_folder(database, owner)
            for _ in range(_TEMPLATE_ITEMS - 1):
                _add_folder(database, owner, template)
            database.execute("vacuum analyze")
        with core(folder / "core.log"):
            headers = {"Cookie": session_cookie(owner)}
            _measure("to invite", targets[0], headers, "new{}@school.example.org")
            _measure("with an account", targets[1], headers, "m{}@example.org")
            _measure(
                f"to invite, {_GROUPS} groups", targets[2], headers, "new{}@school.example.org", template
            )


def _add_accounts(database: psycopg.Connection, accounts: list[tuple[UUID, str]]) -> None:
    with database.cursor() as cursor:
        cursor.executemany(
            "insert into account (id, name, email, is_validated) values (%s, 'A person', %s, true)", accounts
        )


def _add_folder(database: psycopg.Connection, owner: UUID, parent: UUID | None = None) -> UUID:
    item_id = uuid4()
    path = ".".join(str(part).replace("-", "_") for part in (parent, item_id) if part)
    database.execute(
        'insert into item (id, name, path, creator_id, "order", extra) values (%s, %s, %s, %s, 20, \'{"folder": {}}\')',
        (item_id, f"folder {item_id}", path, owner),
    )
    if parent is None:
        database.execute(
            "insert into item_membership (item_path, account_id, permission) values (%s, %s, 'admin')",
            (path, owner),
        )
    return item_id


def _measure(
    what: str, target: UUID, headers: dict[str, str], address: str, template: UUID | None = None
) -> None:
    lines = ["email,name,permission,group_name"]
    lines += [f"{address.format(n)},Person {n},read,Group {n % _GROUPS}" for n in range(_PEOPLE)]
    way = f"upload-csv-template?templateId={template}" if template else "upload-csv"
    started = time.perf_counter()
    answer = httpx.post(
        f"{core_url()}/api/items/{target}/invitations/{way}",
        headers=headers,
        files={"file": ("people.csv", "\r\n".join(lines), "text/csv")},
        timeout=300,
    )
    seconds = time.perf_counter() - started
    answer.raise_for_status()
    print(f"{_PEOPLE:,} people {what:30} {seconds:6.2f} s")


if __name__ == "__main__":
    main()
