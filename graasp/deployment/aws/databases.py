"""The database instance: its power, its snapshots, and the way back to one."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from graasp.deployment.aws.clients import code_of
from graasp.deployment.aws.patience import Patience
from graasp.deployment.driver import Report, StepFailed

VERSION_TAG = "graasp:version"
RESTORED_FROM_TAG = "graasp:restored-from"

AVAILABLE = "available"
STOPPED = "stopped"
# Connections are taken as in `available`.
_UP = frozenset(
    {AVAILABLE, "backing-up", "configuring-enhanced-monitoring", "configuring-log-exports", "modifying",
     "storage-config-upgrade", "storage-initialization", "storage-optimization"}
)  # fmt: skip
# Nothing leads out of these by itself.
_BROKEN = frozenset(
    {"deleting", "delete-precheck", "failed", "inaccessible-encryption-credentials",
     "inaccessible-encryption-credentials-recoverable", "incompatible-network", "incompatible-option-group",
     "incompatible-parameters", "incompatible-restore", "insufficient-capacity", "restore-error", "storage-full"}
)  # fmt: skip

_NOT_NOW = "InvalidDBInstanceState"
# What a restored instance does not take over from its snapshot, by the names of what describes and what restores.
_KEPT = (
    "DBInstanceClass", "MultiAZ", "PubliclyAccessible", "AutoMinorVersionUpgrade", "StorageType",
    "CopyTagsToSnapshot", "DeletionProtection", "IAMDatabaseAuthenticationEnabled",
)  # fmt: skip
# … and what can only be set once it is there.
_SET_AFTERWARDS = (
    "BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow", "MaxAllocatedStorage",
    "MonitoringInterval", "MonitoringRoleArn", "PerformanceInsightsRetentionPeriod",
)  # fmt: skip


class Database:
    """One instance, by its exact identifier."""

    def __init__(self, client: Any, identifier: str, patience: Patience) -> None:
        self._client = client
        self._identifier = identifier
        self._patience = patience

    def up(self) -> bool:
        """Whether it takes connections. Raises StepFailed when there is no such instance."""
        return self._status(self._identifier) in _UP

    def start(self, report: Report) -> None:
        """Returns once it takes connections, also when it is only just stopping."""
        self._start(self._identifier, _UP, report)

    def stop(self, report: Report) -> None:
        """Returns once it is stopped, also when it is only just starting or being backed up."""
        self._stop(self._identifier, report)

    def snapshot(self, name: str, version: str | None, report: Report) -> datetime:
        """Make a snapshot of this name, or await the one that an interrupted run has begun; when it was taken."""
        found = self._snapshot(name)
        if found is None:
            self._bring(self._identifier, lambda status: status == AVAILABLE, {}, report)
            self._client.create_db_snapshot(
                DBInstanceIdentifier=self._identifier,
                DBSnapshotIdentifier=name,
                Tags=[{"Key": VERSION_TAG, "Value": version}] if version else [],
            )
        elif found["DBInstanceIdentifier"] != self._identifier:
            raise StepFailed(
                f"The snapshot {name} is one of {found['DBInstanceIdentifier']}. Nothing was saved."
            )
        return self._await_snapshot(name, report)

    def restore(self, snapshot: str, report: Report) -> None:
        """Put an instance made from the snapshot in the place of this one, which is renamed, stopped and kept.

        The new one has the identifier, so also the address, and the settings of the old one. Goes on where it was
        interrupted. Raises StepFailed.
        """
        restored = f"{self._identifier}-restored"
        replaced: str | None = None
        if self._described(self._identifier) is not None:
            self._await_snapshot(snapshot, report)
            self._make(restored, snapshot, report)
            replaced = f"{self._identifier}-replaced-{datetime.now(UTC):%Y%m%d%H%M%S}"
            self._rename(self._identifier, replaced, report)
        elif not _restored_from(self._described(restored), snapshot):
            raise StepFailed(
                f"There is neither {self._identifier} nor an instance {restored} made from {snapshot}."
            )
        self._rename(restored, self._identifier, report)
        self.start(report)
        if replaced is not None:
            self._stop(replaced, report)
            report(f"what the database was before is kept, stopped, as {replaced}")

    def _make(self, restored: str, snapshot: str, report: Report) -> None:
        old = self._get(self._identifier)
        found = self._described(restored)
        if found is None:
            self._client.restore_db_instance_from_db_snapshot(
                DBInstanceIdentifier=restored,
                DBSnapshotIdentifier=snapshot,
                Tags=[*_own_tags(old), {"Key": RESTORED_FROM_TAG, "Value": snapshot}],
                **_as_restored(old),
            )
        elif not _restored_from(found, snapshot):
            raise StepFailed(
                f"There is an instance {restored} already, made from something else. Look what it is for."
            )
        self._bring(restored, lambda status: status == AVAILABLE, {}, report)
        if settings := {key: old[key] for key in _SET_AFTERWARDS if old.get(key)}:
            if old.get("PerformanceInsightsEnabled"):
                settings["EnablePerformanceInsights"] = True
            self._client.modify_db_instance(DBInstanceIdentifier=restored, ApplyImmediately=True, **settings)

    def _rename(self, old: str, new: str, report: Report) -> None:
        self._start(old, frozenset({AVAILABLE}), report)
        self._client.modify_db_instance(
            DBInstanceIdentifier=old, NewDBInstanceIdentifier=new, ApplyImmediately=True
        )

        def renamed() -> bool | None:
            return (self._described(old) is None and self._described(new) is not None) or None

        self._patience.until(renamed, self._patience.database_s, lambda: f"{old} has not become {new}")
        report(f"{old} is now {new}")

    def _start(self, identifier: str, wanted: frozenset[str], report: Report) -> None:
        self._bring(
            identifier,
            lambda status: status in wanted,
            {STOPPED: lambda: self._client.start_db_instance(DBInstanceIdentifier=identifier)},
            report,
        )

    def _stop(self, identifier: str, report: Report) -> None:
        self._bring(
            identifier,
            lambda status: status == STOPPED,
            {AVAILABLE: lambda: self._client.stop_db_instance(DBInstanceIdentifier=identifier)},
            report,
        )

    def _bring(
        self,
        identifier: str,
        wanted: Callable[[str], bool],
        steps: Mapping[str, Callable[[], object]],
        report: Report,
    ) -> None:
        """Wait until its status is a wanted one, taking the step that leads on from a status."""
        told: str | None = None

        def arrived() -> bool | None:
            nonlocal told
            status = self._status(identifier)
            if wanted(status):
                return True
            if status in _BROKEN or (status == STOPPED and status not in steps):
                raise StepFailed(f"The database instance {identifier} is in the state {status!r}.")
            if status != told:
                report(f"{identifier} is {status}")
                told = status
            if status in steps:
                _unless_it_has_just_changed(steps[status])
            return None

        self._patience.until(arrived, self._patience.database_s, lambda: f"{identifier} is still {told}")

    def _status(self, identifier: str) -> str:
        return str(self._get(identifier)["DBInstanceStatus"])

    def _get(self, identifier: str) -> Mapping[str, Any]:
        found = self._described(identifier)
        if found is None:
            raise StepFailed(f"There is no database instance {identifier} in this account and region.")
        return found

    def _described(self, identifier: str) -> Mapping[str, Any] | None:
        try:
            [found] = self._client.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
        except ClientError as error:
            if code_of(error) == "DBInstanceNotFound":
                return None
            raise
        return dict(found)

    def _snapshot(self, name: str) -> Mapping[str, Any] | None:
        try:
            [found] = self._client.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
        except ClientError as error:
            if code_of(error) == "DBSnapshotNotFound":
                return None
            raise
        return dict(found)

    def _await_snapshot(self, name: str, report: Report) -> datetime:
        told = -1

        def taken() -> datetime | None:
            nonlocal told
            found = self._snapshot(name)
            if found is None:
                raise StepFailed(f"There is no snapshot {name} in this account and region.")
            if found["Status"] == AVAILABLE:
                taken_at: datetime = found["SnapshotCreateTime"]
                return taken_at.astimezone(UTC)
            if found["Status"] != "creating":
                raise StepFailed(f"The snapshot {name} is in the state {found['Status']!r}.")
            if (progress := int(found.get("PercentProgress", 0))) != told:
                report(f"{name}: {progress} %")
                told = progress
            return None

        return self._patience.until(
            taken, self._patience.database_s, lambda: f"The snapshot {name} is not there yet"
        )


def as_snapshot_identifier(name: str) -> str:
    """Letters, digits and single hyphens, beginning with a letter."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return plain if plain[:1].isalpha() else f"graasp-{plain}".strip("-")


def _unless_it_has_just_changed(step: Callable[[], object]) -> None:
    try:
        step()
    except ClientError as error:
        # Between the look and the step, a backup may have begun; the next look shows it.
        if not code_of(error).startswith(_NOT_NOW):
            raise


def _restored_from(instance: Mapping[str, Any] | None, snapshot: str) -> bool:
    tags = {} if instance is None else {tag["Key"]: tag["Value"] for tag in instance.get("TagList", [])}
    return tags.get(RESTORED_FROM_TAG) == snapshot


def _own_tags(instance: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """Those that may be given to another one: what it was restored from is its own, and AWS keeps some to itself."""
    return [
        tag
        for tag in instance.get("TagList", [])
        if tag["Key"] != RESTORED_FROM_TAG and not tag["Key"].startswith("aws:")
    ]


def _as_restored(old: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: old[key] for key in _KEPT if key in old}
    given["EnableIAMDatabaseAuthentication"] = given.pop("IAMDatabaseAuthenticationEnabled", False)
    if "DBSubnetGroup" in old:
        given["DBSubnetGroupName"] = old["DBSubnetGroup"]["DBSubnetGroupName"]
    if groups := [group["VpcSecurityGroupId"] for group in old.get("VpcSecurityGroups", [])]:
        given["VpcSecurityGroupIds"] = groups
    if parameters := old.get("DBParameterGroups"):
        given["DBParameterGroupName"] = parameters[0]["DBParameterGroupName"]
    if exported := old.get("EnabledCloudwatchLogsExports"):
        given["EnableCloudwatchLogsExports"] = exported
    if authority := old.get("CACertificateIdentifier"):
        given["CACertificateIdentifier"] = authority
    return given
