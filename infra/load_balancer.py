"""The front door: which request goes where, and what is answered in the states that guard it."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from cdktn import TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.lb import Lb, LbAccessLogs
from cdktn_provider_aws.lb_listener import (
    LbListener,
    LbListenerDefaultAction,
    LbListenerDefaultActionRedirect,
)
from cdktn_provider_aws.lb_listener_rule import LbListenerRule
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleAction as Action
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleActionFixedResponse as FixedResponse
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleActionRedirect as RedirectTo
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleCondition as Condition
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleConditionHostHeader as HostHeader
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleConditionHttpHeader as HttpHeader
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleConditionPathPattern as PathPattern
from cdktn_provider_aws.lb_listener_rule import LbListenerRuleTransform as Transform
from cdktn_provider_aws.lb_listener_rule import (
    LbListenerRuleTransformUrlRewriteConfig as RewriteConfig,
)
from cdktn_provider_aws.lb_listener_rule import (
    LbListenerRuleTransformUrlRewriteConfigRewrite as Rewrite,
)
from cdktn_provider_aws.lb_target_group import LbTargetGroup, LbTargetGroupHealthCheck

from graasp.deployment.aws_names import GUARDED_SERVICE_TAG
from graasp.deployment.states import STATES, Service, State
from infra.buckets import Buckets
from infra.environments import Environment
from infra.inputs import Inputs
from infra.network import Network
from infra.reach import Party, Ports, SecurityGroups

# Since 2021: TLS 1.2 and 1.3, with forward secrecy.
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
# Websockets say nothing for as long as this.
_IDLE_S = 120
# Connections of a task that is stopped are given this long to end: as long as the core itself takes.
_DRAINED_S = 30

# What API clients are answered. A fixed answer has no headers of ours: Retry-After can't be set on this way, and is
# set where the core itself answers.
UNDER_MAINTENANCE = {
    "name": "SERVICE_UNAVAILABLE",
    "code": "GERR503",
    "message": "SERVICE_UNAVAILABLE",
    "statusCode": 503,
    "data": {"reason": "maintenance", "endAt": None},
    "origin": "core",
}


class Served(NamedTuple):
    """A service behind the load balancer; `health` is the path that it is asked."""

    port: int
    health: str


SERVED: Mapping[Service, Served] = {
    Service.CORE: Served(Ports.CORE, "/health"),
    Service.WEB: Served(Ports.WEB, "/up"),
    Service.LIBRARY: Served(Ports.LIBRARY, "/api/status"),
    Service.ETHERPAD: Served(Ports.ETHERPAD, "/"),
    Service.UMAMI: Served(Ports.UMAMI, "/api/heartbeat"),
}


class Redirect(NamedTuple):
    """Parts that are not said stay as they were asked for."""

    host: str
    path: str
    permanent: bool = True
    query: str = "#{query}"


class Rule(NamedTuple):
    """`host` is a name below the domain, the domain itself when empty. Answers 503 where neither is said."""

    name: str
    priority: int
    host: str
    # Where it is guarded, the rule asks for the header: redirects are as the core is.
    guarded_by: Service | None
    path: str | None = None
    forward: Service | None = None
    redirect: Redirect | None = None
    # Clients leave `/api` out on the API's own host.
    adds_prefix: bool = False


def rules(environment: Environment) -> tuple[Rule, ...]:
    """In their order: a request goes to the first that matches."""
    moved = {
        "account": "account",
        "auth": "auth",
        "player": "player",
        "builder": "builder",
        "analytics": "analytics",
    }
    domain = environment.domain
    short_links = Redirect(environment.host("api"), "/items/short-links/#{path}", permanent=False)
    return (
        Rule("api", 1, "api", Service.CORE, path="/api/*", forward=Service.CORE),
        # After the one before: the prefix would be doubled.
        Rule("api_without_prefix", 2, "api", Service.CORE, forward=Service.CORE, adds_prefix=True),
        Rule("etherpad", 4, "etherpad", Service.ETHERPAD, forward=Service.ETHERPAD),
        Rule("umami", 5, "umami", Service.UMAMI, forward=Service.UMAMI),
        Rule("apex_api", 7, "", Service.CORE, path="/api/*", forward=Service.CORE),
        Rule("apex", 8, "", Service.WEB, forward=Service.WEB),
        Rule("library", 30, "library", Service.LIBRARY, forward=Service.LIBRARY),
        Rule("short_links", 50, "go", Service.CORE, redirect=short_links),
        *(
            Rule(host, 51 + number, host, Service.CORE, redirect=Redirect(domain, f"/{page}/#{{path}}"))
            for number, (host, page) in enumerate(moved.items())
        ),
        Rule("association", 56, "association", Service.CORE, redirect=Redirect(domain, "/about-us")),
        # What those above let through only with the header ends here without it; in `running` nothing does.
        Rule("api_closed", 90, "api", None),
        Rule("apex_api_closed", 91, "", None, path="/api/*"),
    )


class LoadBalancer:
    def __init__(
        self,
        stack: TerraformStack,
        environment: Environment,
        state: State,
        inputs: Inputs,
        network: Network,
        groups: SecurityGroups,
        buckets: Buckets,
        certificate: str,
    ) -> None:
        self._stack = stack
        self._environment = environment
        self._state = state
        self._inputs = inputs
        self._network = network
        self.balancer = Lb(
            stack,
            "load_balancer",
            name=environment.names.load_balancer,
            load_balancer_type="application",
            subnets=network.public_subnets,
            security_groups=[groups.of(Party.LOAD_BALANCER)],
            idle_timeout=_IDLE_S,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=environment.protected,
            access_logs=LbAccessLogs(bucket=buckets.access_logs.id, enabled=True),
        )
        self.target_groups = {service: self._target_group(service) for service in SERVED}
        self._listen_in_clear()
        self.listener = LbListener(
            stack,
            "https",
            load_balancer_arn=self.balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=_TLS_POLICY,
            certificate_arn=certificate,
            default_action=[
                LbListenerDefaultAction(
                    type="redirect",
                    redirect=LbListenerDefaultActionRedirect(
                        status_code="HTTP_302", protocol="HTTPS", host=environment.host("maintenance")
                    ),
                )
            ],
        )
        self.rules = [self._rule(rule) for rule in rules(environment)]

    def _target_group(self, service: Service) -> LbTargetGroup:
        served = SERVED[service]
        return LbTargetGroup(
            self._stack,
            f"targets_{service}",
            name=f"{self._environment.names.cluster}-{service}",
            target_type="ip",
            protocol="HTTP",
            port=served.port,
            vpc_id=self._network.id,
            deregistration_delay=str(_DRAINED_S),
            health_check=LbTargetGroupHealthCheck(
                path=served.health,
                matcher="200",
                interval=15,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
        )

    def _listen_in_clear(self) -> None:
        LbListener(
            self._stack,
            "http",
            load_balancer_arn=self.balancer.arn,
            port=80,
            protocol="HTTP",
            default_action=[
                LbListenerDefaultAction(
                    type="redirect",
                    redirect=LbListenerDefaultActionRedirect(
                        status_code="HTTP_301", protocol="HTTPS", port="443"
                    ),
                )
            ],
        )

    def _rule(self, rule: Rule) -> LbListenerRule:
        host = self._environment.host(rule.host) if rule.host else self._environment.domain
        conditions = [Condition(host_header=HostHeader(values=[host]))]
        if rule.path:
            conditions.append(Condition(path_pattern=PathPattern(values=[rule.path])))
        if rule.guarded_by in STATES[self._state].guarded:
            header = HttpHeader(
                http_header_name=self._inputs.header_name, values=[self._inputs.header_secret]
            )
            conditions.append(Condition(http_header=header))
        guarded = rule.guarded_by is not None
        return LbListenerRule(
            self._stack,
            f"rule_{rule.name}",
            listener_arn=self.listener.arn,
            priority=rule.priority,
            condition=conditions,
            action=[self._action(rule)],
            transform=[_prefixed()] if rule.adds_prefix else None,
            tags={"Name": rule.name, **({GUARDED_SERVICE_TAG: str(rule.guarded_by)} if guarded else {})},
            # `graasp state` adds the header, and takes it away.
            lifecycle=TerraformResourceLifecycle(ignore_changes=["condition"]) if guarded else None,
        )

    def _action(self, rule: Rule) -> Action:
        if rule.forward:
            return Action(type="forward", target_group_arn=self.target_groups[rule.forward].arn)
        if rule.redirect:
            return Action(
                type="redirect",
                redirect=RedirectTo(
                    status_code="HTTP_301" if rule.redirect.permanent else "HTTP_302",
                    protocol="HTTPS",
                    port="443",
                    host=rule.redirect.host,
                    path=rule.redirect.path,
                    query=rule.redirect.query,
                ),
            )
        return Action(
            type="fixed-response",
            fixed_response=FixedResponse(
                status_code="503", content_type="application/json", message_body=json.dumps(UNDER_MAINTENANCE)
            ),
        )


def _prefixed() -> Transform:
    rewrite = Rewrite(regex="^/(.*)$", replace="/api/$1")
    return Transform(type="url-rewrite", url_rewrite_config=RewriteConfig(rewrite=rewrite))
