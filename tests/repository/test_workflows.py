"""The workflows do what the pages say, with commands that exist, no stored secret, and nothing that moves."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from graasp.deployment.states import State
from infra.environments import ENVIRONMENTS
from tests.repository.commands import parse

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
PAGE = (ROOT / "docs" / "operations" / "pipelines.md").read_text()
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_GIVEN = {"$STATE": "running", "$state": "running", "$VERSION": "v1.2.3", "$ENVIRONMENT": "dev"}


def _read(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as a truth.
    document: dict[Any, Any] = yaml.safe_load((GITHUB / "workflows" / f"{name}.yml").read_text())
    return {"on" if key is True else key: value for key, value in document.items()}


def _commands(file: Path) -> Iterator[str]:
    for line in re.findall(r"(graasp (?:state|release|migrate)\b[^\n|)]*)", file.read_text()):
        if "`" not in line:
            for variable, value in _GIVEN.items():
                line = line.replace(variable, value)
            yield line


def _script(file: Path, step: str, job: str = "") -> str:
    """What a step with this id, or the only one of an action, runs."""
    document = yaml.safe_load(file.read_text())
    steps = document["jobs"][job]["steps"] if job else document["runs"]["steps"]
    return next(one["run"] for one in steps if one.get("id", "") == step)


@pytest.mark.parametrize("line", sorted({line for file in WORKFLOWS for line in _commands(file)}))
def test_every_command_of_the_workflows_is_understood(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_actions_of_others_are_named_by_commit_and_version(file: Path) -> None:
    for used in re.findall(r"uses: (.+)", file.read_text()):
        assert used.startswith("./.github/") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)


def test_one_version_of_an_action_is_one_commit() -> None:
    used = {
        use for file in (*WORKFLOWS, *ACTIONS) for use in re.findall(r"uses: (\S+@\S+)", file.read_text())
    }
    assert len({use.partition("@")[0] for use in used}) == len(used)


def test_no_key_is_stored_and_the_maintenance_header_is_seen_where_main_is_applied_only() -> None:
    seen = {
        (file.name, name)
        for file in (*WORKFLOWS, *ACTIONS)
        for name in re.findall(r"secrets\.(\w+)", file.read_text())
    }
    header = ("MAINTENANCE_HEADER_NAME", "MAINTENANCE_HEADER_SECRET")
    assert seen == {("infra-apply.yml", name) for name in header}


def test_every_variable_and_every_environment_is_explained() -> None:
    text = "".join(file.read_text() for file in WORKFLOWS)
    for variable in set(re.findall(r"\bvars\.([A-Z_]+)", text)):
        assert f"`{variable}`" in PAGE, variable
    for kind in set(re.findall(r"environment: \$\{\{ [\w.]+ \}\}(-[\w-]+)", text)):
        assert f"`dev{kind}`" in PAGE, kind
    for file in WORKFLOWS:
        assert f"`{file.name}`" in PAGE, file.name


@pytest.mark.parametrize("name", ["state", "migrate", "release", "stop", "infra-apply"])
def test_an_environment_is_changed_by_one_run_at_a_time(name: str) -> None:
    workflow = _read(name)
    groups = [workflow.get("concurrency"), *(job.get("concurrency") for job in workflow["jobs"].values())]
    named = [group for group in groups if group]
    assert named
    assert all(group["group"].startswith("environment-${{") for group in named)
    assert not any(group["cancel-in-progress"] for group in named)


def test_the_states_to_choose_from_are_those_that_exist() -> None:
    assert _read("state")["on"]["workflow_dispatch"]["inputs"]["state"]["options"] == list(State)


@pytest.mark.parametrize("name", ["state", "migrate", "release", "stop", "infra-apply"])
def test_the_environments_to_choose_from_are_those_of_the_cloud_stack(name: str) -> None:
    inputs = _read(name)["on"]["workflow_dispatch"]["inputs"]
    assert sorted(inputs["environment"]["options"]) == sorted(ENVIRONMENTS)


@pytest.mark.parametrize(("name", "job"), [("clean-up", "images"), ("infra-plan", "plan")])
def test_what_is_done_to_every_environment_is_done_to_those_that_the_repository_names(
    name: str, job: str
) -> None:
    given = _read(name)["jobs"][job]["strategy"]["matrix"]["environment"]
    [default] = re.findall(r"^\$\{\{ fromJSON\(vars\.ENVIRONMENTS \|\| '(.+)'\) \}\}$", given)
    assert set(json.loads(default)) < set(ENVIRONMENTS)
    assert set(json.loads(re.findall(r"says as JSON.*?`(\[.+?\])`", PAGE, re.DOTALL)[0])) == set(ENVIRONMENTS)


def test_what_is_scheduled() -> None:
    assert [one["cron"] for one in _read("stop")["on"]["schedule"]] == ["30 16 * * 1-5"]
    assert [one["cron"] for one in _read("clean-up")["on"]["schedule"]] == ["58 1 * * 1"]


def test_the_images_are_the_targets_of_the_dockerfile() -> None:
    matrix = _read("images")["jobs"]["build"]["strategy"]["matrix"]["include"]
    stages = re.findall(r"^FROM base AS (\w+)$", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert sorted(one["target"] for one in matrix) == sorted(stages)
    assert [one["image"] for one in matrix] == ["core", "workers", "migrate"]


@pytest.mark.parametrize(
    ("given", "version", "moving"),
    [
        ({"VERSION": "v1.2.3", "MOVING": "nightly"}, r"v1\.2\.3", "latest"),
        ({"VERSION": "", "MOVING": "nightly"}, r"nightly-\d{8}-0123456", "nightly"),
        ({"VERSION": "", "MOVING": "latest"}, r"latest-\d{8}-0123456", "latest"),
        ({"VERSION": "v1; reboot", "MOVING": "nightly"}, None, ""),
    ],
)
def test_how_images_are_tagged(
    given: dict[str, str], version: str | None, moving: str, tmp_path: Path
) -> None:
    script = _script(GITHUB / "workflows" / "images.yml", "version", "version")
    output = tmp_path / "output"
    variables = {"GITHUB_SHA": "0123456789abcdef", "GITHUB_OUTPUT": str(output), "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=variables | given, check=False)
    if version is None:
        assert done.returncode != 0
        return
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert re.fullmatch(version, told["version"])
    assert told["moving"] == moving
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", told["built-at"])


@pytest.mark.parametrize(
    ("environment", "version", "is_allowed"),
    [
        ("prod", "v1.2.3", True),
        ("dev", "nightly-20261125-0123456", True),
        ("prod", "nightly-20261125-0123456", False),
        ("prod", "latest", False),
        ("dev", "v1.2.3 --target embedded", False),
    ],
)
def test_what_may_be_released_where(environment: str, version: str, is_allowed: bool) -> None:
    [check] = re.findall(r"^ +(\[\[ \$VERSION .*\]\])$", _text("release"), re.MULTILINE)
    given = {"ENVIRONMENT": environment, "VERSION": version}
    done = subprocess.run(["bash", "-ec", check], env=given, check=False)
    assert (done.returncode == 0) == is_allowed


def _text(name: str) -> str:
    return (GITHUB / "workflows" / f"{name}.yml").read_text()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_a_role_is_assumed_without_telling_its_keys(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "curl").write_text('#!/bin/sh\necho \'{"value": "a-token"}\'\n')
    (programs / "aws").write_text(
        f'#!/bin/sh\necho "$AWS_REGION $*" > {tmp_path}/asked\nprintf "KEY\\tSECRET\\tSESSION\\n"\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    variables = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://tokens.invalid/?a=b",
        "GITHUB_RUN_ID": "17",
        "ROLE": "arn:aws:iam::111122223333:role/reader",
        "REGION": "eu-central-1",
        "SECONDS_LONG": "3600",
    }
    script = _script(GITHUB / "actions" / "assume-role" / "action.yml", "")
    told = subprocess.check_output(["bash", "-eo", "pipefail", "-c", script], env=variables, text=True)
    assert set(told.splitlines()) == {
        f"::add-mask::{value}" for value in ("a-token", "KEY", "SECRET", "SESSION")
    }
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("eu-central-1 sts assume-role-with-web-identity")
    assert "--role-arn arn:aws:iam::111122223333:role/reader --role-session-name github-17" in asked
    kept = tmp_path / ".aws" / "credentials"
    assert kept.stat().st_mode & 0o077 == 0
    session = boto3.Session(**_read_profile(tmp_path))
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == ("KEY", "SECRET", "SESSION")


def _read_profile(home: Path) -> dict[str, str]:
    lines = (home / ".aws" / "credentials").read_text().splitlines()[1:]
    return dict(line.split(" = ", 1) for line in lines)


def test_old_images_are_deleted_and_releases_are_not(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    client = boto3.client("ecr")
    client.create_repository(repositoryName="graasp")
    for tag in ("core-v1.2.3", "core-nightly-20261001-0123456", "core-nightly", ""):
        layer = {"digest": f"sha256:{os.urandom(32).hex()}", "size": 1, "mediaType": MANIFEST}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layer, "layers": [layer]}
        tagged = {"imageTag": tag} if tag else {}
        client.put_image(repositoryName="graasp", imageManifest=json.dumps(manifest), **tagged)
    script = _load(GITHUB / "delete_old_images.py")

    script.main("graasp")
    assert _tags(client) == {"core-v1.2.3", "core-nightly-20261001-0123456", "core-nightly"}
    monkeypatch.setattr(script, "_KEPT", timedelta(seconds=-60))
    script.main("graasp")
    assert _tags(client) == {"core-v1.2.3", "core-nightly"}
    assert "kept" not in capsys.readouterr().out


def _load(file: Path) -> Any:
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tags(client: Any) -> set[str]:
    images = client.describe_images(repositoryName="graasp")["imageDetails"]
    return {tag for image in images for tag in image.get("imageTags", [None])}
