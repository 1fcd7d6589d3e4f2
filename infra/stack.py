"""One environment, put together."""

from pathlib import Path

from cdktn import App, S3Backend, TerraformOutput, TerraformStack
from cdktn_provider_aws.data_aws_route53_zone import DataAwsRoute53Zone
from cdktn_provider_aws.provider import AwsProvider, AwsProviderDefaultTags
from constructs import Construct

from graasp.deployment.states import State
from infra.alarms import Alarms
from infra.buckets import Buckets
from infra.cdn import Cdn
from infra.certificates import certificates
from infra.cluster import Cluster, Placement
from infra.collector import Collector
from infra.database import Database
from infra.dns import Place, names
from infra.environments import STATE_BUCKET, STATE_REGION, Environment
from infra.firewall import firewall
from infra.inputs import Inputs
from infra.load_balancer import LoadBalancer
from infra.network import Network
from infra.operators import operators
from infra.reach import SecurityGroups
from infra.reconciler import reconciler
from infra.redis import Redis
from infra.registries import Registries
from infra.scaling import Scaling
from infra.secrets import Secrets
from infra.services import RECONCILE_FAMILY, Parts, define
from infra.state_record import state_record

# Write-only arguments keep secrets out of Terraform's state; OpenTofu has them as well.
_NEEDED = {"terraform": ">=1.11.0", "opentofu": ">=1.11.0"}


class GraaspStack(TerraformStack):
    """What `graasp state` changes between two applies (counts, header conditions, power) is ignored afterwards."""

    def __init__(self, scope: Construct, environment: Environment, state: State) -> None:
        super().__init__(scope, environment.names.cluster)
        self._backend(environment)
        virginia = self._providers(environment)
        inputs = Inputs(self)
        zone = DataAwsRoute53Zone(self, "zone", name=environment.domain, private_zone=False).zone_id
        proven = certificates(self, environment, zone, virginia)
        network = Network(self, environment)
        groups = SecurityGroups(self, environment, network)
        placement = Placement(network, groups)
        secrets = Secrets(self, environment, inputs)
        database = Database(self, environment, network, groups, secrets)
        redis = Redis(self, environment, network, groups, secrets)
        buckets = Buckets(self, environment)
        cdn = Cdn(self, environment, state, inputs, buckets, proven.cdn)
        buckets.write_policies()
        load_balancer = LoadBalancer(
            self, environment, state, inputs, network, groups, buckets, proven.load_balancer
        )
        firewall(self, environment, load_balancer.balancer.arn)
        registries = Registries(self)
        collector = Collector(self, environment)
        definitions = define(
            self, Parts(environment, inputs, secrets, database, redis, buckets, registries, collector)
        )
        cluster = Cluster(self, environment, state, placement, load_balancer, definitions)
        Scaling(self, environment, state, cluster)
        Alarms(self, environment, inputs, load_balancer, cluster, database, redis)
        reconciler(self, environment, cluster, placement, registries, definitions.roles[RECONCILE_FAMILY])
        operators(self, environment, registries)
        state_record(self, environment, state)
        names(
            self,
            environment,
            zone,
            Place(load_balancer.balancer.dns_name, load_balancer.balancer.zone_id),
            {
                name: Place(distribution.domain_name, distribution.hosted_zone_id)
                for name, distribution in cdn.distributions.items()
            },
        )
        TerraformOutput(self, "address", value=f"https://{environment.domain}")

    def _backend(self, environment: Environment) -> None:
        S3Backend(
            self,
            bucket=STATE_BUCKET,
            key=f"{environment.names.cluster}.tfstate",
            region=STATE_REGION,
            encrypt=True,
            use_lockfile=True,
        )

    def _providers(self, environment: Environment) -> AwsProvider:
        """The environment's region, and the one that CloudFront takes certificates from, which is returned."""
        tags = [AwsProviderDefaultTags(tags={"terraform-managed": "true", "environment": environment.name})]
        AwsProvider(self, "aws", region=environment.region, default_tags=tags)
        return AwsProvider(self, "aws_virginia", alias="virginia", region="us-east-1", default_tags=tags)


def synthesise(environment: Environment, state: State, output: Path) -> Path:
    """Write the stack out; the folder that Terraform is run in."""
    app = App(outdir=str(output), context={"targetVersions": _NEEDED})
    GraaspStack(app, environment, state)
    app.synth()
    return output / "stacks" / environment.names.cluster
