"""The variables of core and workers, as `graasp.settings` reads them."""

import re
from typing import NamedTuple

from infra.buckets import FILE_ITEMS, H5P
from infra.environments import ENVIRONMENTS, Environment
from infra.reach import Ports
from infra.secrets import Reference, Secrets

OPERATIONS_PORT = 3001
WORKER_METRICS_PORT = 9100
# As long as Fargate waits at most, and a little less, so that a job is handed back in time.
WORKER_STOP_S = 120
_WORKER_GRACE_S = 100


class Variables(NamedTuple):
    plain: dict[str, str]
    secret: dict[str, Reference]

    def __or__(self, other: "Variables") -> "Variables":
        return Variables(self.plain | other.plain, self.secret | other.secret)


def common(environment: Environment, secrets: Secrets, connections: dict[str, Reference]) -> Variables:
    """What core and workers are both told; `connections` are the addresses of database and Redis."""
    domain, host = environment.domain, environment.host
    cookie_domain = f".{domain}"
    plain = {
        "NODE_ENV": "production",
        "LOG_LEVEL": "info",
        "SENTRY_ENV": environment.name,
        # Where people reach it: `https://<domain>/api`.
        "CLIENT_HOST": f"https://{domain}",
        "LIBRARY_CLIENT_HOST": f"https://{host('library')}",
        "SHORT_LINK_BASE_URL": f"https://{host('go')}",
        "COOKIE_DOMAIN": cookie_domain,
        "CORS_ORIGIN_REGEX": cors_origin_regex(environment),
        "DB_CONNECTION_POOL_SIZE": "10",
        "MAILER_CONFIG_FROM_EMAIL": environment.sender,
        "FILE_STORAGE_TYPE": "s3",
        "S3_FILE_ITEM_REGION": environment.region,
        "S3_FILE_ITEM_BUCKET": environment.bucket(FILE_ITEMS),
        "H5P_FILE_STORAGE_TYPE": "s3",
        "H5P_PATH_PREFIX": "h5p-content/",
        "H5P_CONTENT_REGION": environment.region,
        "H5P_CONTENT_BUCKET": environment.bucket(H5P),
        # The bucket itself is closed: its page is played from where CloudFront serves it.
        "H5P_INTEGRATION_URL": f"https://{host('h5p')}/h5p-integration/index.html",
        "ETHERPAD_URL": internal(environment, "etherpad", Ports.ETHERPAD),
        "ETHERPAD_PUBLIC_URL": f"https://{host('etherpad')}",
        "ETHERPAD_COOKIE_DOMAIN": cookie_domain,
        "EMBEDDED_LINK_ITEM_IFRAMELY_HREF_ORIGIN": internal(environment, "iframely", Ports.IFRAMELY),
        "MEILISEARCH_URL": internal(environment, "meilisearch", Ports.MEILISEARCH),
        "GEOLOCATION_API_HOST": "https://api.geoapify.com/v1/geocode",
    }
    keys = {name: secrets.keys[name] for name in secrets.keys if name != "DASHBOARD_PASSWORD"}
    shared = {"APPS_JWT_SECRET": secrets.shared["APPS_JWT_SECRET"]}
    return Variables(plain, connections | keys | shared | secrets.header | secrets.filled_in("product"))


def of_core(secrets: Secrets) -> Variables:
    return Variables(
        {
            "PORT": str(Ports.CORE),
            "TRUSTED_PROXIES": "1",
            # The dashboard and the metrics: no rule of a security group leads there, only a session of an operator.
            "OPERATIONS_PORT": str(OPERATIONS_PORT),
            "DASHBOARD_USER": "operator",
        },
        {"DASHBOARD_PASSWORD": secrets.keys["DASHBOARD_PASSWORD"]},
    )


def of_workers() -> Variables:
    return Variables(
        {"WORKER_METRICS_PORT": str(WORKER_METRICS_PORT), "WORKER_GRACE_SECONDS": str(_WORKER_GRACE_S)}, {}
    )


def internal(environment: Environment, name: str, port: int) -> str:
    """An address within the network."""
    return f"http://{name}.{environment.internal_domain}:{port}"


def cors_origin_regex(environment: Environment) -> str:
    """The domain and its names, over HTTPS; the environments that are among its names are not."""
    domain = environment.domain
    others = [
        re.escape(other.domain.removesuffix(f".{domain}"))
        for other in ENVIRONMENTS.values()
        if other.domain.endswith(f".{domain}")
    ]
    but = rf"(?!({'|'.join(others)})\.)" if others else ""
    return rf"^https:\/\/{but}([a-z0-9-]+\.)?{re.escape(domain)}$"
