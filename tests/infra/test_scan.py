"""What a scanner of infrastructure finds."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from graasp.deployment.states import State
from tests.infra.conftest import Synthesise

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

ROOT = Path(__file__).resolve().parents[2]
CHECKOV = ROOT / ".venv-infra" / "scan" / "bin" / "checkov"
CONFIGURATION = ROOT / "infra" / "checkov.yaml"


@pytest.mark.skipif(not CHECKOV.exists(), reason="checkov is not here: `make infra-test` installs it")
def test_checkov_finds_nothing_but_what_is_left_out_with_a_reason(synthesised: Synthesise) -> None:
    # Production: the others have less of the same.
    done = subprocess.run(
        [
            CHECKOV,
            *("--config-file", CONFIGURATION, "--output", "json"),
            *("--file", synthesised("prod", State.RESTRICTED).file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    failed = [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]]
    assert failed == []
    assert done.returncode == 0, done.stderr
    # That it has understood what it was given.
    assert report["summary"]["passed"] > 500
    assert report["summary"]["parsing_errors"] == 0


def test_every_check_that_is_left_out_has_a_reason() -> None:
    reason = False
    for line in CONFIGURATION.read_text().partition("skip-check:\n")[2].splitlines():
        if line.strip().startswith("#"):
            reason = True
        else:
            assert re.fullmatch(r"  - CKV2?_AWS_\d+( +# .+)?", line), line
            assert reason
