"""What things are called on AWS: the cloud stack makes them under these names, the driver finds them by these.

Three things follow for the stack, since the driver changes them between two of its runs: of listener rules, the
conditions; of services, the desired count and the task definition; of distributions, the function association. The
stack makes them as in `running` and ignores them afterwards.

One-off tasks (migration, smoke test, what a core is asked) run with a task definition and the network of a service, but
outside of it: service-connect names do not resolve there. Redis, the search and the core itself need names in DNS.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from graasp.deployment.states import PRODUCTION, SINGLE, Service


class Container(NamedTuple):
    """`image`: what the tag of a version's image starts with, where our releases build it."""

    name: str
    image: str | None = None

    @property
    def log_group(self) -> str:
        return f"/ecs/{self.name}"

    def tag(self, version: str) -> str:
        """The image of a version: `core-v1.2.3`. Such a tag is never given to another image."""
        return f"{self.image}-{version}"


# Service and task family have the same name.
SERVICES: Mapping[Service, str] = MappingProxyType(
    {
        Service.CORE: "graasp",
        Service.WORKERS: "workers",
        Service.REDIS: "redis",
        Service.LIBRARY: "graasp-library",
        Service.ETHERPAD: "etherpad",
        Service.MEILISEARCH: "meilisearch",
        Service.IFRAMELY: "iframely",
        Service.UMAMI: "umami",
        Service.WEB: "admin",
    }
)
MIGRATE_FAMILY = "migrate"

# The main container of each task family.
CONTAINERS: Mapping[str, Container] = MappingProxyType(
    {
        **{name: Container(name) for name in SERVICES.values()},
        SERVICES[Service.CORE]: Container("core", "core"),
        SERVICES[Service.WORKERS]: Container("graasp-worker", "workers"),
        MIGRATE_FAMILY: Container("migrate", "migrate"),
    }
)
# The registry's repository of our images; the stack makes its tags immutable.
REPOSITORY = "graasp"

# Every listener rule that a state guards carries this tag, with the value of a Service: the rule asks for the secret
# header wherever STATES guards that service. Redirects (`go.`, `account.` …) are guarded as the core is. Rules without
# the tag, such as the JSON answer to API clients during maintenance, are never touched.
GUARDED_SERVICE_TAG = "graasp:guarded-service"

# Distributions that the states guard; `apps` and `maintenance` are served in every state.
GUARDED_DISTRIBUTIONS = ("assets", "h5p")


class AwsNames(NamedTuple):
    """The names that contain the environment: `dev`, `prod`."""

    environment: str

    @property
    def replicas(self) -> Mapping[Service, int]:
        """How many of each run where the service is up."""
        return PRODUCTION if self.environment == "prod" else SINGLE

    @property
    def cluster(self) -> str:
        return f"graasp-{self.environment}"

    @property
    def database(self) -> str:
        """The identifier of the instance."""
        return f"graasp-{self.environment}"

    @property
    def load_balancer(self) -> str:
        return f"graasp-{self.environment}"

    def distribution(self, name: str) -> str:
        """The comment by which a CloudFront distribution is found."""
        return f"graasp-{self.environment}-{name}"

    @property
    def maintenance_function(self) -> str:
        """Of CloudFront; asks viewers for the header."""
        return f"graasp-{self.environment}-maintenance-check"

    @property
    def state_parameter(self) -> str:
        """Of the Parameter Store: the record of the deployment state, as JSON. The driver makes it."""
        return f"/graasp/{self.environment}/state"

    @property
    def lock_parameter(self) -> str:
        """There while somebody changes the state."""
        return f"/graasp/{self.environment}/lock"

    @property
    def header_secret(self) -> str:
        """Of the Secrets Manager: an object with MAINTENANCE_HEADER_NAME and MAINTENANCE_HEADER_SECRET."""
        return f"graasp/{self.environment}/maintenance-header"
