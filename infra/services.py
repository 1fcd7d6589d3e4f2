"""What runs in the cluster, and with what."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cdktn import TerraformStack
from cdktn_provider_aws.ecs_task_definition import EcsTaskDefinition

from graasp.deployment.aws_names import CONTAINERS, MIGRATE_FAMILY, REPOSITORY, SERVICES
from graasp.deployment.states import Service
from infra import product
from infra.buckets import FILE_ITEMS, H5P, Buckets
from infra.collector import Collector
from infra.database import Database
from infra.environments import Environment, Size
from infra.inputs import Inputs
from infra.permissions import allow, statements_of
from infra.reach import Ports
from infra.redis import Redis
from infra.registries import ETHERPAD, LIBRARY, WEB, Registries
from infra.secrets import Reference, Secrets
from infra.tasks import Container, Family, Health, TaskDefinitions

# Their makers' images, pinned by us.
_UMAMI = "umamisoftware/umami:3.0.3"
_MEILISEARCH = "getmeili/meilisearch:v1.8.4"
_POSTGRESQL = "postgres:16.11-alpine"

DATABASES_FAMILY = "databases"
RECONCILE_FAMILY = "reconcile"

_CORE_SIZE = Size(1024, 2048)
_SMALL = Size(256, 512)


def _answers(port: int, path: str) -> Health:
    """ECS does not look at what an image says of its own health."""
    code = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}{path}', timeout=4)"
    return Health(["CMD", "python", "-c", code])


class Services(NamedTuple):
    """Task definitions of the services. `roles` are those that the tasks of a family take on."""

    services: Mapping[Service, EcsTaskDefinition]
    roles: Mapping[str, list[str]]


class Parts(NamedTuple):
    """What the services are made of."""

    environment: Environment
    inputs: Inputs
    secrets: Secrets
    database: Database
    redis: Redis
    buckets: Buckets
    registries: Registries
    collector: Collector


def define(stack: TerraformStack, parts: Parts) -> Services:
    definitions = TaskDefinitions(stack, parts.environment, parts.registries)
    services = {
        Service.CORE: _core(parts),
        Service.WORKERS: _workers(parts),
        Service.WEB: _web(parts),
        Service.LIBRARY: _library(parts),
        Service.ETHERPAD: _etherpad(parts),
        Service.UMAMI: _umami(parts),
        Service.MEILISEARCH: _meilisearch(parts),
        Service.IFRAMELY: _iframely(parts),
    }
    once = (_migrate(parts), _databases(parts), _reconcile(parts))
    defined = {service: definitions.define(family) for service, family in services.items()}
    for family in once:
        definitions.define(family)
    return Services(defined, definitions.roles)


def _ours(parts: Parts, family: str) -> str:
    return parts.registries.image(REPOSITORY, CONTAINERS[family].tag(parts.inputs.versions.ours))


def _product_variables(parts: Parts) -> product.Variables:
    connections = parts.database.product | parts.redis.product
    return product.common(parts.environment, parts.secrets, connections)


def _core(parts: Parts) -> Family:
    name = SERVICES[Service.CORE]
    variables = _product_variables(parts) | product.of_core(parts.secrets)
    container = Container(
        CONTAINERS[name].name,
        _ours(parts, name),
        Ports.CORE,
        variables.plain,
        variables.secret,
        health=_answers(Ports.CORE, "/health"),
        stop_s=60,
    )
    return Family(name, [container], _CORE_SIZE, sessions=True)


def _workers(parts: Parts) -> Family:
    name = SERVICES[Service.WORKERS]
    variables = _product_variables(parts) | product.of_workers()
    container = Container(
        CONTAINERS[name].name,
        _ours(parts, name),
        None,
        variables.plain,
        variables.secret,
        health=_answers(product.WORKER_METRICS_PORT, "/health"),
        stop_s=product.WORKER_STOP_S,
    )
    return Family(
        name,
        [container, parts.collector.container],
        Size(512, 1024),
        permissions=parts.collector.permissions,
        sessions=True,
        # Archives are made and read on the disk.
        storage_gib=40,
    )


def _migrate(parts: Parts) -> Family:
    container = Container(
        CONTAINERS[MIGRATE_FAMILY].name,
        _ours(parts, MIGRATE_FAMILY),
        secrets=parts.database.product,
        # In the middle of a statement, it is given the time to end.
        stop_s=120,
    )
    return Family(MIGRATE_FAMILY, [container], _SMALL, logs_days=7)


def _web(parts: Parts) -> Family:
    environment, secrets = parts.environment, parts.secrets
    name = SERVICES[Service.WEB]
    container = Container(
        CONTAINERS[name].name,
        parts.registries.image(WEB, parts.inputs.versions.web),
        Ports.WEB,
        {
            "PHX_HOST": environment.domain,
            "FILE_ITEMS_BUCKET_NAME": environment.bucket(FILE_ITEMS),
            "H5P_CONTENT_BUCKET_NAME": environment.bucket(H5P),
            "AWS_REGION": environment.region,
        },
        {
            **parts.database.web,
            **secrets.web,
            **secrets.filled_in("web"),
            "MEILISEARCH_REBUILD_SECRET": secrets.shared["MEILISEARCH_REBUILD_SECRET"],
            "ADMIN_SHARED_SECRET": secrets.shared["ADMIN_SHARED_SECRET"],
            "GRAASP_APPS_JWT_SECRET": secrets.shared["APPS_JWT_SECRET"],
        },
        health=Health(["CMD-SHELL", f"curl -f http://127.0.0.1:{Ports.WEB}/up?aws=true"], timeout_s=10),
    )
    permissions = [
        *parts.buckets.objects_of(FILE_ITEMS, actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
        *parts.buckets.objects_of(H5P, actions=["s3:GetObject", "s3:PutObject"]),
        allow(
            ["ses:SendEmail", "ses:SendRawEmail"],
            f"arn:aws:ses:{environment.region}:{parts.registries.account}:identity/*",
            Condition={"StringLike": {"ses:FromAddress": f"*@{environment.sender.partition('@')[2]}"}},
        ),
    ]
    return Family(name, [container], environment.web_size, permissions=permissions, sessions=True)


def _library(parts: Parts) -> Family:
    environment, name = parts.environment, SERVICES[Service.LIBRARY]
    hosts = {
        "VITE_API_HOST": f"https://{environment.host('api')}",
        "VITE_CLIENT_HOST": f"https://{environment.domain}",
        "VITE_HOST": f"https://{environment.host('library')}",
    }
    image = parts.registries.image(LIBRARY, parts.inputs.versions.library)
    return _companion(name, image, Ports.LIBRARY, hosts, {})


def _etherpad(parts: Parts) -> Family:
    variables = {
        "DB_TYPE": "postgres",
        "DB_HOST": parts.database.instance.address,
        "DB_PORT": str(Ports.DATABASE),
        "DB_NAME": "etherpad",
        "DB_USER": "etherpad",
        # Encrypted: the database refuses anything else.
        "PGSSLMODE": "no-verify",
        "EDIT_ONLY": "true",
        "PORT": str(Ports.ETHERPAD),
        "MINIFY": "false",
    }
    image = parts.registries.image(ETHERPAD, parts.inputs.versions.etherpad)
    return _companion(
        SERVICES[Service.ETHERPAD],
        image,
        Ports.ETHERPAD,
        variables,
        {"DB_PASS": parts.database.etherpad["DB_PASS"]},
    )


def _umami(parts: Parts) -> Family:
    secrets = {**parts.secrets.umami, "DATABASE_URL": parts.database.umami["DATABASE_URL"]}
    variables = {"DISABLE_TELEMETRY": "1", "HOSTNAME": "0.0.0.0"}  # noqa: S104 - within its container
    return _companion(SERVICES[Service.UMAMI], _UMAMI, Ports.UMAMI, variables, secrets)


def _meilisearch(parts: Parts) -> Family:
    variables = {
        "MEILI_ENV": "production",
        "MEILI_NO_ANALYTICS": "true",
        "MEILI_EXPERIMENTAL_LOGS_MODE": "json",
    }
    secrets = {"MEILI_MASTER_KEY": parts.secrets.shared["MEILISEARCH_MASTER_KEY"]}
    return _companion(
        SERVICES[Service.MEILISEARCH], _MEILISEARCH, Ports.MEILISEARCH, variables, secrets, Size(256, 1024)
    )


def _iframely(parts: Parts) -> Family:
    image = f"graasp/iframely:{parts.inputs.versions.iframely}"
    # In any other mode its answers are not in time.
    return _companion(SERVICES[Service.IFRAMELY], image, Ports.IFRAMELY, {"NODE_ENV": "production"}, {})


def _companion(
    name: str,
    image: str,
    port: int,
    variables: Mapping[str, str],
    secrets: Mapping[str, Reference],
    size: Size = _SMALL,
) -> Family:
    container = Container(CONTAINERS[name].name, image, port, variables, secrets)
    return Family(name, [container], size, arm=False)


def _databases(parts: Parts) -> Family:
    """Makes what Etherpad and Umami keep their data in, once, on the product's instance."""
    container = Container(
        DATABASES_FAMILY,
        _POSTGRESQL,
        secrets=parts.database.product
        | parts.database.etherpad
        | {"UMAMI_DB_PASSWORD": parts.database.umami["UMAMI_DB_PASSWORD"]},
        entry_point=["sh", "-euc"],
        command=[Path(__file__).with_name("make_databases.sh").read_text()],
    )
    return Family(DATABASES_FAMILY, [container], _SMALL, logs_days=7)


def _reconcile(parts: Parts) -> Family:
    """`graasp state reconcile`: AWS starts a stopped database after seven days by itself."""
    environment = parts.environment
    container = Container(
        RECONCILE_FAMILY,
        _ours(parts, SERVICES[Service.CORE]),
        environment={"AWS_REGION": environment.region},
        command=[
            "graasp", "state", "reconcile", "--target", "ecs", "--environment", environment.name,
            "--operator", "schedule",
        ],
    )  # fmt: skip
    template = Path(__file__).with_name("reconciler_policy.json")
    permissions = statements_of(template, environment, parts.registries.account)
    return Family(RECONCILE_FAMILY, [container], _SMALL, permissions=permissions, logs_days=7)
