"""What is refused before it reaches anything: floods, addresses known for attacks, known exploits.

A school has one address: what one of them may ask is meant for hundreds of people. Finer limits are the core's.
"""

from collections.abc import Mapping
from typing import Any

from cdktn import TerraformStack
from cdktn_provider_aws.wafv2_web_acl import (
    Wafv2WebAcl,
    Wafv2WebAclDefaultAction,
    Wafv2WebAclDefaultActionAllow,
    Wafv2WebAclVisibilityConfig,
)
from cdktn_provider_aws.wafv2_web_acl_association import Wafv2WebAclAssociation

from infra.environments import Environment

_REQUESTS_IN_FIVE_MINUTES = 30_000
_MANAGED = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet")


def firewall(stack: TerraformStack, environment: Environment, load_balancer: str) -> None:
    acl = Wafv2WebAcl(
        stack,
        "firewall",
        name=environment.names.cluster,
        scope="REGIONAL",
        default_action=Wafv2WebAclDefaultAction(allow=Wafv2WebAclDefaultActionAllow()),
        visibility_config=Wafv2WebAclVisibilityConfig(**_counted("firewall")),
    )
    flood = {"rate_based_statement": {"limit": _REQUESTS_IN_FIVE_MINUTES, "aggregate_key_type": "IP"}}
    managed = [
        _rule(number, name, {"managed_rule_group_statement": {"name": name, "vendor_name": "AWS"}})
        | {"override_action": {"none": {}}}
        for number, name in enumerate(_MANAGED, start=1)
    ]
    # As Terraform writes them: the library has a class for each level of each kind of statement, hundreds of them.
    acl.add_override("rule", [_rule(0, "flood", flood) | {"action": {"block": {}}}, *managed])
    Wafv2WebAclAssociation(
        stack, "firewall_of_load_balancer", resource_arn=load_balancer, web_acl_arn=acl.arn
    )


def _rule(priority: int, name: str, statement: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "statement": statement,
        "visibility_config": _counted(name),
    }


def _counted(name: str) -> dict[str, Any]:
    # Samples would show cookies and the maintenance header to whoever looks at the console.
    return {"metric_name": name, "cloudwatch_metrics_enabled": True, "sampled_requests_enabled": False}
