"""What is not in the code: the state (when the stack is written out), versions and secrets (when it is applied)."""

from collections.abc import Mapping
from typing import NamedTuple

from cdktn import TerraformStack, TerraformVariable, TerraformVariableValidationConfig

from graasp.deployment.states import State

HEADER_NAME = "MAINTENANCE_HEADER_NAME"
HEADER_SECRET = "MAINTENANCE_HEADER_SECRET"  # noqa: S105 - the variable's name


class WrongInput(Exception):
    """Nothing can be written out; the message says why."""


def wanted_state(given: str | None, variables: Mapping[str, str]) -> State:
    """The state asked for, else `INFRA_STATE`, else `running`. Raises WrongInput."""
    asked = given or variables.get("INFRA_STATE") or State.RUNNING
    try:
        state = State(asked)
    except ValueError:
        raise WrongInput(f"INFRA_STATE should be one of: {', '.join(State)}. Provided: {asked}") from None
    if state is not State.RUNNING and not (variables.get(HEADER_NAME) and variables.get(HEADER_SECRET)):
        raise WrongInput("Expected to have a maintenance header name and value")
    return state


class Versions(NamedTuple):
    """Tags of images. `ours` is the product's version, `v1.2.3`, which core, workers and migrate have in common."""

    ours: str
    web: str
    library: str
    etherpad: str
    iframely: str


class Inputs:
    """Terraform's variables. Their values come with `plan` and `apply`, and are in no file of this stack."""

    def __init__(self, stack: TerraformStack) -> None:
        self._stack = stack
        self.versions = Versions(
            ours=self._version("release", "of core, workers and migrate, as in `core-<version>`"),
            web=self._version("web_version", "of graasp/admin"),
            library=self._version("library_version", "of graasp/explore"),
            etherpad=self._version("etherpad_version", "of graasp/etherpad"),
            iframely=self._version("iframely_version", "of graasp/iframely"),
        )
        self.header_name = self._text(
            "maintenance_header_name",
            "Name of the header that passes under maintenance.",
            "[A-Za-z0-9-]{1,40}",
            "should be the name of an HTTP header",
            sensitive=True,
        )
        # To the load balancer, * and ? match anything.
        self.header_secret = self._text(
            "maintenance_header_secret",
            "What that header says. The load balancer does not tell capitals from small letters: take many random ones.",
            "[A-Za-z0-9_-]{32,128}",
            "should be 32 to 128 letters, digits, - and _",
            sensitive=True,
        )
        self.alarm_address = self._text(
            "alarm_address", "Who is told of alarms.", "[^@ ]+@[^@ ]+", "should be an e-mail address"
        )

    def _version(self, name: str, whose: str) -> str:
        return self._text(
            name,
            f"Version {whose}. A tag that never moves.",
            "[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
            "should be a version, not latest or nightly",
            but=("latest", "nightly"),
        )

    def _text(
        self,
        name: str,
        description: str,
        pattern: str,
        wrong: str,
        *,
        but: tuple[str, ...] = (),
        sensitive: bool = False,
    ) -> str:
        # Terraform reads a backslash in a pattern as its own: none is used.
        matches = f'length(regexall("^{pattern}$", var.{name})) == 1'
        allowed = "".join(f' && var.{name} != "{value}"' for value in but)
        return TerraformVariable(
            self._stack,
            name,
            type="string",
            description=description,
            nullable=False,
            sensitive=sensitive or None,
            validation=[
                TerraformVariableValidationConfig(
                    condition="${" + matches + allowed + "}", error_message=f"The variable {name} {wrong}."
                )
            ],
        ).string_value
