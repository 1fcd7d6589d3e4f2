"""Whether the version that runs survives a migration, told before it happens."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from graasp.cli import app
from graasp.db import compatibility, migrations
from graasp.db.compatibility import LinterMissing, examine
from graasp.db.migrations import Step, migrate, step_of
from tests.db.databases import create_installation
from tests.db.test_revisions import REVISIONS, SCRIPT

BASELINE, *SINCE = REVISIONS
_REVISION = '''"""A revision of a test."""

from alembic import op

revision = "9001"
down_revision = "{head}"
{more}

def upgrade() -> None:
    {body}
'''


@pytest.fixture
def url(small_empty_url: str) -> str:
    """A database that is up to date."""
    migrate(small_empty_url)
    return small_empty_url


def _add(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str, more: str = "") -> None:
    """Have one more revision."""
    shutil.copytree(migrations._FOLDER, folder / "alembic")
    text = _REVISION.format(head=SCRIPT.get_current_head(), body=body, more=more)
    (folder / "alembic" / "versions" / "9001_of_a_test.py").write_text(text)
    monkeypatch.setattr(migrations, "_FOLDER", folder / "alembic")


def _ask(url: str) -> Result:
    return CliRunner(env={"DB_CONNECTION": url}).invoke(app, ["migrate", "--compatible"])


@pytest.mark.parametrize("revision", SINCE)
def test_no_revision_since_the_baseline_needs_an_interruption(revision: str) -> None:
    assert examine(step_of(revision)) == []


def test_a_database_that_is_up_to_date_needs_none(url: str) -> None:
    told = _ask(url)
    assert (told.exit_code, told.output) == (0, "the version that runs goes on working\n")


def test_an_empty_database_has_no_version_that_runs(small_empty_url: str) -> None:
    assert migrations.pending(small_empty_url) == REVISIONS
    assert _ask(small_empty_url).exit_code == 0


def test_an_existing_installation_goes_on_working_while_it_is_adopted(small_empty_url: str) -> None:
    create_installation(small_empty_url)
    assert migrations.pending(small_empty_url) == SINCE
    assert _ask(small_empty_url).exit_code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "alter table item add column note text",
        "alter table item add column counted bigint not null default 0",
        "create table note (id uuid primary key, account_id uuid references account (id))",
        "create or replace function note() returns text language sql as 'select null::text'",
    ],
)
def test_a_revision_that_only_adds_is_compatible(
    url: str, statement: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _add(monkeypatch, tmp_path, f'op.execute("{statement}")')
    assert migrations.pending(url) == ["9001"]
    assert _ask(url).exit_code == 0


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("alter table item drop column description", "ban-drop-column"),
        ("alter table item rename column name to title", "renaming-column"),
        ("drop table bookmark", "ban-drop-table"),
        ("alter table item add column note text not null", "adding-required-field"),
        ("alter table item alter column description set not null", "adding-not-nullable-field"),
        ("alter table account alter column name type text", "changing-column-type"),
        ("create index item_note on item (description)", "require-concurrent-index-creation"),
        ("alter table item add constraint named check (name <> '')", "constraint-missing-not-valid"),
    ],
)
def test_a_revision_that_breaks_or_blocks_needs_an_interruption(
    url: str, statement: str, rule: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _add(monkeypatch, tmp_path, f'op.execute("{statement}")')
    told = _ask(url)
    assert told.exit_code == 6
    assert told.output.startswith(f"9001: {rule}: ")
    assert told.output.endswith("\nan interruption is needed\n")


def test_its_author_may_say_what_no_linter_sees(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rewrite = "op.execute(\"update item set lang = 'en'\")"
    _add(monkeypatch, tmp_path, rewrite, 'interrupts = "Every item is rewritten."')
    told = _ask(url)
    assert told.exit_code == 6
    assert told.output == "9001: interrupts: Every item is rewritten.\nan interruption is needed\n"


def test_a_revision_that_can_only_be_read_by_running_it_needs_an_interruption(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asking = 'assert op.get_bind().exec_driver_sql("select count(*) from item").scalar() >= 0'
    _add(monkeypatch, tmp_path, asking)
    told = _ask(url)
    assert told.exit_code == 6
    assert told.output.startswith("9001: offline: ")


def test_without_the_linter_nobody_claims_to_know(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility.shutil, "which", lambda *_, **__: None)
    with pytest.raises(LinterMissing):
        examine(Step("9001", "select 1", None))
    monkeypatch.setattr(migrations, "pending_steps", lambda *_, **__: [Step("9001", "select 1", None)])
    told = _ask(url)
    assert told.exit_code == 7
    assert "squawk is not installed" in told.output
