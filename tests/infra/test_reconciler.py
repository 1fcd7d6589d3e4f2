"""That the reconciler may do what it has to, with the real driver on an imitated AWS."""

import json
from pathlib import Path

import pytest

pytest.importorskip("moto", reason="the AWS of the other tests is not here: `make test` has it")

from graasp.deployment.states import State
from graasp.deployment.transitions import change_state, reconcile
from tests.deployment.aws_cloud import Cloud

POLICY = Path(__file__).resolve().parents[2] / "infra" / "reconciler_policy.json"


def test_stopping_a_database_that_started_by_itself_takes_what_its_policy_allows(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAINTENANCE_HEADER_NAME", "MAINTENANCE_HEADER_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    cloud = Cloud(s3_endpoint)
    change_state(cloud.driver(), State.STOPPED, operator="ana")
    cloud.become("available", "available")
    cloud.actions.clear()
    assert reconcile(cloud.driver(), operator="schedule", report=lambda _: None)
    assert cloud.database.status == "stopped"
    allowed = {
        action for statement in json.loads(POLICY.read_text())["Statement"] for action in statement["Action"]
    }
    assert cloud.actions <= allowed
    # Tasks of the migration and the health of services are looked at when there are some.
    assert allowed - cloud.actions <= {"elasticloadbalancing:DescribeTargetHealth"}
