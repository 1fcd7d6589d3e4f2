"""The front door of static files: a function that CloudFront runs for every viewer's request, or does not."""

from collections.abc import Mapping
from typing import Any

from graasp.deployment.aws.patience import Patience
from graasp.deployment.aws_names import GUARDED_DISTRIBUTIONS, AwsNames
from graasp.deployment.driver import Report, StepFailed

_VIEWER_REQUEST = "viewer-request"


class Distributions:
    """Those that the states guard. The function's code, with what it asks for, belongs to the cloud stack."""

    def __init__(self, client: Any, names: AwsNames, patience: Patience) -> None:
        self._client = client
        self._names = names
        self._patience = patience

    def guard(self, report: Report, *, guarded: bool) -> None:
        """Attach the function to them, or detach it; returns once every edge does so. Raises StepFailed."""
        function = self._function()
        found = self._found()
        for distribution in found.values():
            self._switch(distribution, function, guarded=guarded)
        for name, distribution in found.items():
            # Also of a change that an interrupted run has made.
            self._await_deployed(name, distribution)
            report(f"{name} {'asks' if guarded else 'does not ask'} for the header")

    def _function(self) -> str:
        described = self._client.describe_function(Name=self._names.maintenance_function, Stage="LIVE")
        return str(described["FunctionSummary"]["FunctionMetadata"]["FunctionARN"])

    def _found(self) -> dict[str, str]:
        """Ids by name."""
        by_comment = {
            summary["Comment"]: summary["Id"]
            for page in self._client.get_paginator("list_distributions").paginate()
            for summary in page["DistributionList"].get("Items", [])
        }
        comments = {name: self._names.distribution(name) for name in GUARDED_DISTRIBUTIONS}
        if missing := [comment for comment in comments.values() if comment not in by_comment]:
            raise StepFailed(f"No distribution has the comment {', '.join(missing)}: apply the cloud stack.")
        return {name: by_comment[comment] for name, comment in comments.items()}

    def _switch(self, distribution: str, function: str, *, guarded: bool) -> None:
        read = self._client.get_distribution_config(Id=distribution)
        behavior = read["DistributionConfig"]["DefaultCacheBehavior"]
        before = behavior.get("FunctionAssociations", {}).get("Items", [])
        after = [association for association in before if association["FunctionARN"] != function]
        if guarded:
            after = [*after, {"FunctionARN": function, "EventType": _VIEWER_REQUEST}]
        if _functions(before) == _functions(after):
            return
        behavior["FunctionAssociations"] = {"Quantity": len(after), **({"Items": after} if after else {})}
        self._client.update_distribution(
            Id=distribution, IfMatch=read["ETag"], DistributionConfig=read["DistributionConfig"]
        )

    def _await_deployed(self, name: str, distribution: str) -> None:
        def deployed() -> bool | None:
            return (
                self._client.get_distribution(Id=distribution)["Distribution"]["Status"] == "Deployed" or None
            )

        self._patience.until(
            deployed,
            self._patience.distributions_s,
            lambda: f"CloudFront has not rolled out the change of {name}",
        )


def _functions(associations: list[Mapping[str, str]]) -> set[tuple[str, str]]:
    return {(association["FunctionARN"], association["EventType"]) for association in associations}
