"""SQLAlchemy Core writes the SQL, asyncpg runs it: a statement is compiled once and kept.

Skipping SQLAlchemy's own execution layer halves the cost of a small read (see docs/decisions).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase


def dumps(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def literal(value: str) -> str:
    """Text as part of a statement, for those that take no parameters: COPY."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"E'{escaped}'"


def instant(column: str) -> str:
    """SQL that writes a time as the wire has it, for rows that are sent as PostgreSQL writes them."""
    return f"""to_char({column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


DIALECT = PGDialect_asyncpg(json_serializer=dumps)  # type: ignore[no-untyped-call]

Process = Callable[[Any], Any]


class CompiledStatement(NamedTuple):
    """SQL with `$n` placeholders, and how to fill them."""

    sql: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    processors: Mapping[str, Process]

    def arguments(self, params: Mapping[str, Any]) -> list[Any]:
        """Positional arguments, in the order of the placeholders.

        Raises KeyError with the parameter's name when one has neither a value nor a default.
        """
        arguments = []
        for name in self.names:
            value = params[name] if name in params else self.defaults[name]
            process = self.processors.get(name)
            arguments.append(process(value) if process else value)
        return arguments


_compiled: WeakKeyDictionary[Executable, dict[tuple[str, ...], CompiledStatement]] = WeakKeyDictionary()


def compiled(statement: Executable, columns: tuple[str, ...] = ()) -> CompiledStatement:
    """Compile, or find what was compiled; `columns` are those an INSERT or UPDATE is given values for."""
    by_columns = _compiled.setdefault(statement, {})
    if columns not in by_columns:
        by_columns[columns] = _compile(statement, columns)
    return by_columns[columns]


def _compile(statement: Executable, columns: tuple[str, ...]) -> CompiledStatement:
    column_keys = list(columns) if columns and isinstance(statement, UpdateBase) else None
    result = statement.compile(  # type: ignore[attr-defined]
        dialect=DIALECT, column_keys=column_keys, compile_kwargs={"render_postcompile": True}
    )
    assert isinstance(result, SQLCompiler)
    names = tuple(result.positiontup or ())
    processors = {}
    for name in dict.fromkeys(names):
        bind = result.binds.get(name)
        process = None if bind is None else bind.type.dialect_impl(DIALECT).bind_processor(DIALECT)
        if process is not None:
            processors[name] = process
    required = {name for name, bind in result.binds.items() if bind.required}
    values = result.construct_params(_check=False)
    defaults = {name: value for name, value in values.items() if name not in required}
    return CompiledStatement(result.string, names, defaults, processors)
