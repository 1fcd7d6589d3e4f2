"""Clients of AWS's services; boto3 comes with the extra `aws`, for operators and pipelines only."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from graasp.deployment.driver import StepFailed

# Thrice as many attempts as usual: a transition makes hundreds of calls, and one that is throttled should not end it.
_CONFIGURATION = Config(retries={"mode": "standard", "max_attempts": 10}, user_agent_extra="graasp-state")


class Clients:
    """Of one account and region, each made when it is asked for."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def _client(self, service: str, region: str | None = None) -> Any:
        return self._session.client(service, region_name=region, config=_CONFIGURATION)

    @cached_property
    def ecs(self) -> Any:
        return self._client("ecs")

    @cached_property
    def autoscaling(self) -> Any:
        return self._client("application-autoscaling")

    @cached_property
    def load_balancing(self) -> Any:
        return self._client("elbv2")

    @cached_property
    def cloudfront(self) -> Any:
        return self._client("cloudfront")

    @cached_property
    def rds(self) -> Any:
        return self._client("rds")

    @cached_property
    def logs(self) -> Any:
        return self._client("logs")

    @cached_property
    def parameters(self) -> Any:
        return self._client("ssm")

    @cached_property
    def secrets(self) -> Any:
        return self._client("secretsmanager")

    def registry(self, region: str) -> Any:
        """Images are kept in one region for several."""
        return self._client("ecr", region)


def open_clients() -> Clients:
    """With the credentials and the region of the environment. Raises ImportError without the extra."""
    import boto3

    return Clients(boto3.Session())


@contextmanager
def explained(hidden: str | None = None) -> Iterator[None]:
    """What AWS refuses is a step that failed. `hidden` is a secret that AWS may repeat in what it says."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        reason = f"AWS refused {error.operation_name}: {told.get('Code')}: {told.get('Message')}"
        raise StepFailed(reason.replace(hidden, "…") if hidden else reason) from (None if hidden else error)
    except BotoCoreError as error:
        reason = f"AWS can't be asked: {error}"
        raise StepFailed(reason.replace(hidden, "…") if hidden else reason) from None


def code_of(error: ClientError) -> str:
    """The name of the error on the wire, such as `ParameterNotFound`."""
    return str(error.response.get("Error", {}).get("Code", ""))
