"""Who may reach whom. What is not in these tables is refused, in both directions."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from cdktn import TerraformStack
from cdktn_provider_aws.security_group import SecurityGroup
from cdktn_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktn_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule

from infra.environments import Environment
from infra.network import Network


class Party(StrEnum):
    """Whoever has a security group of its own."""

    LOAD_BALANCER = "load-balancer"
    CORE = "core"
    WORKERS = "workers"
    WEB = "web"
    LIBRARY = "library"
    ETHERPAD = "etherpad"
    UMAMI = "umami"
    MEILISEARCH = "meilisearch"
    IFRAMELY = "iframely"
    REDIS = "redis"
    DATABASE = "database"
    RECONCILER = "reconciler"


class Ports:
    CORE = 3111
    WEB = 4000
    LIBRARY = 3000
    ETHERPAD = 9001
    UMAMI = 3000
    MEILISEARCH = 7700
    IFRAMELY = 8061
    REDIS = 6379
    DATABASE = 5432


class Way(NamedTuple):
    source: Party
    target: Party
    port: int


# One-off tasks (migration, smoke test, making the databases) run in the core's group.
WAYS = (
    Way(Party.LOAD_BALANCER, Party.CORE, Ports.CORE),
    Way(Party.LOAD_BALANCER, Party.WEB, Ports.WEB),
    Way(Party.LOAD_BALANCER, Party.LIBRARY, Ports.LIBRARY),
    Way(Party.LOAD_BALANCER, Party.ETHERPAD, Ports.ETHERPAD),
    Way(Party.LOAD_BALANCER, Party.UMAMI, Ports.UMAMI),
    # By its internal name: from within, the public one would ask for the maintenance header.
    Way(Party.CORE, Party.ETHERPAD, Ports.ETHERPAD),
    Way(Party.WORKERS, Party.ETHERPAD, Ports.ETHERPAD),
    Way(Party.CORE, Party.IFRAMELY, Ports.IFRAMELY),
    Way(Party.WORKERS, Party.IFRAMELY, Ports.IFRAMELY),
    Way(Party.CORE, Party.MEILISEARCH, Ports.MEILISEARCH),
    Way(Party.WORKERS, Party.MEILISEARCH, Ports.MEILISEARCH),
    Way(Party.CORE, Party.REDIS, Ports.REDIS),
    Way(Party.WORKERS, Party.REDIS, Ports.REDIS),
    Way(Party.WEB, Party.UMAMI, Ports.UMAMI),
    Way(Party.CORE, Party.DATABASE, Ports.DATABASE),
    Way(Party.WORKERS, Party.DATABASE, Ports.DATABASE),
    Way(Party.WEB, Party.DATABASE, Ports.DATABASE),
    Way(Party.UMAMI, Party.DATABASE, Ports.DATABASE),
    Way(Party.ETHERPAD, Party.DATABASE, Ports.DATABASE),
    # A smoke test asks the core that answers.
    Way(Party.CORE, Party.CORE, Ports.CORE),
)

_HTTPS = 443
_HTTP = 80
_MAIL = (465, 587)
# On Fargate, images, secrets and logs take a task's own way out: every task needs HTTPS. Plain HTTP is for the pages
# that members link to. The load balancer, Redis and the database have no reason to call anybody.
OUTSIDE: Mapping[Party, tuple[int, ...]] = MappingProxyType(
    {
        Party.CORE: (_HTTPS, _HTTP, *_MAIL),
        Party.WORKERS: (_HTTPS, _HTTP, *_MAIL),
        Party.WEB: (_HTTPS, *_MAIL),
        Party.LIBRARY: (_HTTPS,),
        Party.ETHERPAD: (_HTTPS,),
        Party.UMAMI: (_HTTPS,),
        Party.MEILISEARCH: (_HTTPS,),
        Party.IFRAMELY: (_HTTPS, _HTTP),
        Party.RECONCILER: (_HTTPS,),
    }
)
# Who is reached from everywhere.
OPEN: Mapping[Party, tuple[int, ...]] = MappingProxyType({Party.LOAD_BALANCER: (_HTTP, _HTTPS)})


class SecurityGroups:
    def __init__(self, stack: TerraformStack, environment: Environment, network: Network) -> None:
        self._stack = stack
        self._ids = {
            party: SecurityGroup(
                stack,
                f"group_{party}",
                name=f"{environment.names.cluster}-{party}",
                description=f"{party} of {environment.names.cluster}",
                vpc_id=network.id,
                # Rules are resources of their own; without these, AWS adds one that lets everything out.
                ingress=[],
                egress=[],
            ).id
            for party in Party
        }
        for way in WAYS:
            self._way(way)
        for party, ports in OUTSIDE.items():
            for port in ports:
                self._outwards(party, port)
        for party, ports in OPEN.items():
            for port in ports:
                self._inwards(party, port)

    def of(self, party: Party) -> str:
        return self._ids[party]

    def _way(self, way: Way) -> None:
        source, target = self._ids[way.source], self._ids[way.target]
        VpcSecurityGroupEgressRule(
            self._stack,
            f"{way.source}_to_{way.target}",
            description=f"to {way.target}",
            security_group_id=source,
            referenced_security_group_id=target,
            ip_protocol="tcp",
            from_port=way.port,
            to_port=way.port,
        )
        VpcSecurityGroupIngressRule(
            self._stack,
            f"{way.target}_from_{way.source}",
            description=f"from {way.source}",
            security_group_id=target,
            referenced_security_group_id=source,
            ip_protocol="tcp",
            from_port=way.port,
            to_port=way.port,
        )

    def _outwards(self, party: Party, port: int) -> None:
        VpcSecurityGroupEgressRule(
            self._stack,
            f"{party}_to_outside_{port}",
            description="to the outside",
            security_group_id=self._ids[party],
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
        )

    def _inwards(self, party: Party, port: int) -> None:
        VpcSecurityGroupIngressRule(
            self._stack,
            f"{party}_from_outside_{port}",
            description="from the outside",
            security_group_id=self._ids[party],
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
        )
