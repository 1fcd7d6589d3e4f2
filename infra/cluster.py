"""The cluster and its services. How many tasks of each run is for `graasp state` to say, once they are there."""

from typing import NamedTuple

from cdktn import TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.ecs_cluster import EcsCluster, EcsClusterSetting
from cdktn_provider_aws.ecs_cluster_capacity_providers import EcsClusterCapacityProviders
from cdktn_provider_aws.ecs_service import EcsService, EcsServiceLoadBalancer
from cdktn_provider_aws.ecs_service import (
    EcsServiceCapacityProviderStrategy as Strategy,
)
from cdktn_provider_aws.ecs_service import (
    EcsServiceDeploymentCircuitBreaker as CircuitBreaker,
)
from cdktn_provider_aws.ecs_service import (
    EcsServiceNetworkConfiguration as NetworkConfiguration,
)
from cdktn_provider_aws.ecs_service import (
    EcsServiceServiceRegistries as Registered,
)
from cdktn_provider_aws.service_discovery_service import (
    ServiceDiscoveryService,
    ServiceDiscoveryServiceDnsConfig,
    ServiceDiscoveryServiceDnsConfigDnsRecords,
)

from graasp.deployment.aws_names import CONTAINERS, SERVICES
from graasp.deployment.states import Service, State, desired_count
from infra.environments import Environment
from infra.load_balancer import SERVED, LoadBalancer
from infra.network import Network
from infra.reach import Party, SecurityGroups
from infra.services import Services

_PARTIES = {
    Service.CORE: Party.CORE,
    Service.WORKERS: Party.WORKERS,
    Service.WEB: Party.WEB,
    Service.LIBRARY: Party.LIBRARY,
    Service.ETHERPAD: Party.ETHERPAD,
    Service.UMAMI: Party.UMAMI,
    Service.MEILISEARCH: Party.MEILISEARCH,
    Service.IFRAMELY: Party.IFRAMELY,
}
# Whom others in the network call, by `<name>.<internal domain>`. Names of DNS: one-off tasks resolve them as well.
_CALLED = (
    Service.CORE,
    Service.WEB,
    Service.ETHERPAD,
    Service.UMAMI,
    Service.MEILISEARCH,
    Service.IFRAMELY,
)
# May be interrupted in an environment where that is accepted: whoever asks tries again, jobs are handed back.
_INTERRUPTIBLE = frozenset(
    {Service.CORE, Service.WORKERS, Service.LIBRARY, Service.ETHERPAD, Service.UMAMI, Service.IFRAMELY}
)
# Operators look into these, and reach the dashboard through them.
_SESSIONS = frozenset({Service.CORE, Service.WORKERS, Service.WEB})
_STARTING_S = 120


class Placement(NamedTuple):
    """Where tasks are."""

    network: Network
    groups: SecurityGroups


class Cluster:
    def __init__(
        self,
        stack: TerraformStack,
        environment: Environment,
        state: State,
        placement: Placement,
        load_balancer: LoadBalancer,
        definitions: Services,
    ) -> None:
        self._stack = stack
        self._environment = environment
        self._state = state
        self._placement = placement
        self._load_balancer = load_balancer
        self._definitions = definitions
        self.cluster = EcsCluster(
            stack,
            "cluster",
            name=environment.names.cluster,
            setting=[EcsClusterSetting(name="containerInsights", value="enabled")],
        )
        self._capacity = EcsClusterCapacityProviders(
            stack,
            "capacity",
            cluster_name=self.cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
        )
        self.services = {service: self._service(service) for service in definitions.services}

    def _service(self, service: Service) -> EcsService:
        name, party = SERVICES[service], _PARTIES[service]
        served = SERVED.get(service)
        target_groups = self._load_balancer.target_groups
        count = desired_count(self._state, service, self._environment.names.replicas)
        return EcsService(
            self._stack,
            f"service_{name}",
            name=name,
            cluster=self.cluster.id,
            task_definition=self._definitions.services[service].arn,
            desired_count=count,
            capacity_provider_strategy=self._strategy(service),
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker=CircuitBreaker(enable=True, rollback=True),
            health_check_grace_period_seconds=_STARTING_S if served else None,
            enable_execute_command=service in _SESSIONS,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            network_configuration=NetworkConfiguration(
                subnets=self._placement.network.private_subnets,
                security_groups=[self._placement.groups.of(party)],
                assign_public_ip=False,
            ),
            load_balancer=[
                EcsServiceLoadBalancer(
                    container_name=CONTAINERS[name].name,
                    container_port=served.port,
                    target_group_arn=target_groups[service].arn,
                )
            ]
            if served
            else None,
            service_registries=self._registered(service),
            # A target group is part of a load balancer only once a rule leads to it.
            depends_on=[self._capacity, *self._load_balancer.rules],
            # `graasp state` changes the first, `graasp release` the second.
            lifecycle=TerraformResourceLifecycle(ignore_changes=["desired_count", "task_definition"]),
        )

    def _strategy(self, service: Service) -> list[Strategy]:
        always = Strategy(capacity_provider="FARGATE", base=1, weight=1)
        spot = Strategy(capacity_provider="FARGATE_SPOT", weight=1)
        if self._environment.spot and service in _INTERRUPTIBLE:
            return [spot]
        # The first task stays; of those that a long queue adds, most may be taken away again.
        if service is Service.WORKERS:
            return [always, Strategy(capacity_provider="FARGATE_SPOT", weight=3)]
        return [always]

    def _registered(self, service: Service) -> Registered | None:
        if service not in _CALLED:
            return None
        discovery = ServiceDiscoveryService(
            self._stack,
            f"name_within_{service}",
            name=service,
            dns_config=ServiceDiscoveryServiceDnsConfig(
                namespace_id=self._placement.network.namespace,
                routing_policy="MULTIVALUE",
                dns_records=[ServiceDiscoveryServiceDnsConfigDnsRecords(type="A", ttl=10)],
            ),
        )
        return Registered(registry_arn=discovery.arn)
