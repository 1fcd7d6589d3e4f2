"""Tells the database of an existing installation by its structure; changes nothing."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection, text

# Kind of object → its name → its definition, as PostgreSQL words it.
Structure = dict[str, dict[str, str]]

_QUERIES = {
    "enum": """
        select t.typname, string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
        from pg_type t join pg_enum e on e.enumtypid = t.oid
        where t.typnamespace = 'public'::regnamespace
        group by t.typname
    """,
    "column": """
        select c.relname || '.' || a.attname,
            format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
            || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not exists (select from pg_depend where objid = c.oid and deptype = 'e')
    """,
    "constraint": """
        select c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and k.contype <> 'n'
    """,
    "index": """
        select c.relname || '.' || i.relname, pg_get_indexdef(x.indexrelid)
        from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and x.indisvalid
            and not exists (select from pg_constraint where conindid = x.indexrelid)
    """,
    "view": "select viewname, definition from pg_views where schemaname = 'public'",
}
_BOOKKEEPING = "alembic_version."
_EARLIER_BOOKKEEPING = text(
    "select 1 from pg_tables where schemaname = 'drizzle' and tablename = '__drizzle_migrations'"
)


def describe(connection: Connection) -> Structure:
    """The public schema, without the bookkeeping of migrations and what extensions brought."""
    return {kind: dict(_objects(connection, kind)) for kind in _QUERIES}


def is_empty(structure: Structure) -> bool:
    return not any(structure.values())


def differences(expected: Structure, found: Structure) -> list[str]:
    """What keeps `found` from being `expected`, one sentence each; nothing when it can be adopted.

    Tables, nullable columns, indexes … beyond the expected ones are no difference, and neither are missing
    indexes (see `missing_indexes`): they cost speed, nothing else.
    """
    missing_tables = _tables(expected) - _tables(found)
    result = [f"table {table} is missing" for table in sorted(missing_tables)]
    for kind in ("enum", "column", "constraint", "view"):
        for name, definition in expected[kind].items():
            if name.partition(".")[0] in missing_tables or found[kind].get(name) == definition:
                continue
            if name in found[kind]:
                result.append(f"{kind} {name} should be `{definition}`, is `{found[kind][name]}`")
            else:
                result.append(f"{kind} {name} is missing: `{definition}`")
    result += [
        f"column {name} is unknown, and no row can be written without it: `{definition}`"
        for name, definition in found["column"].items()
        if name not in expected["column"]
        and name.partition(".")[0] in _tables(expected)
        and definition.endswith(" not null")
    ]
    return result


def missing_indexes(expected: Structure, found: Structure) -> list[str]:
    """The statements that create the indexes that no index of the database, whatever its name, stands for."""
    existing = {_unnamed(definition) for definition in found["index"].values()}
    return [definition for definition in expected["index"].values() if _unnamed(definition) not in existing]


def earlier_migrations(connection: Connection) -> int | None:
    """How many migrations of the server that was here before are recorded; None without such a record."""
    if connection.scalar(_EARLIER_BOOKKEEPING) is None:
        return None
    count: int = connection.execute(text("select count(*) from drizzle.__drizzle_migrations")).scalar_one()
    return count


def _objects(connection: Connection, kind: str) -> Iterator[tuple[str, str]]:
    for name, definition in connection.execute(text(_QUERIES[kind] + " order by 1")):
        if not name.startswith(_BOOKKEEPING):
            yield name, _same_for_all_versions(definition) if kind == "view" else definition


def _same_for_all_versions(view: str) -> str:
    """PostgreSQL 15 writes `item.name`, later versions `name`, when a view reads one table."""
    return re.sub(r"\s+", " ", re.sub(r"\b\w+\.", "", view)).strip()


def _tables(structure: Structure) -> set[str]:
    return {name.partition(".")[0] for name in structure["column"]}


def _unnamed(index: str) -> str:
    return re.sub(r'INDEX ("[^"]+"|\S+) ON', "INDEX ON", index)
