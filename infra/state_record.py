"""The record of the deployment state, as it begins; from then on it is `graasp state` that writes it.

The lock beside it is there only while somebody changes the state: this stack does not make it.
"""

import json

from cdktn import TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.ssm_parameter import SsmParameter

from graasp.deployment.states import State
from infra.environments import Environment


def state_record(stack: TerraformStack, environment: Environment, state: State) -> None:
    SsmParameter(
        stack,
        "state",
        name=environment.names.state_parameter,
        type="String",
        description="The state of this Graasp installation; written by `graasp state`.",
        value=json.dumps({"state": state}),
        lifecycle=TerraformResourceLifecycle(ignore_changes=["value", "description"]),
    )
