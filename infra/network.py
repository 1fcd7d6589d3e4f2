"""The network: the load balancer is in public subnets, everything else in private ones."""

from cdktn import TerraformStack
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.default_security_group import DefaultSecurityGroup
from cdktn_provider_aws.eip import Eip
from cdktn_provider_aws.flow_log import FlowLog
from cdktn_provider_aws.internet_gateway import InternetGateway
from cdktn_provider_aws.nat_gateway import NatGateway
from cdktn_provider_aws.route import Route
from cdktn_provider_aws.route_table import RouteTable
from cdktn_provider_aws.route_table_association import RouteTableAssociation
from cdktn_provider_aws.service_discovery_private_dns_namespace import ServiceDiscoveryPrivateDnsNamespace
from cdktn_provider_aws.subnet import Subnet
from cdktn_provider_aws.vpc import Vpc
from cdktn_provider_aws.vpc_endpoint import VpcEndpoint

from infra.environments import Environment
from infra.permissions import allow, role_of

_EVERYWHERE = "0.0.0.0/0"
# Private subnets begin here, in the third byte of the address; public ones at 0.
_FIRST_PRIVATE = 64


class Network:
    def __init__(self, stack: TerraformStack, environment: Environment) -> None:
        self._stack = stack
        self._environment = environment
        self._vpc = Vpc(
            stack,
            "network",
            cidr_block=self._addresses("0.0", 16),
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": environment.names.cluster},
        )
        self.id = self._vpc.id
        # The one that AWS makes lets everything in it reach everything in it: it is emptied, and not used.
        DefaultSecurityGroup(stack, "default", vpc_id=self.id)
        public = self._public_subnets()
        self.public_subnets = [subnet.id for subnet in public]
        self.private_subnets = self._private_subnets(self._nat_gateways(public))
        self._keep_flow_logs()
        self.namespace = ServiceDiscoveryPrivateDnsNamespace(
            stack,
            "names",
            name=environment.internal_domain,
            vpc=self.id,
            description="What the services call each other.",
        ).id

    def _addresses(self, rest: str, bits: int) -> str:
        return f"10.{self._environment.network_number}.{rest}/{bits}"

    def _subnet(self, kind: str, number: int, third_byte: int) -> Subnet:
        return Subnet(
            self._stack,
            f"{kind}_{number}",
            vpc_id=self.id,
            availability_zone=self._environment.zones[number],
            cidr_block=self._addresses(f"{third_byte}.0", 20),
            # Nothing in it gets a public address by itself, the load balancer and the NAT gateways have their own.
            map_public_ip_on_launch=False,
            tags={"Name": f"{self._environment.names.cluster}-{kind}-{number}"},
        )

    def _public_subnets(self) -> list[Subnet]:
        gateway = InternetGateway(self._stack, "internet", vpc_id=self.id)
        table = RouteTable(self._stack, "public_table", vpc_id=self.id)
        Route(
            self._stack,
            "public_to_internet",
            route_table_id=table.id,
            destination_cidr_block=_EVERYWHERE,
            gateway_id=gateway.id,
        )
        subnets = [self._subnet("public", number, 16 * number) for number in range(3)]
        for number, subnet in enumerate(subnets):
            RouteTableAssociation(
                self._stack, f"public_{number}_routes", subnet_id=subnet.id, route_table_id=table.id
            )
        return subnets

    def _nat_gateways(self, public: list[Subnet]) -> list[str]:
        made = []
        for number in range(self._environment.nat_gateways):
            address = Eip(self._stack, f"nat_{number}_address", domain="vpc")
            gateway = NatGateway(
                self._stack, f"nat_{number}", allocation_id=address.id, subnet_id=public[number].id
            )
            made.append(gateway.id)
        return made

    def _private_subnets(self, gateways: list[str]) -> list[str]:
        subnets, tables = [], []
        for number in range(3):
            subnet = self._subnet("private", number, _FIRST_PRIVATE + 16 * number)
            table = RouteTable(self._stack, f"private_{number}_table", vpc_id=self.id)
            Route(
                self._stack,
                f"private_{number}_to_internet",
                route_table_id=table.id,
                destination_cidr_block=_EVERYWHERE,
                nat_gateway_id=gateways[number % len(gateways)],
            )
            RouteTableAssociation(
                self._stack, f"private_{number}_routes", subnet_id=subnet.id, route_table_id=table.id
            )
            subnets.append(subnet.id)
            tables.append(table.id)
        # Files and the layers of images are most of the traffic: they take no NAT gateway, which bills each byte.
        VpcEndpoint(
            self._stack,
            "storage",
            vpc_id=self.id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self._environment.region}.s3",
            route_table_ids=tables,
        )
        return subnets

    def _keep_flow_logs(self) -> None:
        """Who was refused, for whoever looks into an incident; what was let through would be most of it."""
        group = CloudwatchLogGroup(
            self._stack, "flow_log", name=f"/vpc/{self._environment.names.cluster}", retention_in_days=30
        )
        role = role_of(
            self._stack,
            "flow_log",
            f"{self._environment.names.cluster}-flow-log",
            "vpc-flow-logs.amazonaws.com",
            [
                allow(
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], f"{group.arn}:*"
                )
            ],
        )
        FlowLog(
            self._stack,
            "refused_traffic",
            vpc_id=self.id,
            traffic_type="REJECT",
            log_destination=group.arn,
            iam_role_arn=role.arn,
        )
