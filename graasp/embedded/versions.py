"""Which version of the product `graasp up` runs: the code it is part of, or one that was released beside the data.

A released version is taken from the git repository that this code lies in, and has an environment of its own.
"""

import os
import re
import shutil
import subprocess
import tarfile
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import NamedTuple

import graasp
from graasp.deployment.driver import Report, StepFailed
from graasp.embedded.side_by_side import own_programs

_REPOSITORY = Path(graasp.__file__).parents[1]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_COMMIT_DIGITS = 12


class _Deployed(NamedTuple):
    version: str
    commit: str


class Versions:
    """`folder`: where they are kept, one folder for each commit, and the file that names the deployed one."""

    def __init__(self, folder: Path, repository: Path = _REPOSITORY) -> None:
        self._folder = folder
        self._repository = repository
        self._file = folder / "deployed"

    @property
    def current(self) -> str:
        """What is started next."""
        deployed = self._deployed
        return deployed.version if deployed else own_version()

    @property
    def is_own(self) -> bool:
        """Whether that is the code which `graasp up` itself runs."""
        return self._deployed is None

    @property
    def programs(self) -> Path:
        """The folder with `graasp` and `python`."""
        deployed = self._deployed
        return own_programs() if deployed is None else self._folder / deployed.commit / ".venv" / "bin"

    def exact(self, version: str) -> str:
        """A branch is told with its commit, `main-g0123456789ab`: tomorrow it is another one. Raises StepFailed."""
        if version == own_version():
            return version
        commit = self._commit(version)
        is_tag = not self._git("show-ref", "--verify", "--quiet", f"refs/tags/{version}").returncode
        if is_tag or commit.startswith(version[:_COMMIT_DIGITS]) or version.endswith(f"-g{commit}"):
            return version
        # As `git describe` writes it, and git reads it.
        return f"{version}-g{commit}"

    def deploy(self, version: str, report: Report) -> None:
        """Have the version started next; installs it when it is not there. Raises StepFailed."""
        if version == own_version():
            self._file.unlink(missing_ok=True)
            report(f"{version} is the code in {self._repository}")
            return
        commit = self._commit(version)
        self._install(commit, report)
        unfinished = self._file.with_suffix(".unfinished")
        unfinished.write_text(f"{version} {commit}\n")
        unfinished.rename(self._file)
        report(f"{version} is commit {commit}")

    def make_ready(self, report: Report) -> None:
        """Install the deployed version again where its folder was moved or removed. Raises StepFailed."""
        if (deployed := self._deployed) is None:
            return
        try:
            self._install(deployed.commit, report)
        except StepFailed as error:
            raise StepFailed(
                f"{deployed.version}, which was released here: {error}\nWithout the file {self._file} the code in the "
                "folder itself is run."
            ) from error

    @property
    def _deployed(self) -> _Deployed | None:
        if not self._file.exists():
            return None
        version, commit = self._file.read_text().split()
        return _Deployed(version, commit)

    def _commit(self, version: str) -> str:
        if not _NAME.fullmatch(version):
            raise StepFailed(
                f"“{version}” is not the name of a version. Name a tag, a branch, or a commit by its digits."
            )
        found = self._git("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}")
        commit = found.stdout.decode().strip()
        if found.returncode or not commit:
            raise StepFailed(
                f"The git repository at {self._repository} has no version {version}: fetch it, or name a tag, a branch "
                f"or a commit of it. {own_version()} is the code there as it is."
            )
        return commit[:_COMMIT_DIGITS]

    def _install(self, commit: str, report: Report) -> None:
        folder = self._folder / commit
        done = folder / ".venv" / "installed"
        # What is in it names its folder.
        if done.exists() and done.read_text() == str(folder):
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        self._unpack(commit, folder)
        report(f"installing what {commit} needs")
        installing = subprocess.run(
            ["sh", "requirements/install.sh", "run"],  # noqa: S607 - whichever comes first, as in a shell
            cwd=folder,
            env=os.environ | {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(self._cache)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if installing.returncode:
            raise StepFailed(f"{commit} could not be installed:\n{installing.stdout.strip()}")
        done.write_text(str(folder))

    def _unpack(self, commit: str, folder: Path) -> None:
        archive = folder / "source.tar"
        made = self._git("archive", "--format=tar", f"--output={archive}", commit)
        if made.returncode:
            raise StepFailed(f"{commit} could not be unpacked: {made.stderr.decode().strip()}")
        with tarfile.open(archive) as source:
            source.extractall(folder, filter="data")
        archive.unlink()

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", "-C", str(self._repository), *arguments],  # noqa: S607 - as above
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise StepFailed(f"Released versions come from git, which does not run: {error}.") from error

    @property
    def _cache(self) -> Path:
        """What this code's own packages were taken from."""
        return self._repository / ".venv" / "cache"


def own_version() -> str:
    """Of the code that runs this, as it is in its folder: a name that no tag, branch or commit can be taken for."""
    return f"v{installed_version('graasp-core')}+folder"
