"""What the tests of this folder run against."""

from pathlib import Path

import pytest

from tests.deployment.compose_project import Project, make_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The repository's compose project, in a folder of its own, with a `docker` that stands in for the real one."""
    made = make_project(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made
