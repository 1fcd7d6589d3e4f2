"""Who may reach whom."""

import ipaddress

import pytest

from tests.infra.synthesised import Resource, Synthesised, referred_to

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

OUTSIDE = "0.0.0.0/0"
# By whom each is reached, and at which port.
REACHED = {
    ("load-balancer", 80): {OUTSIDE},
    ("load-balancer", 443): {OUTSIDE},
    ("core", 3111): {"load-balancer", "core"},
    ("web", 4000): {"load-balancer"},
    ("library", 3000): {"load-balancer"},
    ("etherpad", 9001): {"load-balancer", "core", "workers"},
    ("umami", 3000): {"load-balancer", "web"},
    ("meilisearch", 7700): {"core", "workers"},
    ("iframely", 8061): {"core", "workers"},
    ("redis", 6379): {"core", "workers"},
    ("database", 5432): {"core", "workers", "web", "umami", "etherpad"},
}


def _end(rule: Resource, kind: str) -> str:
    assert rule["ip_protocol"] == "tcp"
    assert rule["from_port"] == rule["to_port"]
    return str(rule["cidr_ipv4"]) if "cidr_ipv4" in rule else _party(rule[kind])


def _party(reference: str) -> str:
    return referred_to(reference).removeprefix("group_")


def test_each_is_reached_by_whom_it_needs_to_be_and_nobody_else(running: Synthesised) -> None:
    reached: dict[tuple[str, int], set[str]] = {}
    for rule in running.all("aws_vpc_security_group_ingress_rule").values():
        target = (_party(rule["security_group_id"]), rule["from_port"])
        reached.setdefault(target, set()).add(_end(rule, "referenced_security_group_id"))
    assert reached == REACHED


def test_what_may_come_in_there_may_go_out_here(running: Synthesised) -> None:
    outwards = {
        (_party(rule["security_group_id"]), _end(rule, "referenced_security_group_id"), rule["from_port"])
        for rule in running.all("aws_vpc_security_group_egress_rule").values()
    }
    within = {way for way in outwards if way[1] != OUTSIDE}
    assert within == {
        (source, target, port)
        for (target, port), sources in REACHED.items()
        for source in sources
        if source != OUTSIDE
    }
    # The load balancer and the stores of data call nobody outside.
    assert {source for source, target, _ in outwards if target == OUTSIDE}.isdisjoint(
        {"load-balancer", "redis", "database"}
    )
    assert {port for _, target, port in outwards if target == OUTSIDE} == {80, 443, 465, 587}


def test_groups_let_nothing_through_by_themselves(running: Synthesised) -> None:
    for group in running.all("aws_security_group").values():
        assert (group["ingress"], group["egress"]) == ([], [])
    default = running.only("aws_default_security_group")
    assert "ingress" not in default
    assert "egress" not in default


def test_tasks_and_data_are_in_private_subnets_without_public_addresses(running: Synthesised) -> None:
    private = {f"${{aws_subnet.private_{number}.id}}" for number in range(3)}
    for service in running.services.values():
        network = service["network_configuration"]
        assert network["assign_public_ip"] is False
        assert set(network["subnets"]) == private
        assert len(network["security_groups"]) == 1
    for kind in ("aws_db_subnet_group", "aws_elasticache_subnet_group"):
        assert set(running.only(kind)["subnet_ids"]) == private
    assert running.only("aws_db_instance")["publicly_accessible"] is False
    balancer = running.only("aws_lb")
    assert set(balancer["subnets"]) == {f"${{aws_subnet.public_{number}.id}}" for number in range(3)}


def test_addresses_are_private_ones_and_each_zone_has_a_subnet_of_each_kind(running: Synthesised) -> None:
    whole = ipaddress.ip_network(running.only("aws_vpc")["cidr_block"])
    assert whole.subnet_of(ipaddress.ip_network("10.0.0.0/8"))
    subnets = running.all("aws_subnet")
    networks = [ipaddress.ip_network(subnet["cidr_block"]) for subnet in subnets.values()]
    assert all(network.subnet_of(whole) for network in networks)
    assert not any(
        one.overlaps(other) for number, one in enumerate(networks) for other in networks[number + 1 :]
    )
    for kind in ("public", "private"):
        zones = [subnets[f"{kind}_{number}"]["availability_zone"] for number in range(3)]
        assert [zone[-1] for zone in zones] == ["a", "b", "c"]


def test_private_subnets_leave_through_nat_gateways_and_public_ones_do_not(running: Synthesised) -> None:
    ways = {name: route for name, route in running.all("aws_route").items() if "nat_gateway_id" in route}
    assert set(ways) == {f"private_{number}_to_internet" for number in range(3)}
    gateways = {route["nat_gateway_id"] for route in ways.values()}
    # In production, the tasks of a zone do without the other zones.
    assert len(gateways) == (3 if running.environment == "prod" else 1)


def test_networks_of_environments_do_not_overlap() -> None:
    from infra.environments import ENVIRONMENTS

    numbers = [environment.network_number for environment in ENVIRONMENTS.values()]
    assert len(set(numbers)) == len(numbers)
