"""The revisions themselves."""

import json
import re

import pytest
from alembic.script import ScriptDirectory

from graasp.db.migrations import _BASELINE_STRUCTURE, _config, connect, migrate, pending_sql
from graasp.db.recognition import describe
from tests.db.databases import create_installation, execute, psql, query, structure

SCRIPT = ScriptDirectory.from_config(_config(None))
REVISIONS = [revision.revision for revision in SCRIPT.walk_revisions()][::-1]


class InterruptedRevisionError(Exception):
    pass


def test_the_history_is_one_line() -> None:
    assert len(SCRIPT.get_heads()) == 1
    assert sorted(REVISIONS) == REVISIONS


@pytest.mark.parametrize("path", [revision.path for revision in SCRIPT.walk_revisions()])
def test_a_revision_imports_nothing_that_changes_after_it(path: str) -> None:
    with open(path) as file:
        assert not re.search(r"^(from|import) (graasp|worker)", file.read(), re.MULTILINE)


def test_the_recorded_structure_is_that_of_the_baseline(empty_url: str) -> None:
    migrate(empty_url, to="0001")
    with connect(empty_url) as connection:
        assert describe(connection) == json.loads(_BASELINE_STRUCTURE.read_text())


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_interrupted_revision_can_be_run_again(small_empty_url: str, revision: str) -> None:
    def interrupt(line: str) -> None:
        if line.startswith(f"applied {revision}"):
            raise InterruptedRevisionError

    with pytest.raises(InterruptedRevisionError):
        migrate(small_empty_url, report=interrupt)
    remaining = REVISIONS[REVISIONS.index(revision) :]

    assert migrate(small_empty_url) == remaining


def test_an_index_that_an_interrupted_build_left_invalid_is_built_anew(small_empty_url: str) -> None:
    migrate(small_empty_url, to="0003")
    execute(small_empty_url, 'create index "IDX_item_live_path" on item (path) where deleted_at is null')
    execute(
        small_empty_url,
        "update pg_index set indisvalid = false where indexrelid = '\"IDX_item_live_path\"'::regclass",
    )
    migrate(small_empty_url)
    assert query(small_empty_url, "select indexrelid::regclass from pg_index where not indisvalid") == []


@pytest.mark.parametrize("exists", [False, True], ids=["empty", "existing"])
def test_the_printed_sql_does_what_the_task_does(empty_url: str, exists: bool) -> None:
    url = empty_url
    if exists:
        create_installation(url)
    sql = pending_sql(url)

    psql(url, sql)

    assert pending_sql(url) == ""
    by_psql = structure(url)
    execute(url, "drop schema if exists drizzle cascade; drop schema public cascade; create schema public")
    migrate(url)
    assert structure(url) == by_psql
