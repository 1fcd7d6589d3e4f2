"""What is deleted with items that stay a little longer is what the database deletes with items."""

from sqlalchemy import text

from graasp.items.trees.queries import DELETE_DEPENDENTS
from graasp.platform import Platform

_REFERENCES = text(
    """
    select conrelid::regclass::text as table, attname as column, confdeltype::text as on_delete
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any(conkey)
    where contype = 'f' and confrelid = 'item'::regclass
    """
)


async def test_every_table_is_thought_of(platform: Platform) -> None:
    rows = await platform.reads.all(_REFERENCES)
    cascading = {(row["table"], row["column"]) for row in rows if row["on_delete"] == "c"}
    assert len(cascading) > 20
    statement = str(DELETE_DEPENDENTS)
    missing = [pair for pair in cascading if f"delete from {pair[0]} where {pair[1]} = any(" not in statement]
    assert missing == []
    assert statement.count("delete from") == len(cascading)


async def test_only_actions_outlive_items(platform: Platform) -> None:
    rows = await platform.reads.all(_REFERENCES)
    assert [row["table"] for row in rows if row["on_delete"] != "c"] == ["action"]
