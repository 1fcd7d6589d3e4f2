"""Redis (Valkey, which speaks the same): queues and messages, kept in every state.

A managed one, not a task: with TLS, a password and daily backups. What waits in the queues outlives the states; and
the rows of the jobs are in PostgreSQL, from which the workers fill queues that were lost.
"""

from cdktn import TerraformStack
from cdktn_provider_aws.elasticache_parameter_group import (
    ElasticacheParameterGroup,
    ElasticacheParameterGroupParameter,
)
from cdktn_provider_aws.elasticache_replication_group import ElasticacheReplicationGroup
from cdktn_provider_aws.elasticache_subnet_group import ElasticacheSubnetGroup

from infra.environments import Environment
from infra.network import Network
from infra.reach import Party, Ports, SecurityGroups
from infra.secrets import Secrets

# Raising it gives it a new password at the next `apply`.
_PASSWORD = 1


class Redis:
    """`product` is the secret with its address."""

    def __init__(
        self,
        stack: TerraformStack,
        environment: Environment,
        network: Network,
        groups: SecurityGroups,
        secrets: Secrets,
    ) -> None:
        password = secrets.password("redis")
        name = f"graasp-{environment.name}"
        subnets = ElasticacheSubnetGroup(
            stack, "redis_subnets", name=name, subnet_ids=network.private_subnets
        )
        parameters = ElasticacheParameterGroup(
            stack,
            "redis_parameters",
            name=f"{name}-valkey8",
            family="valkey8",
            description="A queue that is full refuses; it never forgets what waits in it.",
            parameter=[ElasticacheParameterGroupParameter(name="maxmemory-policy", value="noeviction")],
        )
        group = ElasticacheReplicationGroup(
            stack,
            "redis",
            replication_group_id=name,
            description="Queues and messages",
            engine="valkey",
            engine_version="8.1",
            node_type=environment.redis_node,
            num_cache_clusters=2 if environment.standby else 1,
            automatic_failover_enabled=environment.standby,
            multi_az_enabled=environment.standby,
            port=Ports.REDIS,
            parameter_group_name=parameters.name,
            subnet_group_name=subnets.name,
            security_group_ids=[groups.of(Party.REDIS)],
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled="true",
            auth_token_wo=password,
            auth_token_wo_version=_PASSWORD,
            auth_token_update_strategy="ROTATE",  # noqa: S106 - how it changes
            snapshot_retention_limit=environment.backup_days,
            snapshot_window="22:30-23:30",
            maintenance_window="sat:01:00-sat:02:00",
            auto_minor_version_upgrade="true",
            apply_immediately=True,
        )
        self.cluster = f"{name}-001"
        self.product = secrets.connection(
            "redis",
            "The product's way to Redis.",
            {"REDIS_CONNECTION": f"rediss://:{password}@{group.primary_endpoint_address}:{Ports.REDIS}/0"},
        )
