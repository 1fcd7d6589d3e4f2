"""An installation on AWS: services on ECS behind a load balancer and CloudFront, the database on RDS.

The cloud stack makes all of it and leaves to this driver what a state is: counts, conditions, power, versions.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property

from botocore.exceptions import ClientError

from graasp.db.commands import ExitCode
from graasp.deployment.aws.clients import Clients, code_of, explained, open_clients
from graasp.deployment.aws.databases import Database, as_snapshot_identifier
from graasp.deployment.aws.distributions import Distributions
from graasp.deployment.aws.listener_rules import ListenerRules, MaintenanceHeader
from graasp.deployment.aws.parameter_store import ParameterStore
from graasp.deployment.aws.patience import Patience
from graasp.deployment.aws.services import Services
from graasp.deployment.aws.task_definitions import TaskDefinitions
from graasp.deployment.aws.tasks import OneOffTasks, TaskEnd
from graasp.deployment.aws_names import MIGRATE_FAMILY, SERVICES, AwsNames
from graasp.deployment.driver import InFlight, MigrationResult, Observed, Report, StepFailed
from graasp.deployment.records import Snapshot
from graasp.deployment.states import STATES, Service, State
from graasp.deployment.targets import TargetOptions, TargetUnusable
from graasp.settings import load_maintenance_header

_LAST_LINES = 20
# Where nobody can tell, an interruption is the safe way.
_COMPATIBLE = {ExitCode.DONE: True, ExitCode.INTERRUPTS: False, ExitCode.NOBODY_CAN_TELL: False}


class EcsDriver:
    """A Driver of one environment, in the account and the region that boto3 finds."""

    def __init__(self, clients: Clients, names: AwsNames, patience: Patience = Patience()) -> None:
        self._clients = clients
        self._names = names
        self._patience = patience
        self._definitions = TaskDefinitions(clients)
        self._services = Services(clients, names, self._definitions, patience)
        self._tasks = OneOffTasks(clients, names, patience)
        self._rules = ListenerRules(clients.load_balancing, names)
        self._distributions = Distributions(clients.cloudfront, names, patience)
        self._database = Database(clients.rds, names.database, patience)
        self.store = ParameterStore(clients.parameters, names.state_parameter, names.lock_parameter)

    @classmethod
    def open(cls, options: TargetOptions) -> "EcsDriver":
        """Raises TargetUnusable."""
        if not options.environment:
            raise TargetUnusable("Which environment? Give --environment, such as `dev` or `prod`.")
        try:
            with explained():
                return cls(open_clients(), AwsNames(options.environment))
        except ImportError as error:
            raise TargetUnusable("This needs boto3: install `graasp-core[aws]`.") from error
        except StepFailed as error:
            raise TargetUnusable(
                f"{error} Set AWS_REGION, and credentials as for the AWS command line."
            ) from error

    @cached_property
    def replicas(self) -> Mapping[Service, int]:
        with explained():
            installed = self._services.described()
        return {service: count for service, count in self._names.replicas.items() if service in installed}

    @property
    def maintenance_header(self) -> str | None:
        return None if self._header is None else self._header.name

    @explained()
    def observe(self) -> Observed:
        described = self._services.described()
        core = described.get(Service.CORE)
        return Observed(
            services={service: self._services.status(found) for service, found in described.items()},
            database=self._database.up(),
            version=None if core is None else self._services.version(core),
            announced=self._announced(),
            migrating=bool(self._tasks.running(MIGRATE_FAMILY)),
        )

    @explained()
    def announce(self, state: State, report: Report) -> None:
        if Service.CORE in STATES[state].guarded:
            self._switch_rules(state, report)
            self._tell_cores(state, report)
            self._distributions.guard(report, guarded=True)
        else:
            # A core that still refuses what the front door lets pass would answer with a maintenance screen of its own.
            self._tell_cores(state, report)
            self._distributions.guard(report, guarded=False)
            self._switch_rules(state, report)

    @explained()
    def in_flight(self) -> InFlight | None:
        if not self._runs(Service.CORE):
            return None
        end = self._run_core(["graasp", "state", "in-flight"], lambda _: None)
        if end.exit_code:
            raise StepFailed(f"What is in flight can't be told:\n{_last_lines(end.log)}")
        found = _last_object(end.log)
        return None if found is None else InFlight(found["requests"], found["websockets"])

    @explained()
    def scale(self, counts: Mapping[Service, int], report: Report) -> None:
        self._services.scale(counts, report)

    @explained()
    def await_health(self, counts: Mapping[Service, int], report: Report) -> None:
        self._services.await_health(counts, report)

    @explained()
    def start_database(self, report: Report) -> None:
        self._database.start(report)

    @explained()
    def stop_database(self, report: Report) -> None:
        self._database.stop(report)

    @explained()
    def snapshot(self, name: str, report: Report) -> Snapshot:
        identifier = as_snapshot_identifier(name)
        version = self._version()
        taken_at = self._database.snapshot(identifier, version, report)
        return Snapshot(name=identifier, taken_at=taken_at, version=version)

    @explained()
    def restore(self, snapshot: str, report: Report) -> None:
        if busy := [service for service in (Service.CORE, Service.WORKERS) if self._runs(service)]:
            raise StepFailed(f"Still running: {', '.join(busy)}. `graasp state set db-only` stops them.")
        self._database.restore(snapshot, report)

    @explained()
    def migrate(self, report: Report) -> MigrationResult:
        if running := self._tasks.running(MIGRATE_FAMILY):
            raise StepFailed(f"A migration runs already: {', '.join(running)}. Wait for its end.")
        end = self._run_migrate([], report)
        return MigrationResult(end.exit_code, end.log)

    def exact(self, version: str) -> str:
        # Tags of images never move.
        return version

    @explained()
    def deploy(self, version: str, report: Report) -> None:
        self._definitions.deploy(version, report)

    @explained()
    def migrates_compatibly(self, report: Report) -> bool:
        end = self._run_migrate(["--compatible"], report)
        if end.exit_code not in _COMPATIBLE:
            raise StepFailed(f"What is pending can't be told ({end.exit_code}):\n{_last_lines(end.log)}")
        for line in end.log.splitlines():
            report(line)
        return _COMPATIBLE[ExitCode(end.exit_code)]

    @explained()
    def roll_out(self, report: Report) -> None:
        # New workers do the jobs of old cores; old workers do not know those that new cores give them.
        for service in (Service.WORKERS, Service.CORE):
            self._services.roll_out(service, report)

    @explained()
    def smoke_test(self, report: Report) -> None:
        version = self._version()
        end = self._run_core(["graasp", "smoke-test", *(("--version", version) if version else ())], report)
        if end.exit_code:
            raise StepFailed(f"The smoke test ended with exit code {end.exit_code}:\n{_last_lines(end.log)}")

    def _switch_rules(self, state: State, report: Report) -> None:
        header = self._header
        with explained(hidden=None if header is None else header.secret):
            self._rules.apply(state, header, report)

    def _tell_cores(self, state: State, report: Report) -> None:
        """Through Redis, which only tasks in the network reach; where it does not run there is no core to be told."""
        described = self._services.described()
        if not self._runs(Service.REDIS if Service.REDIS in described else Service.CORE):
            return
        end = self._run_core(["graasp", "state", "announce", state], report)
        if end.exit_code:
            raise StepFailed(f"The cores could not be told:\n{_last_lines(end.log)}")

    def _announced(self) -> State | None:
        """Several states treat requests alike: the one that is written down if it is among them."""
        possible = self._rules.states()
        record = self.store.read()
        recorded = (record.state, record.transition.target if record.transition else None)
        return next((state for state in (*recorded, *possible) if state in possible), None)

    def _runs(self, service: Service) -> bool:
        found = self._services.described().get(service)
        return found is not None and bool(found["runningCount"])

    def _version(self) -> str | None:
        core = self._services.described().get(Service.CORE)
        return None if core is None else self._services.version(core)

    def _run_core(self, command: Sequence[str], report: Report) -> TaskEnd:
        return self._run(SERVICES[Service.CORE], command, self._patience.task_s, report)

    def _run_migrate(self, command: Sequence[str], report: Report) -> TaskEnd:
        return self._run(MIGRATE_FAMILY, command, self._patience.migration_s, report)

    def _run(self, family: str, command: Sequence[str], limit_s: float, report: Report) -> TaskEnd:
        return self._tasks.run(family, self._services.network(Service.CORE), command, limit_s, report)

    @cached_property
    def _header(self) -> MaintenanceHeader | None:
        """Of the secret that the cores and CloudFront's function have theirs from; else of the environment."""
        read = load_maintenance_header(**{key.lower(): value for key, value in self._kept_header().items()})
        if read.maintenance_header_name is None or read.maintenance_header_secret is None:
            return None
        header = MaintenanceHeader(
            read.maintenance_header_name, read.maintenance_header_secret.get_secret_value()
        )
        if set(header.secret) & set("*?"):
            raise StepFailed(
                "MAINTENANCE_HEADER_SECRET must not contain * or ?: to the load balancer they match anything."
            )
        return header

    def _kept_header(self) -> dict[str, str]:
        with explained():
            try:
                kept = self._clients.secrets.get_secret_value(SecretId=self._names.header_secret)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return {}
                raise
        return dict(json.loads(kept["SecretString"]))


def _last_lines(log: str) -> str:
    return "\n".join(log.strip().splitlines()[-_LAST_LINES:])


def _last_object(log: str) -> dict[str, int] | None:
    """The JSON object, or null, on the last line of a log. Raises StepFailed when there is none."""
    try:
        found = json.loads(log.strip().rpartition("\n")[2])
    except ValueError as error:
        raise StepFailed(f"Not understood:\n{_last_lines(log)}") from error
    return None if found is None else dict(found)
