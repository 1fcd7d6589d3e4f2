"""No secret is written out, none gets into Terraform's state, and each task reads only its own."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.synthesised import Synthesised, referred_to

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

# Arguments with which secrets would get into the state.
_KEPT = {
    "password",
    "auth_token",
    "secret_string",
    "secret_binary",
    "master_password",
    "passwords",
    "value_wo",
}
_SECRET_NAMES = re.compile(
    r"SECRET|PASSWORD|_KEY\b|_KEY_ID|TOKEN|COOKIE$|_PASS$|CONNECTION$|DATABASE_URL|DSN"
)


def _arguments(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _arguments(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _arguments(inner)


def test_no_argument_keeps_a_secret_in_the_state(running: Synthesised) -> None:
    for kind, name, resource in running.resources():
        assert not _KEPT & {key for key, _ in _arguments(resource)}, f"{kind}.{name}"


def test_secrets_are_made_while_applying_or_are_variables(running: Synthesised) -> None:
    written = running.all("aws_secretsmanager_secret_version")
    assert written
    for name, version in written.items():
        values = re.findall(r'"(\w+)" = (.+?)(?=, "\w+" = |\}\)\}$)', version["secret_string_wo"])
        assert values, name
        for key, value in values:
            assert "ephemeral.aws_secretsmanager_random_password." in value or value.startswith(
                "var.maintenance_header_"
            ), (name, key)
    for password in running.document["ephemeral"]["aws_secretsmanager_random_password"].values():
        assert password["password_length"] >= 48
    for kind in ("aws_db_instance", "aws_elasticache_replication_group"):
        given = {key: value for key, value in running.only(kind).items() if key.endswith("_wo")}
        assert all(value.startswith("${ephemeral.") for value in given.values())
        assert given


def test_variables_with_secrets_are_sensitive_and_have_no_default(running: Synthesised) -> None:
    variables = running.document["variable"]
    assert all("default" not in variable for variable in variables.values())
    assert {name for name, variable in variables.items() if variable.get("sensitive")} == {
        "maintenance_header_name",
        "maintenance_header_secret",
    }


def test_the_header_is_not_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from infra.__main__ import main

    monkeypatch.setenv("MAINTENANCE_HEADER_NAME", "x-name-of-the-header")
    monkeypatch.setenv("MAINTENANCE_HEADER_SECRET", "what-the-header-says")
    assert main(["synth", "--environment", "dev", "--state", "restricted", "--output", str(tmp_path)]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert {path.name for path in folder.iterdir()} == {"cdk.tf.json"}
    for path in tmp_path.rglob("*.json"):
        assert "x-name-of-the-header" not in path.read_text()
        assert "what-the-header-says" not in path.read_text()


def test_tasks_get_secrets_by_reference(running: Synthesised) -> None:
    for family in running.families:
        for container in running.containers(family).values():
            plain = {variable["name"] for variable in container["environment"]}
            assert not {name for name in plain if _SECRET_NAMES.search(name)}, family
            for secret in container["secrets"]:
                reference, key, *rest = secret["valueFrom"].split(":")
                assert reference.startswith("${aws_secretsmanager_secret.")
                assert (bool(key), rest) == (True, ["", ""])


def test_each_family_reads_its_own_secrets_and_no_others(running: Synthesised) -> None:
    policies = running.all("aws_iam_role_policy")
    for family in running.families:
        needed = {
            secret["valueFrom"].partition(":")[0]
            for container in running.containers(family).values()
            for secret in container["secrets"]
        }
        policy = json.loads(policies[f"{family}_execution_permissions"]["policy"])
        allowed = {
            resource
            for statement in policy["Statement"]
            if statement["Action"] == ["secretsmanager:GetSecretValue"]
            for resource in statement["Resource"]
        }
        assert allowed == needed, family
    # The migration knows the database, and nothing else.
    [secret] = running.containers("migrate")["migrate"]["secrets"]
    assert secret["name"] == "DB_CONNECTION"


def test_what_is_filled_in_by_hand_is_told_and_is_what_tasks_ask_for(running: Synthesised) -> None:
    told = running.document["output"]["secrets_to_fill_in"]["value"]
    by_hand = {
        name: secret["name"]
        for name, secret in running.all("aws_secretsmanager_secret").items()
        if "filled-in" in secret["name"]
    }
    assert set(told) == set(by_hand.values())
    written = {
        referred_to(version["secret_id"])
        for version in running.all("aws_secretsmanager_secret_version").values()
    }
    assert written == set(running.all("aws_secretsmanager_secret")) - set(by_hand)
    for family in running.families:
        for container in running.containers(family).values():
            for secret in container["secrets"]:
                reference, key, *_ = secret["valueFrom"].split(":")
                name = referred_to(reference)
                if name in by_hand:
                    assert key in told[by_hand[name]]


def test_roles_may_not_do_everything_with_anything(running: Synthesised) -> None:
    readers = re.compile(r"^\w+:(Describe|List)|^ecr:GetAuthorizationToken$|^ssmmessages:")
    for name, policy in running.all("aws_iam_role_policy").items():
        for statement in json.loads(policy["policy"])["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action], name
            if "*" in statement["Resource"]:
                assert all(readers.search(action) for action in statement["Action"]), name


def test_the_state_of_terraform_is_encrypted_and_locked(running: Synthesised) -> None:
    backend = running.document["terraform"]["backend"]["s3"]
    assert backend == {
        "bucket": "graasp-terraform-state",
        "key": f"graasp-{running.environment}.tfstate",
        "region": "eu-central-2",
        "encrypt": True,
        "use_lockfile": True,
    }
    [version] = [each["version"] for each in running.document["terraform"]["required_providers"].values()]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
