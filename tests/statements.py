"""The SQL that a test causes."""

import contextlib
import contextvars
from collections.abc import Iterator

from graasp.db.database import Database


@contextlib.contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """`with counted(database) as statements:` collects the SQL of this task and of those that it starts.

    What runs in the background already, like handing jobs over, has no part in it.
    """
    statements: list[str] = []
    caused_here = contextvars.ContextVar("caused_here", default=False)

    def observe(sql: str) -> None:
        if caused_here.get():
            statements.append(sql)

    database.observers.append(observe)
    caused_here.set(True)
    try:
        yield statements
    finally:
        database.observers.remove(observe)
