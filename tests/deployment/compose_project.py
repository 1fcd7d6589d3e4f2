"""A compose project whose `docker` is a stand-in."""

import fcntl
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from graasp.deployment.compose import ComposeDriver
from graasp.deployment.targets import TargetOptions

ROOT = Path(__file__).resolve().parents[2]
_STAND_IN = "tests.deployment.docker_stand_in"


class Project:
    """The folder, and what happens there."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.variables = variables
        self._kept = folder / ".stand-in"

    @property
    def driver(self) -> ComposeDriver:
        return ComposeDriver.open(TargetOptions(project_directory=self.folder))

    def plan(self, **what: Any) -> None:
        """Have something go wrong, or be slow."""
        (self._kept / "plan.json").write_text(json.dumps(what))

    def choose(self, *lines: str) -> None:
        """What the operator has written to .env."""
        (self.folder / ".env").write_text("".join(f"{line}\n" for line in lines))

    def running(self) -> dict[str, int]:
        """How many containers of each service run."""
        counts: dict[str, int] = {}
        for one in self.containers():
            if one["State"] == "running":
                counts[one["Service"]] = counts.get(one["Service"], 0) + 1
        return counts

    def containers(self) -> list[dict[str, Any]]:
        with (self._kept / "state.json").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            file.seek(0)
            return list(json.loads(file.read() or '{"containers": {}}')["containers"].values())

    def images(self, service: str) -> list[str]:
        return sorted(one["Image"] for one in self.containers() if one["Service"] == service)

    def calls(self, *words: str) -> list[list[str]]:
        """The command lines with all of these words."""
        file = self._kept / "calls"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line for line in lines if set(words) <= set(line)]

    def forget_calls(self) -> None:
        (self._kept / "calls").unlink(missing_ok=True)

    def hold_migration(self) -> Path:
        """Migrations do not end while this file is there."""
        hold = self._kept / "hold"
        hold.touch()
        return hold


def make_project(folder: Path) -> Project:
    project, programs = folder / "project", folder / "programs"
    (project / ".stand-in").mkdir(parents=True)
    programs.mkdir()
    shutil.copy(ROOT / "docker-compose.yml", project)
    script = programs / "docker"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m {_STAND_IN} "$@"\n')
    script.chmod(0o755)
    return Project(
        project, {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COMPOSE_PROFILES": ""}
    )
