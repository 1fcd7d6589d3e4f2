"""Versions that are released beside the data of `graasp up`."""

import subprocess
from pathlib import Path

import pytest

from graasp.deployment.driver import StepFailed
from graasp.embedded.side_by_side import own_programs
from graasp.embedded.versions import Versions, own_version

_INSTALLS = 'set -eu; mkdir -p .venv/bin; echo "installed $1" > .venv/bin/graasp; cat which\n'


def _git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Graasp", "-c", "user.email=graasp@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(repository), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One with a version v1, a version v2 after it, and a v3 that can't be installed."""
    folder = tmp_path / "repository"
    (folder / "requirements").mkdir(parents=True)
    _git(folder, "init", "--quiet")
    (folder / "requirements" / "install.sh").write_text(_INSTALLS)
    for version in ("v1", "v2"):
        (folder / "which").write_text(version)
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message", version)
        _git(folder, "tag", version)
    (folder / "which").unlink()
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "v3")
    _git(folder, "tag", "v3")
    return folder


@pytest.fixture
def versions(tmp_path: Path, repository: Path) -> Versions:
    return Versions(tmp_path / "data" / "versions", repository)


def _deploy(versions: Versions, version: str) -> list[str]:
    told: list[str] = []
    versions.deploy(version, told.append)
    return told


def test_until_one_is_released_the_code_itself_runs(versions: Versions) -> None:
    assert versions.is_own
    assert (versions.current, versions.programs) == (own_version(), own_programs())


def test_a_version_is_what_the_repository_has_by_that_name_with_programs_of_its_own(
    versions: Versions, repository: Path
) -> None:
    for version in ("v1", "v2", "v1"):
        _deploy(versions, version)
        assert (versions.current, versions.is_own) == (version, False)
        assert (versions.programs.parents[1] / "which").read_text() == version
        assert (versions.programs / "graasp").read_text() == "installed run\n"
    _deploy(versions, _git(repository, "rev-parse", "v2"))
    assert (versions.programs.parents[1] / "which").read_text() == "v2"


def test_a_name_that_moves_is_told_with_its_commit(versions: Versions, repository: Path) -> None:
    _git(repository, "branch", "next/week", "v1")
    commit = _git(repository, "rev-parse", "v1")
    name = versions.exact("next/week")
    assert name == f"next/week-g{commit[:12]}"
    _git(repository, "branch", "--force", "next/week", "v2")
    _deploy(versions, name)
    assert (versions.programs.parents[1] / "which").read_text() == "v1"
    for lasting in (name, "v1", commit, commit[:8], own_version()):
        assert versions.exact(lasting) == lasting
    with pytest.raises(StepFailed, match="has no version v9"):
        versions.exact("v9")


def test_it_is_installed_once(versions: Versions) -> None:
    assert any("installing" in line for line in _deploy(versions, "v1"))
    assert not any("installing" in line for line in _deploy(versions, "v1"))


def test_an_installation_that_was_interrupted_is_made_anew(versions: Versions) -> None:
    _deploy(versions, "v1")
    folder = versions.programs.parents[1]
    (folder / ".venv" / "installed").unlink()
    (folder / "leftover").touch()
    assert any("installing" in line for line in _deploy(versions, "v1"))
    assert not (folder / "leftover").exists()


def test_in_a_folder_that_was_moved_it_is_installed_again(
    versions: Versions, repository: Path, tmp_path: Path
) -> None:
    versions.make_ready(lambda line: None)
    assert versions.is_own
    _deploy(versions, "v1")
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = Versions(tmp_path / "moved" / "versions", repository)
    told: list[str] = []
    for _ in range(2):
        moved.make_ready(told.append)
    assert len(told) == 1
    assert (moved.programs / "graasp").read_text() == "installed run\n"
    assert moved.current == "v1"
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    lost = Versions(tmp_path / "elsewhere" / "versions", tmp_path)
    with pytest.raises(
        StepFailed, match=r"(?s)v1, which was released here.*the code in the folder itself is run"
    ):
        lost.make_ready(told.append)


def test_the_own_version_is_the_code_itself_again(versions: Versions) -> None:
    _deploy(versions, "v1")
    _deploy(versions, own_version())
    assert versions.is_own


def test_a_tag_of_the_same_release_is_not_taken_for_the_code_in_the_folder(
    versions: Versions, repository: Path
) -> None:
    tag = own_version().partition("+")[0]
    _git(repository, "tag", tag, "v1")
    _deploy(versions, tag)
    assert (versions.current, versions.is_own) == (tag, False)
    assert (versions.programs.parents[1] / "which").read_text() == "v1"


@pytest.mark.parametrize(
    ("version", "reason"),
    [("v9", "has no version v9"), ("--help", "not the name"), ("v1; ls", "not the name"), ("v3", "which")],
)
def test_what_can_not_be_had_changes_nothing(versions: Versions, version: str, reason: str) -> None:
    _deploy(versions, "v1")
    with pytest.raises(StepFailed, match=reason):
        _deploy(versions, version)
    assert versions.current == "v1"


def test_without_a_repository_the_own_version_is_all_there_is(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "versions", tmp_path)
    with pytest.raises(StepFailed, match="git repository"):
        _deploy(versions, "v1")
    _deploy(versions, own_version())
    assert versions.is_own
