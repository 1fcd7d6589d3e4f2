"""Names: which lead to the load balancer, which to CloudFront."""

from typing import NamedTuple

from cdktn import TerraformStack
from cdktn_provider_aws.route53_record import Route53Record, Route53RecordAlias

from infra.environments import Environment

# The clients that once had hosts of their own, and are now pages of the apex.
MOVED = ("account", "auth", "player", "builder", "analytics", "association")
ON_LOAD_BALANCER = ("api", "library", "etherpad", "umami", "go", *MOVED)


class Place(NamedTuple):
    address: str
    zone: str


def names(
    stack: TerraformStack,
    environment: Environment,
    zone: str,
    load_balancer: Place,
    distributions: dict[str, Place],
) -> None:
    """Records for IPv4 and IPv6 of every name."""
    targets = {
        "apex": (environment.domain, load_balancer),
        **{name: (environment.host(name), load_balancer) for name in ON_LOAD_BALANCER},
        **{name: (environment.host(name), place) for name, place in distributions.items()},
    }
    for identifier, (host, place) in targets.items():
        for kind in ("A", "AAAA"):
            Route53Record(
                stack,
                f"name_{identifier}_{kind.lower()}",
                zone_id=zone,
                name=host,
                type=kind,
                alias=Route53RecordAlias(
                    name=place.address,
                    zone_id=place.zone,
                    # CloudFront's health can't be asked.
                    evaluate_target_health=place is load_balancer,
                ),
            )
