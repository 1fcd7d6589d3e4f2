"""PostgreSQL. Its power belongs to `graasp state`: the provider cannot start what is stopped."""

from cdktn import TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.db_instance import DbInstance
from cdktn_provider_aws.db_parameter_group import DbParameterGroup, DbParameterGroupParameter
from cdktn_provider_aws.db_subnet_group import DbSubnetGroup
from cdktn_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment

from infra.environments import Environment
from infra.network import Network
from infra.permissions import role_of
from infra.reach import Party, Ports, SecurityGroups
from infra.secrets import Reference, Secrets

_USER = "graasp"
_ENGINE = "16.11"
_FAMILY = "postgres16"
# Raising it gives the owner a new password at the next `apply`; the tasks that run need to be started anew then.
_PASSWORD = 1


class Database:
    """`product`, `web`, `umami` and `etherpad` are the secrets of whoever connects."""

    def __init__(
        self,
        stack: TerraformStack,
        environment: Environment,
        network: Network,
        groups: SecurityGroups,
        secrets: Secrets,
    ) -> None:
        owner = secrets.password("database_owner")
        subnets = DbSubnetGroup(
            stack, "database_subnets", name=environment.names.database, subnet_ids=network.private_subnets
        )
        self.instance = DbInstance(
            stack,
            "database",
            identifier=environment.names.database,
            engine="postgres",
            engine_version=_ENGINE,
            auto_minor_version_upgrade=False,
            instance_class=environment.database_class,
            allocated_storage=20,
            max_allocated_storage=1000,
            storage_type="gp3",
            storage_encrypted=True,
            db_name="graasp",
            username=_USER,
            password_wo=owner,
            password_wo_version=_PASSWORD,
            port=Ports.DATABASE,
            multi_az=environment.standby,
            publicly_accessible=False,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[groups.of(Party.DATABASE)],
            parameter_group_name=_parameters(stack, environment),
            ca_cert_identifier="rds-ca-rsa2048-g1",
            # In dev, which is stopped in the evening, the window is before that.
            backup_window="21:30-22:00" if environment.protected else "13:30-14:00",
            backup_retention_period=environment.backup_days,
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            maintenance_window="sat:00:08-sat:00:38",
            apply_immediately=True,
            deletion_protection=True,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{environment.names.database}-last",
            performance_insights_enabled=True,
            performance_insights_retention_period=7,
            monitoring_interval=60,
            monitoring_role_arn=_monitoring_role(stack, environment),
            enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
            lifecycle=TerraformResourceLifecycle(prevent_destroy=True),
        )
        address = self.instance.address
        # The database refuses connections in clear; each client has its own word for "encrypt".
        etherpad, umami = secrets.password("database_etherpad"), secrets.password("database_umami")
        self.product = secrets.connection(
            "database",
            "The product's way to the database.",
            {
                "DB_CONNECTION": _url(
                    "postgresql", _USER, owner, address, "graasp", "backend", "sslmode=require"
                )
            },
        )
        self.web: dict[str, Reference] = secrets.connection(
            "database-web",
            "Web's way to the database.",
            {"DATABASE_URL": _url("ecto", _USER, owner, address, "graasp", "admin", "ssl=true")},
        )
        self.umami = secrets.connection(
            "database-umami",
            "Umami's way to the database.",
            {
                "DATABASE_URL": _url(
                    "postgresql", "umami", umami, address, "umami", "umami", "sslmode=no-verify"
                ),
                "UMAMI_DB_PASSWORD": umami,
            },
        )
        self.etherpad = secrets.connection(
            "database-etherpad", "Etherpad's way to the database.", {"DB_PASS": etherpad}
        )


def _url(
    scheme: str, user: str, password: str, address: str, database: str, application: str, encrypted: str
) -> str:
    return (
        f"{scheme}://{user}:{password}@{address}:{Ports.DATABASE}/{database}"
        f"?application_name={application}&{encrypted}"
    )


def _parameters(stack: TerraformStack, environment: Environment) -> str:
    """Of the whole instance. `ltree`, `uuid-ossp` and `citext` are made by the migrations: the owner may."""
    values = {
        "rds.force_ssl": "1",
        "log_min_duration_statement": "1000",
        "log_lock_waits": "1",
        # A client that died in a transaction holds its locks no longer than this.
        "idle_in_transaction_session_timeout": "600000",
    }
    return DbParameterGroup(
        stack,
        "database_parameters",
        name=f"{environment.names.database}-{_FAMILY}",
        family=_FAMILY,
        parameter=[DbParameterGroupParameter(name=name, value=value) for name, value in values.items()],
    ).name


def _monitoring_role(stack: TerraformStack, environment: Environment) -> str:
    name = f"{environment.names.cluster}-database-monitoring"
    role = role_of(stack, "database_monitoring", name, "monitoring.rds.amazonaws.com")
    IamRolePolicyAttachment(
        stack,
        "database_monitoring_permissions",
        role=role.name,
        policy_arn="arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    )
    return role.arn
