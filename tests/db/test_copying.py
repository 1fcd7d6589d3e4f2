"""Very many rows, as a stream of text."""

import csv
import io
from collections.abc import AsyncGenerator, Callable
from functools import partial

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from graasp.db.copying import copy_csv, copy_lines
from graasp.db.database import Transaction
from graasp.db.statements import literal
from graasp.platform import Platform

_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_CELLS = st.one_of(
    st.text(_CHARACTERS, max_size=30),
    st.text(st.sampled_from('\r\n",\\\t\b\f\v.Na'), max_size=12),
)
_settings = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_settings
@given(rows=st.lists(_CELLS, min_size=1, max_size=5))
async def test_lines_come_back_as_they_were(platform: Platform, rows: list[str]) -> None:
    sql = " union all ".join(f"select {literal(row)}" for row in rows)
    async with platform.database.transaction() as transaction:
        chunks = [chunk async for chunk in copy_lines(transaction, sql, separator=b"\xfe")]
    assert b"".join(chunks).split(b"\xfe") == [row.encode() for row in rows]


@_settings
@given(rows=st.lists(st.tuples(_CELLS, st.none() | _CELLS, _CELLS), min_size=1, max_size=5))
async def test_tables_come_back_as_they_were(
    platform: Platform, rows: list[tuple[str, str | None, str]]
) -> None:
    lines = [", ".join("null::text" if cell is None else literal(cell) for cell in row) for row in rows]
    sql = " union all ".join(f"select {line}" for line in lines)
    async with platform.database.transaction() as transaction:
        written = b"".join([chunk async for chunk in copy_csv(transaction, sql)])
    read = list(csv.reader(io.StringIO(written.decode(), newline=""), strict=True))
    assert read == [[cell or "" for cell in row] for row in rows]
    # Between lines, and nowhere else.
    assert written.count(b"\r\n") >= len(rows) - 1
    assert not written.endswith(b"\n") or rows[-1][2].endswith("\n")


@pytest.mark.parametrize("quoted", ["a", '"\n"'])
async def test_chunks_do_not_matter(platform: Platform, quoted: str) -> None:
    sql = f"select n, {literal(quoted)} || repeat('x', n % 5000) || {literal(quoted)} from generate_series(1, 3000) n"
    async with platform.database.transaction() as transaction:
        chunks = [chunk async for chunk in copy_csv(transaction, sql)]
    assert len(chunks) > 10
    read = list(csv.reader(io.StringIO(b"".join(chunks).decode(), newline=""), strict=True))
    assert read == [[str(n), f"{quoted}{'x' * (n % 5000)}{quoted}"] for n in range(1, 3001)]


async def test_lines_of_a_query_with_arguments(platform: Platform) -> None:
    async with platform.database.transaction() as transaction:
        lines = copy_lines(
            transaction, "select $1::text || n from generate_series(1, $2::int) n", "a", 3, separator=b","
        )
        assert b"".join([chunk async for chunk in lines]) == b"a1,a2,a3"


async def test_no_rows_are_nothing(platform: Platform) -> None:
    async with platform.database.transaction() as transaction:
        assert [chunk async for chunk in copy_csv(transaction, "select 1 where false")] == []
        assert [
            chunk async for chunk in copy_lines(transaction, "select 1 where false", separator=b",")
        ] == []


async def test_who_stops_reading_leaves_nothing_running(platform: Platform) -> None:
    sql = "select repeat('x', 1000) from generate_series(1, 10000000)"

    async def abandon(copied: Callable[[Transaction, str], AsyncGenerator[bytes, None]]) -> None:
        async with platform.database.transaction() as transaction:
            chunks = copied(transaction, sql)
            assert await anext(chunks)
            await chunks.aclose()
            # What went wrong meanwhile is told, not what became of the transaction.
            raise KeyError

    for copied in (copy_csv, partial(copy_lines, separator=b",")):
        with pytest.raises(KeyError):
            await abandon(copied)
    running = "select count(*) from pg_stat_activity where query like 'COPY%' and state = 'active'"
    assert await platform.reads.scalar(text(running)) == 0


async def test_a_query_that_fails_is_told(platform: Platform) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with platform.database.transaction() as transaction:
            _ = [
                chunk
                async for chunk in copy_csv(
                    transaction, "select 1 / (n - 5000) from generate_series(1, 9000) n"
                )
            ]
