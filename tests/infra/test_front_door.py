"""What a request is answered, in every state, with the header and without."""

import fnmatch
import json
from typing import NamedTuple

import pytest

from graasp.deployment.states import State
from tests.infra.conftest import Synthesise
from tests.infra.synthesised import DOMAINS, Rule, Synthesised, referred_to

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

MAINTENANCE = "302 to maintenance"
REFUSED = "503 JSON"
CLOSED = (State.RESTRICTED, State.DB_ONLY, State.STOPPED)


class Answer(NamedTuple):
    """`what`: the service that is asked, or what the load balancer answers itself; `path`: as the service sees it."""

    what: str
    path: str | None = None


def ask(stack: Synthesised, name: str, path: str, *, header: bool) -> Answer:
    """As a load balancer does: the first rule that matches, else the default. Of the domain itself without a name."""
    host = f"{name}.{stack.domain}" if name else stack.domain
    for rule in stack.rules:
        asked = rule.condition
        if (
            asked.host == host
            and (asked.path is None or fnmatch.fnmatchcase(path, asked.path))
            and (header or not asked.header)
        ):
            return _answer(rule, path)
    return Answer(MAINTENANCE)


def _answer(rule: Rule, path: str) -> Answer:
    action = rule.action
    if action["type"] == "forward":
        service = referred_to(action["target_group_arn"]).removeprefix("targets_")
        return Answer(service, f"/api{path}" if rule.rewrites else path)
    if action["type"] == "redirect":
        to = action["redirect"]
        target = to["path"].replace("#{path}", path.removeprefix("/"))
        return Answer(f"{to['status_code'][-3:]} to {to['host']}", f"{target}?{to['query']}")
    return Answer(f"{action['fixed_response']['status_code']} JSON")


@pytest.mark.parametrize("environment", DOMAINS)
@pytest.mark.parametrize(("state", "header"), [(State.RUNNING, False), *((state, True) for state in CLOSED)])
def test_everything_is_reached_in_running_and_with_the_header(
    synthesised: Synthesise, environment: str, state: State, header: bool
) -> None:
    stack, domain = synthesised(environment, state), DOMAINS[environment]
    expected = {
        ("api", "/api/items/1"): Answer("core", "/api/items/1"),
        ("api", "/items/1"): Answer("core", "/api/items/1"),
        ("api", "/api/ws"): Answer("core", "/api/ws"),
        ("", "/api/items/1"): Answer("core", "/api/items/1"),
        ("", "/home"): Answer("web", "/home"),
        ("", "/apiary"): Answer("web", "/apiary"),
        ("library", "/"): Answer("library", "/"),
        ("etherpad", "/p/1"): Answer("etherpad", "/p/1"),
        ("umami", "/"): Answer("umami", "/"),
        ("go", "/abc"): Answer(f"302 to api.{domain}", "/items/short-links/abc?#{query}"),
        ("account", "/x"): Answer(f"301 to {domain}", "/account/x?#{query}"),
        ("auth", "/x"): Answer(f"301 to {domain}", "/auth/x?#{query}"),
        ("player", "/x"): Answer(f"301 to {domain}", "/player/x?#{query}"),
        ("builder", "/x"): Answer(f"301 to {domain}", "/builder/x?#{query}"),
        ("analytics", "/x"): Answer(f"301 to {domain}", "/analytics/x?#{query}"),
        ("association", "/x"): Answer(f"301 to {domain}", "/about-us?#{query}"),
        ("unknown", "/"): Answer(MAINTENANCE),
    }
    for (name, path), answer in expected.items():
        assert ask(stack, name, path, header=header) == answer, (name, path)


@pytest.mark.parametrize("environment", DOMAINS)
@pytest.mark.parametrize("state", CLOSED)
def test_without_the_header_pages_lead_to_the_maintenance_site_and_the_api_refuses(
    synthesised: Synthesise, environment: str, state: State
) -> None:
    stack = synthesised(environment, state)
    for name in ("library", "etherpad", "go", "account", "auth", "player", "builder", "analytics"):
        assert ask(stack, name, "/x", header=False) == Answer(MAINTENANCE), name
    for path in ("/", "/home", "/admin", "/apiary"):
        assert ask(stack, "", path, header=False) == Answer(MAINTENANCE), path
    assert ask(stack, "", "/api/items/1", header=False) == Answer(REFUSED)
    for path in ("/api/items/1", "/items/1", "/"):
        assert ask(stack, "api", path, header=False) == Answer(REFUSED), path
    statistics = Answer(MAINTENANCE) if state is State.STOPPED else Answer("umami", "/x")
    assert ask(stack, "umami", "/x", header=False) == statistics


def test_the_api_refuses_in_the_envelope_of_its_errors(running: Synthesised) -> None:
    refusals = [rule.action["fixed_response"] for rule in running.rules if "fixed_response" in rule.action]
    assert len(refusals) == 2
    for refusal in refusals:
        assert refusal["content_type"] == "application/json"
        # More is not accepted.
        assert len(refusal["message_body"]) <= 1024
        assert json.loads(refusal["message_body"]) == {
            "name": "SERVICE_UNAVAILABLE",
            "code": "GERR503",
            "message": "SERVICE_UNAVAILABLE",
            "statusCode": 503,
            "data": {"reason": "maintenance", "endAt": None},
            "origin": "core",
        }


def test_rules_have_the_priorities_that_operators_know(running: Synthesised) -> None:
    priorities = [rule.priority for rule in running.rules]
    assert priorities == [1, 2, 4, 5, 7, 8, 30, 50, 51, 52, 53, 54, 55, 56, 90, 91]


def test_the_default_keeps_path_and_query(running: Synthesised) -> None:
    [action] = running.all("aws_lb_listener")["https"]["default_action"]
    assert action["type"] == "redirect"
    # What is not said stays as it was asked for.
    assert action["redirect"] == {
        "status_code": "HTTP_302",
        "protocol": "HTTPS",
        "host": f"maintenance.{running.domain}",
    }


def test_plain_http_leads_to_https_and_tls_is_of_these_days(running: Synthesised) -> None:
    listeners = running.all("aws_lb_listener")
    [action] = listeners["http"]["default_action"]
    assert (listeners["http"]["port"], action["type"]) == (80, "redirect")
    assert action["redirect"] == {"status_code": "HTTP_301", "protocol": "HTTPS", "port": "443"}
    https = listeners["https"]
    assert (https["port"], https["protocol"]) == (443, "HTTPS")
    assert https["ssl_policy"].startswith("ELBSecurityPolicy-TLS13-1-2")


def test_every_name_has_records_for_both_kinds_of_addresses(running: Synthesised) -> None:
    records = running.all("aws_route53_record").values()
    found = {(record["name"], record["type"]) for record in records if "alias" in record}
    expected = {rule.condition.host for rule in running.rules}
    expected |= {f"{name}.{running.domain}" for name in ("assets", "h5p", "apps", "maintenance")}
    assert found == {(name, kind) for name in expected for kind in ("A", "AAAA")}
