"""`graasp`, as operators and scripts call it: what it says, how it ends."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from pathlib import Path

import asyncpg
import orjson
import pytest
import typer

from graasp.cli import COMMANDS, Command
from graasp.embedded.process import free_port
from graasp.settings import Settings
from tests.command_line import run_graasp
from tests.worker.workers import environment

_NEED_A_DATABASE = [
    ("serve",),
    ("migrate",),
    ("session", "someone@example.org"),
    ("job", "list"),
    ("seed", "demo"),
]


@pytest.fixture
def away(make_settings: Callable[..., Settings]) -> dict[str, str]:
    """The variables of a server whose database is not there."""
    nowhere = f"postgresql://graasp@127.0.0.1:{free_port()}/graasp"
    return environment(make_settings(node_env="development", db_connection=nowhere))


@pytest.fixture
async def empty_database(postgres_url: str) -> AsyncIterator[str]:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("create database without_schema")
    yield f"{postgres_url.rpartition('/')[0]}/without_schema"
    await connection.execute("drop database without_schema with (force)")
    await connection.close()


async def test_help_names_every_command(tmp_path: Path) -> None:
    told, worker = await asyncio.gather(
        run_graasp(tmp_path, "--help"), run_graasp(tmp_path, "worker", "--help")
    )
    assert (told.code, worker.code) == (0, 0)
    for name, command in COMMANDS.items():
        assert f"│ {name} " in told.output
        assert command.help in told.output
    assert "--short-processes" in worker.output


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_help_says_of_a_command_is_what_the_command_says_of_itself(command: Command) -> None:
    found = getattr(import_module(command.module), command.name)
    own = found.info.help if isinstance(found, typer.Typer) else inspect.getdoc(found)
    assert own.startswith(command.help.rstrip("."))


def test_help_is_quick_because_the_server_is_not_imported() -> None:
    loaded = "import sys, graasp.cli; print([m for m in ('fastapi', 'sqlalchemy', 'botocore') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == "[]"


async def test_wrong_usage_and_missing_variables_exit_with_2_and_say_what(tmp_path: Path) -> None:
    unknown, option, bare, session, job, serve = await asyncio.gather(
        run_graasp(tmp_path, "sesion"),
        run_graasp(tmp_path, "migrate", "--fast"),
        run_graasp(tmp_path),
        run_graasp(tmp_path, "session", "someone@example.org"),
        run_graasp(tmp_path, "job", "list"),
        run_graasp(tmp_path, "serve"),
    )
    assert [ended.code for ended in (unknown, option, bare, session, job, serve)] == [2] * 6
    assert "sesion" in unknown.errors
    assert "--fast" in option.errors
    assert "Usage" in bare.output + bare.errors
    for ended in (session, job, serve):
        assert 'Expected to find env variable "DB_CONNECTION" but it was undefined.' in ended.errors
        assert "Does `make run` run in this folder?" in ended.errors
        assert "Traceback" not in ended.errors


async def test_in_production_nobody_is_sent_to_make_run(tmp_path: Path) -> None:
    ended = await run_graasp(tmp_path, "serve", NODE_ENV="production")
    assert ended.code == 2
    assert "make run" not in ended.errors


async def test_an_unreachable_database_is_one_sentence_and_exit_code_1(
    tmp_path: Path, away: dict[str, str]
) -> None:
    for arguments, ended in zip(
        _NEED_A_DATABASE,
        await asyncio.gather(*(run_graasp(tmp_path, *a, **away) for a in _NEED_A_DATABASE)),
        strict=True,
    ):
        assert ended.code == 1, arguments
        assert "Traceback" not in ended.output + ended.errors, arguments
        assert "running" in ended.errors, arguments


async def test_a_database_that_lets_nobody_in_or_has_no_schema_is_told(
    tmp_path: Path, settings: Settings, empty_database: str
) -> None:
    given = environment(settings) | {"NODE_ENV": "development"}
    wrong, missing, empty = await asyncio.gather(
        run_graasp(
            tmp_path, "job", "list", **given | {"DB_CONNECTION": empty_database.replace("//", "//no", 1)}
        ),
        run_graasp(tmp_path, "job", "list", **given | {"DB_CONNECTION": f"{empty_database}_there"}),
        run_graasp(tmp_path, "session", "someone@example.org", **given | {"DB_CONNECTION": empty_database}),
    )
    assert [ended.code for ended in (wrong, missing, empty)] == [1, 1, 1]
    assert "PostgreSQL refuses the connection" in wrong.errors
    assert 'database "without_schema_there" does not exist' in missing.errors
    assert "Run `graasp migrate` first." in empty.errors


async def test_the_openapi_document_needs_no_variable(tmp_path: Path) -> None:
    printed, written = await asyncio.gather(
        run_graasp(tmp_path, "openapi"), run_graasp(tmp_path, "openapi", "--output", "openapi.json")
    )
    assert (printed.code, written.code) == (0, 0)
    document = orjson.loads(printed.output)
    assert document["openapi"].startswith("3.")
    assert orjson.loads((tmp_path / "openapi.json").read_bytes()) == document
