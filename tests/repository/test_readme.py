"""What the pages tell a reader to type works."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import httpx
import pytest
import yaml

from graasp.cli import COMMANDS
from graasp.embedded.process import free_port
from graasp.settings import Settings
from tests.deployment.compose_project import make_project
from tests.repository.commands import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_PATIENCE_S = 90.0
_OURS = {name.upper() for name in Settings.model_fields}


def _blocks(page: Path) -> list[str]:
    """What stands between the fences of shell scripts, also of those in lists."""
    found = re.findall(r"^( *)```sh\n(.*?)^\1```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [dedent(script) for _, script in found]


def _commands(name: str) -> list[str]:
    """Every command line of the pages that begins so, in blocks and in sentences."""
    found = []
    for page in PAGES:
        sentences = re.sub(r"\s+", " ", page.read_text())
        lines = re.findall(rf"`(?:\w+=\S+ )*(?:\.venv/bin/)?({name} [^`#|]+?)`", sentences)
        lines += [
            line
            for block in _blocks(page)
            for line in re.findall(rf"^(?:cd \S+ && )?(?:\.venv/bin/)?({name} [^#\n]+)", block, re.MULTILINE)
        ]
        found += [line.strip() for line in lines]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone after its first `make run`."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    """What `make run` starts, running there."""
    recipe = re.search(
        r"^run: .*\n\t@exec \$\(BIN\)/(.+?) \$\(ARGS\)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert recipe
    url = f"http://localhost:{free_port()}"
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [folder / ".venv" / "bin" / "graasp", *recipe[1].split()[1:]],
            cwd=folder,
            env=environment | {"PORT": url.rpartition(":")[2]},
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + _PATIENCE_S
    while "Stop with Ctrl-C" not in (told := (folder / "output").read_text()):
        assert process.poll() is None, told
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    yield url
    process.terminate()
    assert process.wait(60) == 0


def test_the_main_job_runs_as_the_readme_says_until_the_archive_is_open(folder: Path, base: str) -> None:
    [block] = [block for block in _blocks(ROOT / "README.md") if "actions/export" in block]
    script = block.replace("http://localhost:3000", base)
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "export-actions" in done.stdout
    mailbox = (folder / ".graasp" / "mailbox-url").read_text().strip()
    deadline = time.monotonic() + _PATIENCE_S
    while not (mails := httpx.get(f"{mailbox}api/mails?to=teacher1@example.org").json()["mails"]):
        assert time.monotonic() < deadline, (folder / "output").read_text()
        time.sleep(0.1)
    text = httpx.get(f"{mailbox}api/mails/{mails[0]['id']}").json()["text"]
    link = re.search(r"http\S+", text)
    assert link
    archive = httpx.get(link[0], follow_redirects=True)
    assert (archive.status_code, archive.content[:2]) == (200, b"PK")


def test_operating_works_as_the_readme_and_the_runbooks_say(folder: Path, base: str) -> None:
    [operating] = [block for block in _blocks(ROOT / "README.md") if "state show" in block]
    [restoring] = [
        block
        for block in _blocks(ROOT / "docs/operations/runbooks.md")
        if re.search("^graasp restore graasp.tar$", block, re.MULTILINE)
    ]
    # What is released would be installed first: tests/embedded does that.
    lines = [line for line in f"{operating}{restoring}".splitlines() if "graasp release" not in line]
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    assert len(lines) > 8
    for line in lines:
        script = f". .venv/bin/activate; echo y | {line}"
        done = subprocess.run(
            ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert httpx.get(f"{base}/health").status_code == 200


def test_what_development_says_of_a_running_stack_is_true(folder: Path, base: str) -> None:
    page = (ROOT / "docs" / "development.md").read_text()
    for path in re.findall(r"<http://localhost:3000(/\w*)>", page):
        assert httpx.get(f"{base}{path}", follow_redirects=True).status_code == 200, path
    [sourced] = re.findall(r'`(set -a; [^`]+); psql "\$DB_CONNECTION"`', page)
    shown = subprocess.check_output(["sh", "-euc", f"{sourced}; echo $DB_CONNECTION"], cwd=folder, text=True)
    assert shown.startswith("postgresql://graasp:")


@pytest.mark.parametrize("line", sorted({line for line in _commands("graasp") if line != "graasp --help"}))
def test_every_graasp_command_of_the_pages_is_understood(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_graasp_command_is_on_a_page(name: str) -> None:
    assert any(re.search(rf"\bgraasp {name}\b", page.read_text()) for page in PAGES)


def test_the_map_of_the_readme_has_every_folder_of_the_repository() -> None:
    listed = subprocess.check_output(["git", "ls-files", "--", "*/*"], cwd=ROOT, text=True)
    folders = {line.partition("/")[0] for line in listed.splitlines()}
    [table] = re.findall(
        r"^## The map\n\n(.*?)\n\n", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert folders == {named.partition("/")[0] for named in re.findall(r"`([\w.]+/[\w/]*)`", table)}


@pytest.mark.parametrize("line", sorted(set(_commands("docker compose"))))
def test_every_compose_command_of_the_pages_names_services_that_exist(line: str) -> None:
    _, _, action, *words = line.split()
    assert action in ("build", "exec", "logs", "pull", "restart", "run", "stop", "up")
    named = [word for word in words if not word.startswith("-")]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    # What follows the service is for its container.
    assert set(named[:1] if action in ("exec", "run") else named) <= services.keys()


@pytest.mark.parametrize("line", sorted(set(_commands("sh requirements/install.sh"))))
def test_what_the_pages_say_to_install_is_locked(line: str) -> None:
    assert (ROOT / "requirements" / f"{line.split()[2]}.txt").exists()


@pytest.mark.parametrize("module", sorted({line.split()[2] for line in _commands("python -m")}))
def test_every_python_program_of_the_pages_is_there(module: str) -> None:
    assert find_spec(module)


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page)], ids=lambda page: page.name)
def test_every_script_of_the_pages_is_one_that_a_shell_reads(page: Path) -> None:
    for script in _blocks(page):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("line", sorted({line.partition(" #")[0].strip() for line in _commands("make")}))
def test_every_make_command_of_the_pages_is_one(line: str) -> None:
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_first_start_of_the_containers_is_what_the_page_says(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    shutil.copy(ROOT / ".env.example", project.folder)
    making, starting = (
        next(block for block in _blocks(ROOT / "docs/operations/compose.md") if word in block)
        for word in ("token_hex", "docker compose up")
    )
    environment = {**os.environ, **project.variables}
    del environment["COMPOSE_PROFILES"]
    for script in (making, starting):
        subprocess.run(["sh", "-euc", script], cwd=project.folder, env=environment, check=True)
    assert project.running() == dict.fromkeys(
        ("core", "worker", "database", "redis", "gateway", "maintenance", "mailcatcher"), 1
    )
    assert project.calls("run", "migrate")
    made = {file.name: file.read_text().strip() for file in (project.folder / "secrets").iterdir()}
    wanted = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["secrets"]
    assert {one["file"] for one in wanted.values()} == {f"./secrets/{name}" for name in made}
    assert made.pop("db_connection").partition("@")[0] == f"postgresql://graasp:{made['postgres_password']}"
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in made.values())
    # Made again, they stay.
    subprocess.run(["sh", "-euc", making.partition("\n")[2]], cwd=project.folder, env=environment, check=True)
    assert (project.folder / "secrets" / "jwt_secret").read_text().strip() == made["jwt_secret"]
