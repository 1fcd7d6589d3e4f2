"""The front door: the conditions of the load balancer's rules. Their actions and priorities belong to the cloud stack."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from graasp.deployment.aws_names import GUARDED_SERVICE_TAG, AwsNames
from graasp.deployment.driver import Report, StepFailed
from graasp.deployment.states import STATES, Service, State

_HEADER = "http-header"
# As many as describe_tags takes.
_TAGS_AT_ONCE = 20


class MaintenanceHeader(NamedTuple):
    name: str
    secret: str


class _Rule(NamedTuple):
    arn: str
    priority: int
    service: Service
    conditions: tuple[Mapping[str, Any], ...]

    @property
    def guarded(self) -> bool:
        return any(condition["Field"] == _HEADER for condition in self.conditions)

    @property
    def for_everybody(self) -> list[dict[str, Any]]:
        """Its conditions but for the header."""
        return [_written(condition) for condition in self.conditions if condition["Field"] != _HEADER]


class ListenerRules:
    """Those with the tag that names the service by which they are guarded."""

    def __init__(self, client: Any, names: AwsNames) -> None:
        self._client = client
        self._names = names

    def apply(self, state: State, header: MaintenanceHeader | None, report: Report) -> None:
        """Let the rules ask for the header, with its present secret, wherever the state guards; nowhere else.

        `header` may be None in `running`. Raises StepFailed when no rule is there.
        """
        guarded = STATES[state].guarded
        rules = sorted(self._rules(), key=lambda rule: rule.priority)
        # A request goes to the first rule that matches: closed from the last to the first and opened the other way
        # round, no rule ever takes what belongs to one before it.
        closing = [rule for rule in reversed(rules) if rule.service in guarded]
        opening = [rule for rule in rules if rule.service not in guarded]
        for rule in closing:
            if header is None:
                raise StepFailed("Expected to have a maintenance header name and value")
            self._write(rule, [*rule.for_everybody, _asks_for(header)])
        for rule in opening:
            self._write(rule, rule.for_everybody)
        report(
            f"{len(closing)} rules of {self._names.load_balancer} ask for the header, {len(opening)} don't"
        )

    def states(self) -> tuple[State, ...]:
        """The states in which the rules are as they are now; none while they are half changed."""
        rules = self._rules()
        return tuple(
            state
            for state, conditions in STATES.items()
            if all(rule.guarded == (rule.service in conditions.guarded) for rule in rules)
        )

    def _write(self, rule: _Rule, conditions: list[dict[str, Any]]) -> None:
        if _comparable(conditions) != _comparable(rule.conditions):
            self._client.modify_rule(RuleArn=rule.arn, Conditions=conditions)

    def _rules(self) -> list[_Rule]:
        found = {
            rule["RuleArn"]: rule
            for page in self._client.get_paginator("describe_rules").paginate(ListenerArn=self._listener())
            for rule in page["Rules"]
            if not rule["IsDefault"]
        }
        rules = [
            _Rule(arn, int(found[arn]["Priority"]), service, tuple(found[arn]["Conditions"]))
            for arn, service in self._guarded_services(found)
        ]
        if not rules:
            raise StepFailed(
                f"No rule of the load balancer {self._names.load_balancer} carries the tag {GUARDED_SERVICE_TAG}: "
                "apply the cloud stack."
            )
        return rules

    def _guarded_services(self, arns: Iterable[str]) -> Iterator[tuple[str, Service]]:
        asked = list(arns)
        for start in range(0, len(asked), _TAGS_AT_ONCE):
            answer = self._client.describe_tags(ResourceArns=asked[start : start + _TAGS_AT_ONCE])
            for tagged in answer["TagDescriptions"]:
                for tag in tagged["Tags"]:
                    if tag["Key"] == GUARDED_SERVICE_TAG:
                        yield tagged["ResourceArn"], Service(tag["Value"])

    def _listener(self) -> str:
        balancers = self._client.describe_load_balancers(Names=[self._names.load_balancer])["LoadBalancers"]
        [balancer] = balancers
        listeners = self._client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        for listener in listeners:
            if listener["Port"] == 443:
                return str(listener["ListenerArn"])
        raise StepFailed(f"The load balancer {self._names.load_balancer} does not listen on 443.")


def _asks_for(header: MaintenanceHeader) -> dict[str, Any]:
    return {
        "Field": _HEADER,
        "HttpHeaderConfig": {"HttpHeaderName": header.name, "Values": [header.secret]},
    }


def _written(condition: Mapping[str, Any]) -> dict[str, Any]:
    """A condition as it is written: what is read says some values twice."""
    configured = {key: value for key, value in condition.items() if key.endswith("Config")}
    return {"Field": condition["Field"], **configured} if configured else dict(condition)


def _comparable(conditions: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(json.dumps(_written(condition), sort_keys=True) for condition in conditions)
