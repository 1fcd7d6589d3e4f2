"""An environment on moto's server, as the cloud stack makes it, and what moto leaves out of AWS.

moto answers over HTTP with its own stores. It neither runs containers nor takes time: here a one-off task ends with the
exit code and the log that a test wants, and services, instances and snapshots need a few looks to become what was
asked. Besides, its CloudFront forgets function associations.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import boto3
import botocore.session
from botocore import xform_name
from botocore.loaders import Loader
from moto.cloudfront.models import cloudfront_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends
from moto.rds.models import rds_backends

from graasp.deployment.aws.clients import Clients
from graasp.deployment.aws.patience import Patience
from graasp.deployment.aws_names import (
    CONTAINERS,
    GUARDED_DISTRIBUTIONS,
    GUARDED_SERVICE_TAG,
    MIGRATE_FAMILY,
    SERVICES,
    AwsNames,
)
from graasp.deployment.ecs import EcsDriver
from graasp.deployment.states import Service, State

REGION = "eu-central-1"
HEADER = "X-Maintenance"
SECRET = "b7d1c0ffee"
IMPATIENT = Patience(poll_s=0.001, logs_s=0.2)
# Waits for nothing that takes more than a look.
HASTY = Patience(
    poll_s=0.001, services_s=0, task_s=0, migration_s=0, database_s=0, distributions_s=0, logs_s=0
)

# Priority, host and path, and whose guarding decides; None: the rule is nobody's.
RULES: tuple[tuple[int, dict[str, str], Service | None], ...] = (
    (1, {"host": "api.example.org", "path": "/api/*"}, Service.CORE),
    (2, {"host": "api.example.org"}, Service.CORE),
    (4, {"host": "etherpad.example.org"}, Service.ETHERPAD),
    (5, {"host": "umami.example.org"}, Service.UMAMI),
    (7, {"host": "example.org", "path": "/api/*"}, Service.CORE),
    (8, {"host": "example.org"}, Service.WEB),
    (30, {"host": "library.example.org"}, Service.LIBRARY),
    *((50 + n, {"host": f"{name}.example.org"}, Service.CORE) for n, name in enumerate(("go", "account"))),
    (90, {"path": "/api/*"}, None),
)
_SCALED = (Service.CORE, Service.WORKERS, Service.LIBRARY)
_BALANCED = (Service.CORE, Service.WEB, Service.LIBRARY, Service.ETHERPAD, Service.UMAMI)
_LOOKS = 2
# Of the descriptions of services: reading them takes longer than asking.
_LOADER = Loader()
_accounts = count(300000000000)


class Container(NamedTuple):
    """How a one-off task ends. No exit code: its container never ran."""

    exit_code: int | None = 0
    log: tuple[str, ...] = ()


class Cloud:
    """`ends`: how the tasks of a command end; `actions`: every action that the driver asked for, as policies name it."""

    def __init__(self, endpoint: str, environment: str = "dev") -> None:
        self.names = AwsNames(environment)
        self.account = str(next(_accounts))
        self.session = self._open_session()
        self._session_of_others = self._open_session()
        self._clients_of_others: dict[str, Any] = {}
        self.endpoint = endpoint
        self.ends: dict[str, Container] = {
            **{f"graasp state announce {state}": Container(0, (f"announced {state}",)) for state in State},
            "graasp state in-flight": Container(0, ('{"requests":0,"websockets":0}',)),
            "graasp smoke-test --version v1.0.0": Container(0, ("all is well",)),
            "": Container(0, ("applying", "migrations applied successfully")),
        }
        self.commands: list[str] = []
        self.actions: set[str] = set()
        self.counts: list[tuple[Service, int]] = []
        # ECS's circuit breaker: the reason why the next deployment of a service fails.
        self.broken: dict[Service, str] = {}
        self._later: defaultdict[str, list[tuple[int, Callable[[], None]]]] = defaultdict(list)
        self._is_made = False
        self._make()
        self._is_made = True
        self.session.events.register("before-parameter-build", self._record)

    def _open_session(self) -> boto3.Session:
        core = botocore.session.Session()
        core.register_component("data_loader", _LOADER)
        session = boto3.Session(
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name=REGION,
            botocore_session=core,
        )
        session.events.register("before-send", self._as_account)
        session.events.register("before-parameter-build", self._before)
        session.events.register("after-call", self._after)
        return session

    def client(self, service: str) -> Any:
        """Of whoever is not the driver."""
        if service not in self._clients_of_others:
            client = self._session_of_others.client(service, endpoint_url=self.endpoint)
            self._clients_of_others[service] = client
        return self._clients_of_others[service]

    def driver(self, patience: Patience = IMPATIENT) -> EcsDriver:
        """As another process would open it."""
        return EcsDriver(Clients(self.session), self.names, patience)

    # --- what is there -------------------------------------------------------------------------------

    @property
    def ecs(self) -> Any:
        return ecs_backends[self.account][REGION]

    @property
    def instances(self) -> dict[str, Any]:
        return dict(rds_backends[self.account][REGION].databases)

    @property
    def database(self) -> Any:
        return self.instances[self.names.database]

    @property
    def snapshots(self) -> dict[str, Any]:
        """But for those that RDS takes by itself."""
        found = rds_backends[self.account][REGION].database_snapshots
        return {name: snapshot for name, snapshot in found.items() if not name.startswith("rds:")}

    def desired(self) -> dict[Service, int]:
        return {service: self.service(service).desired_count for service in SERVICES}

    def service(self, service: Service) -> Any:
        return self.ecs.services[f"{self.names.cluster}:{SERVICES[service]}"]

    def image(self, task_definition: str) -> str:
        return str(self.ecs.describe_task_definition(task_definition).container_definitions[0]["image"])

    def guarded_hosts(self) -> dict[int, str | None]:
        """By a rule's priority, the secret that it asks for."""
        found = self.client("elbv2").describe_rules(ListenerArn=self.listener)["Rules"]
        return {
            int(rule["Priority"]): next(
                (
                    c["HttpHeaderConfig"]["Values"][0]
                    for c in rule["Conditions"]
                    if c["Field"] == "http-header"
                ),
                None,
            )
            for rule in found
            if not rule["IsDefault"]
        }

    def rules(self) -> list[Any]:
        """Without what names them."""
        return [
            {key: value for key, value in rule.items() if key != "RuleArn"}
            for rule in self.client("elbv2").describe_rules(ListenerArn=self.listener)["Rules"]
        ]

    def guarded_distributions(self) -> set[str]:
        return {
            distribution.distribution_config.Comment.removeprefix(f"graasp-{self.names.environment}-")
            for distribution in self._distributions()
            if distribution.distribution_config.DefaultCacheBehavior.function_associations["Quantity"]
        }

    def scaling(self, service: Service) -> dict[str, Any]:
        found = self.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[f"service/{self.names.cluster}/{SERVICES[service]}"]
        )["ScalableTargets"]
        [target] = found
        return {
            "min": target["MinCapacity"],
            "max": target["MaxCapacity"],
            "suspended": target.get("SuspendedState", {}).get("DynamicScalingOutSuspended", False),
        }

    def parameter(self, name: str) -> str:
        return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    # --- how it is made ------------------------------------------------------------------------------

    def _make(self) -> None:
        ec2 = self.client("ec2")
        self.subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        self.vpc = ec2.describe_subnets()["Subnets"][0]["VpcId"]
        self.security_group = ec2.create_security_group(GroupName="core", Description="core", VpcId=self.vpc)[
            "GroupId"
        ]
        self._make_registry()
        self._make_database()
        self._make_load_balancer()
        self._make_services()
        self._make_distributions()
        self.client("secretsmanager").create_secret(
            Name=self.names.header_secret,
            SecretString=json.dumps({"MAINTENANCE_HEADER_NAME": HEADER, "MAINTENANCE_HEADER_SECRET": SECRET}),
        )

    def _make_registry(self) -> None:
        self.registry = f"{self.account}.dkr.ecr.{REGION}.amazonaws.com/graasp"
        self.client("ecr").create_repository(repositoryName="graasp", imageTagMutability="IMMUTABLE")
        for version in ("v1.0.0", "v1.1.0"):
            self.push(version)

    def push(self, version: str, names: tuple[str, ...] = ("core", "workers", "migrate")) -> None:
        for name in names:
            self.client("ecr").put_image(
                repositoryName="graasp",
                imageTag=f"{name}-{version}",
                imageManifest=json.dumps({"schemaVersion": 2, "of": f"{name} {version}"}),
                imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
            )

    def _make_database(self) -> None:
        rds = self.client("rds")
        rds.create_db_subnet_group(
            DBSubnetGroupName="graasp", DBSubnetGroupDescription="graasp", SubnetIds=self.subnets
        )
        rds.create_db_parameter_group(
            DBParameterGroupName="graasp-postgres16",
            DBParameterGroupFamily="postgres16",
            Description="graasp",
        )
        # The first of the account is somebody else's.
        for identifier in ("another-database", self.names.database):
            rds.create_db_instance(
                DBInstanceIdentifier=identifier,
                DBInstanceClass="db.t4g.small",
                Engine="postgres",
                MasterUsername="graasp",
                MasterUserPassword="a-password",
                AllocatedStorage=20,
                DBSubnetGroupName="graasp",
                DBParameterGroupName="graasp-postgres16",
                VpcSecurityGroupIds=[self.security_group],
                BackupRetentionPeriod=7,
                DeletionProtection=True,
                Tags=[{"Key": "terraform-managed", "Value": "true"}],
            )

    def _make_load_balancer(self) -> None:
        elb = self.client("elbv2")
        [balancer] = elb.create_load_balancer(Name=self.names.load_balancer, Subnets=self.subnets)[
            "LoadBalancers"
        ]
        self.groups = {
            service: elb.create_target_group(
                Name=SERVICES[service], Protocol="HTTP", Port=3000, VpcId=self.vpc, TargetType="ip"
            )["TargetGroups"][0]["TargetGroupArn"]
            for service in _BALANCED
        }
        certificate = self.client("acm").request_certificate(DomainName="example.org")["CertificateArn"]
        to_maintenance = {
            "Type": "redirect",
            "RedirectConfig": {"Host": "maintenance.example.org", "StatusCode": "HTTP_302"},
        }
        for port, protocol, certificates in (
            (80, "HTTP", {}),
            (443, "HTTPS", {"Certificates": [{"CertificateArn": certificate}]}),
        ):
            [listener] = elb.create_listener(
                LoadBalancerArn=balancer["LoadBalancerArn"],
                Protocol=protocol,
                Port=port,
                DefaultActions=[to_maintenance],
                **certificates,
            )["Listeners"]
        self.listener = listener["ListenerArn"]
        for priority, condition, service in RULES:
            group = self.groups.get(service) if service else None
            forward = {"Type": "forward", "TargetGroupArn": group} if group else to_maintenance
            elb.create_rule(
                ListenerArn=self.listener,
                Priority=priority,
                Conditions=_conditions(**condition),
                Actions=[forward],
                **({"Tags": [{"Key": GUARDED_SERVICE_TAG, "Value": service}]} if service else {}),
            )

    def _make_services(self) -> None:
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=self.names.cluster)
        for family in (*SERVICES.values(), MIGRATE_FAMILY):
            self._register(family)
        network = {
            "awsvpcConfiguration": {
                "subnets": self.subnets,
                "securityGroups": [self.security_group],
                "assignPublicIp": "DISABLED",
            }
        }
        for service, replicas in self.names.replicas.items():
            group = self.groups.get(service)
            container = CONTAINERS[SERVICES[service]].name
            ecs.create_service(
                cluster=self.names.cluster,
                serviceName=SERVICES[service],
                taskDefinition=SERVICES[service],
                desiredCount=replicas,
                launchType="FARGATE",
                networkConfiguration=network,
                loadBalancers=[
                    {"targetGroupArn": group, "containerName": container, "containerPort": 3000}
                ] if group else [],
            )  # fmt: skip
            self._settle(service)
        for service in _SCALED:
            self.client("application-autoscaling").register_scalable_target(
                ServiceNamespace="ecs",
                ResourceId=f"service/{self.names.cluster}/{SERVICES[service]}",
                ScalableDimension="ecs:service:DesiredCount",
                MinCapacity=self.names.replicas[service],
                MaxCapacity=8,
            )

    def _register(self, family: str) -> None:
        container = CONTAINERS[family]
        image = f"{self.registry}:{container.tag('v1.0.0')}" if container.image else "example.org/other:7"
        sidecars = (
            [{"name": "nudenet", "image": "example.org/nudenet:1", "memory": 256}]
            if family == "graasp"
            else []
        )
        self.client("ecs").register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": container.name,
                    "image": image,
                    "memory": 256,
                    "environment": [{"name": "PORT", "value": "3000"}],
                    "secrets": [{"name": "JWT_SECRET", "valueFrom": "arn:aws:secretsmanager:x:y:secret:z"}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": container.log_group,
                            "awslogs-region": REGION,
                            "awslogs-stream-prefix": "ecs",
                        },
                    },
                },
                *sidecars,
            ],
            tags=[{"key": "terraform-managed", "value": "true"}],
        )
        self.client("logs").create_log_group(logGroupName=container.log_group)

    def _make_distributions(self) -> None:
        cloudfront = self.client("cloudfront")
        cloudfront.create_function(
            Name=self.names.maintenance_function,
            FunctionConfig={"Comment": "asks for the header", "Runtime": "cloudfront-js-2.0"},
            FunctionCode=b"function handler(event) { return event.request }",
        )
        for name in (*GUARDED_DISTRIBUTIONS, "apps", "maintenance"):
            cloudfront.create_distribution(
                DistributionConfig={
                    "CallerReference": name,
                    "Comment": self.names.distribution(name),
                    "Enabled": True,
                    "Origins": {
                        "Quantity": 1,
                        "Items": [{"Id": "bucket", "DomainName": f"{name}.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}],
                    },
                    "DefaultCacheBehavior": {"TargetOriginId": "bucket", "ViewerProtocolPolicy": "redirect-to-https", "MinTTL": 0, "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}}},
                }
            )  # fmt: skip

    # --- what moto leaves out ------------------------------------------------------------------------

    def _as_account(self, request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = self.account

    def _record(self, model: Any, **_: Any) -> None:
        self.actions.add(f"{model.service_model.signing_name}:{model.name}")

    def _before(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params
        self._advance(model.name)
        if model.name == "ListTasks":
            for task in self.ecs.tasks.get(self.names.cluster, {}).values():
                if task.last_status == "STOPPED":
                    task.desired_status = "STOPPED"

    def _after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if "Error" in parsed or not self._is_made:
            return
        if react := getattr(self, f"_after_{xform_name(model.name)}", None):
            react(context["asked"], parsed)

    def _advance(self, looking: str) -> None:
        waiting = self._later.pop(looking, [])
        for looks, effect in waiting:
            if looks:
                self._later[looking].append((looks - 1, effect))
            else:
                effect()

    def _soon(self, looking: str, effect: Callable[[], None]) -> None:
        self._later[looking].append((_LOOKS, effect))

    def _after_run_task(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        [task_arn] = [task["taskArn"] for task in parsed["tasks"]]
        task = self.ecs.tasks[self.names.cluster][task_arn]
        [override] = asked["overrides"]["containerOverrides"]
        command = " ".join(override.get("command", []))
        self.commands.append(
            f"{asked['taskDefinition'].rpartition('/')[2].partition(':')[0]} {command}".strip()
        )
        end = self.ends[command]
        [container] = task.containers
        container.exitCode = end.exit_code
        if end.exit_code is None:
            task.stopped_reason = "CannotPullContainerError: not found"
        if end.log:
            self._log(container.name, task.id, end.log)

    def _log(self, container: str, task: str, lines: tuple[str, ...]) -> None:
        logs = self.client("logs")
        place = {"logGroupName": f"/ecs/{container}", "logStreamName": f"ecs/{container}/{task}"}
        now = int(time.time() * 1000)
        logs.create_log_stream(**place)
        logs.put_log_events(
            **place,
            logEvents=[{"timestamp": now + n, "message": line} for n, line in enumerate(lines)],
        )

    def _after_update_service(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        service = next(service for service, name in SERVICES.items() if name == asked["service"])
        if "desiredCount" in asked:
            self.counts.append((service, asked["desiredCount"]))
        found = self.service(service)
        before = dict(found.deployments[0])
        # moto has it running at once.
        found.running_count, found.pending_count = before["runningCount"], found.desired_count
        if "taskDefinition" in asked or asked.get("forceNewDeployment"):
            new = before | {
                "id": f"ecs-svc/{len(self.counts)}",
                "taskDefinition": found.task_definition,
                "rolloutState": "IN_PROGRESS",
            }
            found.deployments = [new, before | {"status": "ACTIVE"}]
        self._soon("DescribeServices", lambda: self._settle(service))

    def _settle(self, service: Service) -> None:
        found = self.service(service)
        found.running_count, found.pending_count = found.desired_count, 0
        primary = found.deployments[0]
        primary["runningCount"] = found.desired_count
        primary["rolloutState"] = "COMPLETED"
        if reason := self.broken.get(service):
            primary["rolloutState"] = "FAILED"
            primary["rolloutStateReason"] = reason
        found.deployments = [primary]
        if service in self.groups:
            group = elbv2_backends[self.account][REGION].target_groups[self.groups[service]]
            group.targets.clear()
            for n in range(found.desired_count):
                group.register([{"Id": f"10.0.0.{n + 1}", "Port": 3000}])

    def _after_start_db_instance(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        self._become(asked["DBInstanceIdentifier"], "starting", "available")

    def _after_stop_db_instance(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        self._become(asked["DBInstanceIdentifier"], "stopping", "stopped")

    def _after_restore_db_instance_from_db_snapshot(
        self, asked: dict[str, Any], parsed: dict[str, Any]
    ) -> None:
        self._become(asked["DBInstanceIdentifier"], "creating", "available")

    def _after_create_db_snapshot(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        snapshot = self.snapshots[asked["DBSnapshotIdentifier"]]
        snapshot.status, snapshot.percent_progress = "creating", 40

        def taken() -> None:
            snapshot.status, snapshot.percent_progress = "available", 100

        self._soon("DescribeDBSnapshots", taken)

    def _become(self, identifier: str, now: str, then: str) -> None:
        instance = self.instances[identifier]
        instance.status = now
        self._soon("DescribeDBInstances", lambda: setattr(instance, "status", then))

    def become(self, now: str, then: str) -> None:
        """The database is on its way already."""
        self._become(self.names.database, now, then)

    def _after_update_distribution(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        associations = asked["DistributionConfig"]["DefaultCacheBehavior"]["FunctionAssociations"]
        distribution = next(found for found in self._distributions() if found.id == asked["Id"])
        distribution.distribution_config.DefaultCacheBehavior.function_associations = associations

    def _distributions(self) -> Iterator[Any]:
        yield from cloudfront_backends[self.account]["aws"].distributions.values()


def _conditions(host: str | None = None, path: str | None = None) -> list[dict[str, Any]]:
    hosts = [{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}] if host else []
    paths = [{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}] if path else []
    return [*hosts, *paths]
