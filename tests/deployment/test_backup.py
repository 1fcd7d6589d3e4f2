"""An installation is saved in one file and comes back from it, whole or not at all."""

import io
import os
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from graasp.db.migrations import migrate
from graasp.deployment import dumps
from graasp.deployment.backup.archive import Archive, ArchiveWriter, Manifest, UnusableArchive, open_archive
from graasp.deployment.backup.making import back_up
from graasp.deployment.backup.restoring import DoesNotFit, restore
from graasp.deployment.backup.stored_files import open_stored_files
from graasp.deployment.driver import StepFailed
from graasp.embedded.postgres import embedded_postgres
from graasp.embedded.versions import own_version
from graasp.settings import Settings
from graasp.storage import FileStorage, Stored, open_storage
from graasp.storage.local import LocalStorage
from tests.command_line import Ended, run_graasp
from tests.db.databases import execute, new_database, query, scalar
from tests.deployment.compose_project import Project
from tests.worker.workers import environment

_PEOPLE = "insert into account (id, name, email) select gen_random_uuid(), 'Ada', n || '@example.org' from generate_series(1, {}) n"

Content = dict[str, tuple[bytes, str, dict[str, str]]]

CONTENT: Content = {
    "files/ab/cd/ef-1.txt": (b"text", "text/plain", {"member": "é"}),
    "files/ab/cd/empty": (b"", "application/octet-stream", {}),
    "files/ab/large": (os.urandom(3 * 1024 * 1024), "video/mp4", {}),
    "thumbnails/1/small": (b"picture", "image/webp", {}),
    "h5p-content/1/content/h5p é.json": (b"{}", "application/json", {}),
    "somewhere/else": (b"kept as well", "text/plain", {}),
}


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    with new_database(postgres_url) as url:
        migrate(url)
        execute(url, _PEOPLE.format(3))
        yield url


@pytest.fixture(params=["disk", "bucket", "packages apart"])
async def settings(
    request: pytest.FixtureRequest, make_settings: Callable[..., Settings], database: str, tmp_path: Path
) -> AsyncIterator[Settings]:
    """An installation with three people and the content."""
    kind = request.param
    given: Settings = request.getfixturevalue("s3_settings") if kind == "bucket" else make_settings()
    packages = {"h5p_file_storage_type": "local", "h5p_storage_root_path": tmp_path / "packages"}
    settings = given.model_copy(
        update={"db_connection": database, "app_version": "v1.2.3", **(packages if "apart" in kind else {})}
    )
    await _empty(settings)
    await _fill(settings, CONTENT)
    yield settings
    await _empty(settings)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar"


async def _fill(settings: Settings, content: Content) -> None:
    async with open_stored_files(settings) as stored:
        for key, (data, content_type, metadata) in content.items():
            await stored.storage_of(key).put(key, _stream(data), content_type=content_type, metadata=metadata)


async def _stored(settings: Settings) -> Content:
    """Every object, whatever it is."""
    found: Content = {}
    async with open_stored_files(settings) as stored:
        for storage in stored.storages:
            async for key in storage.list():
                described = await storage.describe(key)
                assert described is not None
                data = b"".join([chunk async for chunk in storage.open(key)])
                found[key] = (data, described.content_type, dict(described.metadata))
    return found


async def _empty(settings: Settings) -> None:
    async with open_stored_files(settings) as stored:
        for storage in stored.storages:
            await storage.delete(*[key async for key in storage.list()])


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _saved(settings: Settings, archive: Path) -> Manifest:
    with archive.open("wb") as output:
        return await back_up(settings, output, _silent)


def _silent(_: str) -> None:
    pass


async def test_what_was_saved_comes_back(settings: Settings, database: str, archive: Path) -> None:
    manifest = await _saved(settings, archive)
    assert (manifest.version, manifest.files, manifest.rows["account"]) == ("v1.2.3", len(CONTENT), 3)
    assert manifest.file_bytes == sum(len(data) for data, *_ in CONTENT.values())
    execute(database, "delete from account")
    await _fill(
        settings,
        {
            "files/ab/cd/ef-1.txt": (b"overwritten", "text/html", {}),
            "thumbnails/1/small": (b"picturf", "image/webp", {}),
            "files/new": (b"made later", "text/plain", {}),
        },
    )
    async with open_storage(settings) as storage:
        await storage.delete("files/ab/large")

    await restore(settings, open_archive(archive), _silent)

    assert scalar(database, "select count(*) from account") == 3
    assert await _stored(settings) == CONTENT


async def test_an_empty_installation_is_filled(settings: Settings, database: str, archive: Path) -> None:
    await _saved(settings, archive)
    await _empty(settings)
    execute(database, "drop schema public cascade; create schema public")
    await restore(settings, open_archive(archive), _silent)
    assert scalar(database, "select count(*) from account") == 3
    assert await _stored(settings) == CONTENT


async def test_what_fails_at_the_end_has_changed_nothing(
    settings: Settings, database: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _saved(settings, archive)
    execute(database, _PEOPLE.format(1).replace("@example.org", "@later.example.org"))
    later: Content = {
        **CONTENT,
        "files/ab/cd/ef-1.txt": (b"changed", "text/html", {"member": "b"}),
        "files/new": (b"made later", "text/plain", {}),
    }
    del later["files/ab/large"]
    await _empty(settings)
    await _fill(settings, later)

    def refuse(_: object) -> None:
        raise StepFailed("somebody came in between")

    monkeypatch.setattr(dumps, "swap", refuse)
    with pytest.raises(StepFailed, match="came in between"):
        await restore(settings, open_archive(archive), _silent)

    assert scalar(database, "select count(*) from account") == 4
    assert await _stored(settings) == later
    assert _databases(database) == {database.rpartition("/")[2]}


async def test_what_an_interrupted_restore_has_changed_is_put_back_by_the_next(
    settings: Settings, database: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _saved(settings, archive)
    await _fill(settings, {"files/ab/cd/ef-1.txt": (b"changed", "text/html", {})})

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    async def not_undone(*_: object) -> None:
        """As after kill -9."""

    with monkeypatch.context() as patched:
        patched.setattr(dumps, "swap", die)
        patched.setattr("graasp.deployment.backup.restoring._undo", not_undone)
        with pytest.raises(SystemExit):
            await restore(settings, open_archive(archive), _silent)
    assert "before-restore/files/ab/cd/ef-1.txt" in await _stored(settings)
    with monkeypatch.context() as patched:
        patched.setattr(dumps, "restore_beside", die)
        with pytest.raises(SystemExit):
            await restore(settings, open_archive(archive), _silent)
    stored = await _stored(settings)
    assert stored["files/ab/cd/ef-1.txt"] == (b"changed", "text/html", {})
    assert not [key for key in stored if key.startswith("before-restore")]
    assert _databases(database) == {database.rpartition("/")[2]}


async def test_an_interruption_after_the_decision_is_ended_by_the_next(
    settings: Settings, database: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _saved(settings, archive)
    await _fill(settings, {"files/ab/cd/ef-1.txt": (b"changed", "text/html", {})})

    async def die(_: object) -> int:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("graasp.deployment.backup.stored_files.Replacement.finish", die)
        with pytest.raises(SystemExit):
            await restore(settings, open_archive(archive), _silent)
    execute(database, "delete from account where email like '1@%'")
    await restore(settings, open_archive(archive), _silent)
    assert scalar(database, "select count(*) from account") == 3
    assert await _stored(settings) == CONTENT
    assert _databases(database) == {database.rpartition("/")[2]}


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
async def test_no_byte_of_an_archive_may_change(settings: Settings, archive: Path) -> None:
    await _saved(settings, archive)
    whole = bytearray(archive.read_bytes())
    end = whole.rindex(b"checksum\0")
    for position in range(0, end, end // 40):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        archive.write_bytes(damaged)
        with pytest.raises(UnusableArchive):
            open_archive(archive)
    for kept in (0, 100, end // 2, end):
        archive.write_bytes(whole[:kept])
        with pytest.raises(UnusableArchive):
            open_archive(archive)
    archive.write_bytes(whole)
    assert open_archive(archive).manifest.files == len(CONTENT)


@pytest.mark.parametrize("name", ["files/../../etc/passwd", "files//etc/passwd", "elsewhere", "files/"])
def test_a_hostile_archive_is_none(archive: Path, name: str) -> None:
    with archive.open("wb") as output:
        writer = ArchiveWriter(output)
        writer.add_dump(4, io.BytesIO(b"dump"))
        writer._add(name, 1, io.BytesIO(b"x"), {"GRAASP.content-type": "text/plain", "GRAASP.metadata": "{}"})
        writer.finish(_manifest(files=1, file_bytes=1))
    with pytest.raises(UnusableArchive, match="none of its parts"):
        open_archive(archive)


def test_links_in_an_archive_are_refused(archive: Path) -> None:
    with tarfile.open(archive, "w") as tar:
        link = tarfile.TarInfo("database.dump")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(UnusableArchive, match="no ordinary file"):
        open_archive(archive)


def test_archives_of_later_versions_are_told(archive: Path) -> None:
    with archive.open("wb") as output:
        writer = ArchiveWriter(output)
        writer.add_dump(4, io.BytesIO(b"dump"))
        writer.finish(_manifest(format=2))
    with pytest.raises(UnusableArchive, match=r"a version that this one does not know: v9\.9\.9"):
        open_archive(archive)


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_revision": "9999"}, r"of version v9\.9\.9, whose schema this version does not know"),
        ({"postgres": 99}, "is of PostgreSQL 99, the server is"),
    ],
)
async def test_what_does_not_fit_is_refused(settings: Settings, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DoesNotFit, match=reason):
        await restore(settings, Archive(Path("nowhere"), _manifest(**changes)), _silent)


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
async def test_a_running_installation_is_left_alone(
    settings: Settings, database: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps, "_LEAVES_WITHIN_S", 0.0)
    await _saved(settings, archive)
    with psycopg.connect(database, application_name="graasp"), pytest.raises(dumps.InUse, match="by graasp"):
        await restore(settings, open_archive(archive), _silent)


@pytest.mark.parametrize("settings", ["disk", "bucket"], indirect=True)
async def test_files_that_vanish_meanwhile_are_counted(
    settings: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_storage(settings) as storage:
        kind = type(storage)
        describe = kind.describe

        async def deleted_first(self: FileStorage, key: str) -> Stored | None:
            if key == "files/ab/large":
                await self.delete(key)
            return await describe(self, key)  # type: ignore[arg-type]

        monkeypatch.setattr(kind, "describe", deleted_first)
    manifest = await _saved(settings, archive)
    assert (manifest.files, manifest.vanished) == (len(CONTENT) - 1, 1)
    assert "files/ab/large" not in {key for key, *_ in open_archive(archive).files()}


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
async def test_the_database_is_saved_as_it_was_before_the_first_file(
    settings: Settings, database: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = LocalStorage.list

    def somebody_comes(self: LocalStorage, prefix: str = "") -> AsyncIterator[str]:
        execute(database, "delete from account")
        return listed(self, prefix)

    monkeypatch.setattr(LocalStorage, "list", somebody_comes)
    await _saved(settings, archive)
    monkeypatch.undo()
    assert query(database, "select * from account") == []
    await restore(settings, open_archive(archive), _silent)
    assert scalar(database, "select count(*) from account") == 3


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
async def test_the_commands_save_and_restore(settings: Settings, database: str, tmp_path: Path) -> None:
    variables = {**environment(settings), "DB_CONNECTION": database}

    async def run(command: str, file: str, *options: str, **others: str) -> Ended:
        return await run_graasp(
            tmp_path, command, file, "--target", "variables", *options, **variables | others
        )

    saved = await run("backup", "a.tar")
    assert saved.code == 0, saved.errors
    assert "3 accounts, 0 items, 6 files" in saved.output
    assert (tmp_path / "a.tar").stat().st_mode & 0o777 == 0o600
    assert (await run("backup", "a.tar")).code == 2
    execute(database, "delete from account")

    unconfirmed = await run("restore", "a.tar")
    assert unconfirmed.code == 1
    assert scalar(database, "select count(*) from account") == 0

    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "damaged.tar").write_bytes(whole[: len(whole) // 2])
    damaged = await run("restore", "damaged.tar", "--yes")
    assert (damaged.code, scalar(database, "select count(*) from account")) == (3, 0)

    with psycopg.connect(database, application_name="graasp"):
        in_use = await run("restore", "a.tar", "--yes")
    assert in_use.code == 4
    assert "Stop what runs" in in_use.errors

    restored = await run("restore", "a.tar", "--yes")
    assert (restored.code, restored.output) == (0, "restored\n"), restored.errors
    assert scalar(database, "select count(*) from account") == 3
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []

    nowhere = await run("backup", "b.tar", DB_CONNECTION="postgresql://u:hidden@127.0.0.1:1/x")
    assert (nowhere.code, "hidden" in nowhere.errors, (tmp_path / "b.tar").exists()) == (1, False, False)


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
async def test_an_installation_in_containers_is_saved_and_restored_inside_of_one(
    settings: Settings, database: str, project: Project
) -> None:
    variables = {**environment(settings), "DB_CONNECTION": database}
    project.plan(environment=variables)

    async def run(command: str, *options: str) -> Ended:
        return await run_graasp(
            project.folder, command, "a.tar", "--target", "compose", *options, **project.variables
        )

    saved = await run("backup")
    assert saved.code == 0, saved.errors
    assert "3 accounts, 0 items, 6 files" in saved.output
    [call] = project.calls("run", "backup")
    assert call[-6:] == ["core", "graasp", "backup", "-", "--target", "variables"]
    execute(database, "delete from account")
    with psycopg.connect(database, application_name="graasp"):
        in_use = await run("restore", "--yes")
    assert (in_use.code, "in use, by graasp" in in_use.errors) == (4, True)
    restored = await run("restore", "--yes")
    assert restored.code == 0, restored.errors
    assert scalar(database, "select count(*) from account") == 3
    # What is damaged does not even get there.
    whole = (project.folder / "a.tar").read_bytes()
    (project.folder / "a.tar").write_bytes(whole[:-1000000])
    project.forget_calls()
    assert (await run("restore", "--yes")).code == 3
    assert project.calls() == []


async def test_an_installation_of_graasp_up_is_saved_and_restored_while_it_does_not_run(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "data"
    with embedded_postgres(data / "postgres", durable=False) as url:
        migrate(url)
        execute(url, _PEOPLE.format(2))
    (data / "files" / "files").mkdir(parents=True)
    (data / "files" / "files" / "a.txt").write_text("text")
    # Of a `graasp up` that was killed, or has stopped its database.
    (data / "environment").write_text(f"DB_CONNECTION='{url}'\n")

    saved = await run_graasp(tmp_path, "backup", "a.tar", "--data", data)
    assert saved.code == 0, saved.errors
    assert "2 accounts, 0 items, 1 files" in saved.output
    (data / "files" / "files" / "a.txt").unlink()
    restored = await run_graasp(tmp_path, "restore", "a.tar", "--yes", "--data", data)
    assert restored.code == 0, restored.errors
    assert (data / "files" / "files" / "a.txt").read_text() == "text"

    unconfirmed = await run_graasp(tmp_path, "restore", "a.tar", "--data", data)
    assert f"all stored files of `graasp up` in {data}" in unconfirmed.output

    (tmp_path / "empty").mkdir()
    for folder, reason in (("none", "There is no installation in"), ("empty", "There is no database in")):
        nowhere = await run_graasp(tmp_path, "backup", "b.tar", "--data", tmp_path / folder)
        assert nowhere.code == 2
        assert reason in nowhere.errors


@pytest.mark.parametrize("settings", ["disk"], indirect=True)
async def test_where_graasp_up_uses_a_database_of_ones_own_that_one_is_saved(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    (tmp_path / ".graasp").mkdir()
    variables = {**environment(settings), "DB_CONNECTION": database, "NODE_ENV": "development"}
    saved = await run_graasp(tmp_path, "backup", "a.tar", **variables)
    assert saved.code == 0, saved.errors
    assert f"version {own_version()}, 3 accounts, 0 items, 6 files" in saved.output


async def test_what_the_cloud_saves_itself_is_not_offered(tmp_path: Path) -> None:
    for command in ("backup", "restore"):
        refused = await run_graasp(tmp_path, command, "a.tar", "--target", "ecs")
        assert refused.code == 2
        assert "'ecs' is not one of 'embedded', 'compose'" in refused.errors
        assert "graasp state restore" in (await run_graasp(tmp_path, command, "--help")).output


def _databases(url: str) -> set[object]:
    name = url.rpartition("/")[2]
    return {row[0] for row in query(url, f"select datname from pg_database where datname like '{name}%'")}


def _manifest(**changes: Any) -> Manifest:
    fields = {
        "made_at": "2026-01-01T00:00:00Z",
        "version": "v9.9.9",
        "schema_revision": None,
        "postgres": 1,
        "pg_dump": 1,
        "rows": {},
        "files": 0,
        "file_bytes": 0,
    }
    return Manifest.model_validate(fields | changes)
