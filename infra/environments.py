"""What differs from one environment to the next. Everything else is the same everywhere, so that dev tells of prod."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from graasp.deployment.aws_names import AwsNames

# The bucket is made by hand, once, before anything else; see README.md.
STATE_BUCKET = "graasp-terraform-state"
STATE_REGION = "eu-central-2"


class Size(NamedTuple):
    """Of a Fargate task: 1024 units are one processor; memory is in MiB."""

    cpu: int
    memory: int


class Environment(NamedTuple):
    name: str
    domain: str
    region: str
    sender: str
    # The network has the addresses 10.<number>.0.0/16: environments can be connected one day.
    network_number: int
    # Each has its own zone; with one, the tasks of the other zones lose the outside world along with that zone.
    nat_gateways: int
    # A second instance of database and Redis, in another zone, that takes over.
    standby: bool
    database_class: str
    backup_days: int
    redis_node: str
    web_size: Size
    # Tasks that may be interrupted at any time, for a third of the price.
    spot: bool
    # Whether a mistaken `destroy` is refused by AWS itself.
    protected: bool
    worker_maximum: int = 8
    core_maximum: int = 8
    # Address that alarms are sent to is an input; how many US dollars a month are expected is known.
    monthly_budget: int = 200

    @property
    def names(self) -> AwsNames:
        return AwsNames(self.name)

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(f"{self.region}{letter}" for letter in "abc")

    @property
    def internal_domain(self) -> str:
        """Names that only the network resolves."""
        return f"graasp-{self.name}.internal"

    def host(self, name: str) -> str:
        return f"{name}.{self.domain}"

    def bucket(self, name: str) -> str:
        return f"graasp-{self.name}-{name}"


_SMALL = Environment(
    name="dev",
    domain="dev.graasp.org",
    region="eu-central-1",
    sender="noreply.dev@graasp.org",
    network_number=32,
    nat_gateways=1,
    standby=False,
    database_class="db.t4g.micro",
    backup_days=1,
    redis_node="cache.t4g.micro",
    web_size=Size(256, 512),
    spot=True,
    protected=False,
)

ENVIRONMENTS: Mapping[str, Environment] = MappingProxyType(
    {
        environment.name: environment
        for environment in (
            _SMALL,
            _SMALL._replace(
                name="staging",
                domain="staging.graasp.org",
                sender="noreply.staging@graasp.org",
                network_number=33,
                backup_days=7,
                spot=False,
            ),
            Environment(
                name="prod",
                domain="graasp.org",
                region="eu-central-2",
                sender="noreply@graasp.org",
                network_number=34,
                nat_gateways=3,
                standby=True,
                database_class="db.t4g.small",
                backup_days=7,
                redis_node="cache.t4g.small",
                web_size=Size(512, 1024),
                spot=False,
                protected=True,
                monthly_budget=900,
            ),
        )
    }
)
