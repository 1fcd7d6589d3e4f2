"""Every environment variable the product reads: typed, documented, validated at start.

This is the only module that looks at the process environment. A file `.env.<mode>` in the working
directory fills what the environment does not set; it never overrides it. What neither sets is read from
a file of the variable's name in /run/secrets, where containers find their secrets.
"""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import psycopg
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError
from redis.connection import parse_url

_POSTGRES_SCHEMES = frozenset(
    f"{name}{driver}" for name in ("postgres", "postgresql") for driver in ("", "+asyncpg", "+psycopg")
)
# Installations also name the levels as other servers do.
_LOG_LEVEL_NAMES = {"trace": "debug", "warn": "warning", "fatal": "critical", "silent": "critical"}

# Another folder is named by SECRETS_DIRECTORY.
_SECRETS_DIRECTORY = "/run/secrets"

Mode = Literal["production", "staging", "development", "test"]


class InvalidSettings(Exception):
    """The environment does not describe a server that could start; the message names every variable."""


def plain_postgres_url(url: str) -> str:
    """The URL without the name of a driver, as every client reads it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("should be an absolute http(s) URL")
    return f"{parts.scheme}://{parts.netloc}"


def _http_url(url: str) -> str:
    _origin(url)
    return url.rstrip("/")


def _address(url: str, schemes: Collection[str], example: str, *, needs_host: bool = True) -> SplitResult:
    """The parts of a connection URL. What is wrong is told without the URL: there are passwords in it."""
    wrong = ValueError(f"should look like {example}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in schemes or port == 0 or (needs_host and not parts.hostname):
        raise wrong
    return parts


def _postgres_url(url: str) -> str:
    example = "postgresql://user:password@host:5432/database"
    _address(url, _POSTGRES_SCHEMES, example, needs_host=False)
    try:
        conninfo_to_dict(plain_postgres_url(url))
    except psycopg.Error:
        raise ValueError(f"should look like {example}") from None
    return url


def _redis_url(url: str) -> str:
    example = "redis://user:password@host:6379/0"
    parts = _address(url, ("redis", "rediss", "unix"), example, needs_host=not url.startswith("unix:"))
    if parts.scheme != "unix" and not re.fullmatch(r"/?\d*", parts.path, re.ASCII):
        raise ValueError(f"should look like {example}")
    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError(f"should look like {example}") from None
    return url


def _smtp_url(url: str) -> str:
    _address(url, ("smtp", "smtps"), "smtp://user:password@host:587")
    return url


def _log_level(value: Any) -> Any:
    return _LOG_LEVEL_NAMES.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _session_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value.get_secret_value()):
        raise ValueError("should be 64 hexadecimal digits (32 bytes)")
    return value


def _etherpad_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-f]{64}", value.get_secret_value()):
        raise ValueError("should be 64 lower-case hexadecimal digits")
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return value


def _key_prefix(value: str) -> str:
    if value.startswith("/") or not value.strip("/") or {".", ".."} & set(value.split("/")):
        raise ValueError('should be a path that does not start with "/"')
    return value


def _comma_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", value):
        raise ValueError("should be the name of an HTTP header")
    return value


def _header_value(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("should be printable ASCII without spaces")
    return value


def _refuse_half_a_header(name: str | None, secret: SecretStr | None) -> None:
    if (name is None) != (secret is None):
        raise ValueError("MAINTENANCE_HEADER_NAME and MAINTENANCE_HEADER_SECRET need each other")


def _true_or_one(value: Any) -> Any:
    return value.lower() in ("true", "1") if isinstance(value, str) else value


Origin = Annotated[str, AfterValidator(_origin)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secret = Annotated[SecretStr, Field(min_length=1)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]
Flag = Annotated[bool, BeforeValidator(_true_or_one)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
SmtpUrl = Annotated[str, AfterValidator(_smtp_url)]
PostgresUrls = Annotated[list[PostgresUrl], NoDecode, BeforeValidator(_comma_list)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_log_level)]


class Settings(BaseSettings):
    """One field per variable; the variable's name is the field's name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    # --- process -----------------------------------------------------------------------------------
    node_env: Mode = "development"
    host_listen_address: str = "0.0.0.0"  # noqa: S104 - inside a container every interface is meant
    port: int = Field(default=3000, ge=0, le=65535)
    protocol: Literal["http", "https"] = "http"
    hostname: str = "localhost"
    operations_port: int | None = Field(default=None, ge=0, le=65535)
    operations_listen_address: str = "0.0.0.0"  # noqa: S104 - inside a container every interface is meant
    worker_metrics_port: int | None = Field(default=None, ge=0, le=65535)
    log_level: LogLevel = "info"
    database_logs: Flag = False
    app_version: str = "undefined"
    build_timestamp: str = "undefined"
    trusted_proxies: int = Field(default=0, ge=0)

    # --- clients -----------------------------------------------------------------------------------
    client_host: Origin = "http://localhost:3114"
    library_client_host: Origin | None = None
    short_link_base_url: HttpUrl = "http://localhost:3000/short-links"
    cors_origin_regex: Annotated[str, AfterValidator(_regex)] | None = None
    cookie_domain: str = Field(min_length=1)

    # --- maintenance: in every state but `running`, requests that carry this header pass ------------
    maintenance_header_name: HeaderName | None = None
    maintenance_header_secret: HeaderValue | None = None

    # --- secrets: no default anywhere; `graasp up` makes its own -------------------------------------
    secure_session_secret_key: Annotated[SecretStr, AfterValidator(_session_key)]
    jwt_secret: Secret
    password_reset_jwt_secret: Secret
    email_change_jwt_secret: Secret
    apps_jwt_secret: Secret
    recaptcha_secret_access_key: Secret | None = None
    # https://www.recaptcha.net/recaptcha/api/siteverify where Google's own host is not reached.
    recaptcha_verify_url: HttpUrl = "https://www.google.com/recaptcha/api/siteverify"

    # --- data stores -------------------------------------------------------------------------------
    db_connection: PostgresUrl
    db_connection_pool_size: int = Field(default=10, ge=1)
    db_read_replica_connections: PostgresUrls = []
    redis_connection: RedisUrl

    # --- mail --------------------------------------------------------------------------------------
    mailer_connection: SmtpUrl
    mailer_use_ssl: Flag = True
    mailer_config_from_email: str = "no-reply@graasp.org"

    # --- files -------------------------------------------------------------------------------------
    file_storage_type: Literal["local", "s3"] = "local"
    file_storage_root_path: Path | None = None
    file_storage_host: HttpUrl | None = None
    s3_file_item_region: str | None = None
    s3_file_item_bucket: str | None = None
    s3_file_item_access_key_id: str | None = None
    s3_file_item_secret_access_key: SecretStr | None = None
    s3_file_item_host: HttpUrl | None = None
    tmpdir: Path | None = None

    # --- H5P packages: kept with the files unless told otherwise -----------------------------------
    h5p_file_storage_type: Literal["local", "s3"] | None = None
    h5p_path_prefix: Annotated[str, AfterValidator(_key_prefix)] = "h5p-content/"
    h5p_storage_root_path: Path | None = None
    h5p_file_storage_host: HttpUrl | None = None
    h5p_content_region: str | None = None
    h5p_content_bucket: str | None = None
    h5p_content_access_key_id: str | None = None
    h5p_content_secret_access_key_id: SecretStr | None = None
    h5p_integration_url: HttpUrl = "http://localhost:3000/h5p-integration"

    # --- companions: each optional -----------------------------------------------------------------
    embedded_link_item_iframely_href_origin: HttpUrl | None = None
    etherpad_url: HttpUrl | None = None
    etherpad_api_key: Annotated[SecretStr, AfterValidator(_etherpad_key)] | None = None
    etherpad_public_url: HttpUrl | None = None
    etherpad_cookie_domain: str | None = None
    geolocation_api_host: HttpUrl | None = None
    geolocation_api_key: SecretStr | None = None
    meilisearch_url: HttpUrl | None = None
    geoip_database: Path | None = None

    # --- apps --------------------------------------------------------------------------------------
    # Whose apps authors choose from.
    apps_publisher_id: UUID | None = None
    # Whether only registered apps, from their publishers' origins, get tokens. Items may have others.
    apps_check_origin: Flag = False
    # The language model that apps may ask: OpenAI's, or another service that speaks its protocol.
    openai_api_key: HeaderValue | None = None
    openai_org_id: Annotated[str, Field(pattern=r"^[!-~]+$")] | None = None
    openai_base_url: HttpUrl = "https://api.openai.com/v1"
    openai_gpt_version: str = "gpt-5-nano"

    # --- development -------------------------------------------------------------------------------
    # Where `graasp up` keeps what it made; it sets this for the processes that it starts.
    development_folder: Path | None = None

    # --- jobs --------------------------------------------------------------------------------------
    job_heartbeat_seconds: float = Field(default=10, gt=0)
    job_stale_after_seconds: float = Field(default=60, gt=0)
    job_poll_seconds: float = Field(default=1, gt=0)
    job_retention_days: int = Field(default=30, ge=1)
    jobs_kept_completed: int = Field(default=30, ge=0)
    jobs_kept_failed: int = Field(default=100, ge=0)
    worker_processes: int = Field(default=2, ge=1)
    worker_grace_seconds: float = Field(default=25, ge=0)
    dashboard_user: str | None = None
    dashboard_password: SecretStr | None = None

    # --- what happens inside, told to others: off unless set ---------------------------------------
    # The collector's base URL, as http://collector:4318; the share of requests whose traces are kept.
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    otel_traces_sampler_arg: float = Field(default=1.0, ge=0, le=1)
    sentry_dsn: HttpUrl | None = None
    sentry_env: str | None = None
    sentry_enable_performance: Flag = True
    sentry_traces_sample_rate: float = Field(default=1.0, ge=0, le=1)

    # --- limits ------------------------------------------------------------------------------------
    max_tree_levels: int = Field(default=15, ge=1)
    max_children: int = Field(default=100, ge=1)
    max_copied_items: int = Field(default=10_000, ge=1)
    max_moved_items: int = Field(default=10_000, ge=1)
    max_deleted_items: int = Field(default=10_000, ge=1)
    max_recycled_items: int = Field(default=10_000, ge=1)
    max_imported_items: int = Field(default=10_000, ge=1)
    max_storage_bytes: int = Field(default=5 * 1024**3, ge=0)
    max_app_storage_bytes: int = Field(default=5 * 1024**3, ge=0)
    max_upload_file_bytes: int = Field(default=1024**3, ge=1)
    max_avatar_bytes: int = Field(default=10 * 1024**2, ge=1)
    max_upload_files: int = Field(default=20, ge=1)
    max_archive_entries: int = Field(default=50_000, ge=1)
    max_unpacked_archive_bytes: int = Field(default=5 * 1024**3, ge=1)
    max_h5p_bytes: int = Field(default=50 * 1024**2, ge=1)
    max_h5p_entries: int = Field(default=10_000, ge=1)
    max_unpacked_h5p_bytes: int = Field(default=2 * 1024**3, ge=1)
    max_csv_bytes: int = Field(default=209_715_200, ge=1)
    max_csv_rows: int = Field(default=50_000, ge=1)
    archive_days: int = Field(default=7, ge=1, le=7)
    action_export_window_seconds: int = Field(default=7200, ge=0)
    rate_limits: Flag = True

    @model_validator(mode="after")
    def _storage_is_complete(self) -> "Settings":
        if self.file_storage_type == "s3":
            wanted = ("region", "bucket", "access_key_id", "secret_access_key")
            missing = [f"S3_FILE_ITEM_{n.upper()}" for n in wanted if not getattr(self, f"s3_file_item_{n}")]
            if missing:
                raise ValueError(f"FILE_STORAGE_TYPE=s3 needs {', '.join(missing)}")
        elif self.file_storage_root_path is None or not self.file_storage_root_path.is_absolute():
            raise ValueError("FILE_STORAGE_TYPE=local needs FILE_STORAGE_ROOT_PATH, an absolute path")
        return self

    @model_validator(mode="after")
    def _package_storage_is_complete(self) -> "Settings":
        if self.h5p_file_storage_type == "s3":
            wanted = ("region", "bucket", "access_key_id", "secret_access_key_id")
            missing = [f"H5P_CONTENT_{n.upper()}" for n in wanted if not getattr(self, f"h5p_content_{n}")]
            if missing:
                raise ValueError(f"H5P_FILE_STORAGE_TYPE=s3 needs {', '.join(missing)}")
        elif self.h5p_file_storage_type == "local" and (
            self.h5p_storage_root_path is None or not self.h5p_storage_root_path.is_absolute()
        ):
            raise ValueError("H5P_FILE_STORAGE_TYPE=local needs H5P_STORAGE_ROOT_PATH, an absolute path")
        return self

    @model_validator(mode="after")
    def _operations_are_protected(self) -> "Settings":
        if self.operations_port is not None and not self.is_development:
            missing = [n.upper() for n in ("dashboard_user", "dashboard_password") if not getattr(self, n)]
            if missing:
                raise ValueError(
                    f"OPERATIONS_PORT needs {' and '.join(missing)}: the dashboard is never open"
                )
        return self

    @model_validator(mode="after")
    def _maintenance_header_is_complete(self) -> "Settings":
        _refuse_half_a_header(self.maintenance_header_name, self.maintenance_header_secret)
        return self

    @property
    def is_development(self) -> bool:
        return self.node_env == "development"

    @property
    def cookie_secure(self) -> bool:
        return self.node_env in ("production", "staging")

    @property
    def sends_transactions(self) -> bool:
        """Whether Sentry is told of every request, or of a share of them."""
        return self.sentry_dsn is not None and self.sentry_enable_performance

    @property
    def maintenance_header(self) -> tuple[str, str] | None:
        """Name and secret of the header that passes in every state."""
        if self.maintenance_header_name is None or self.maintenance_header_secret is None:
            return None
        return self.maintenance_header_name, self.maintenance_header_secret.get_secret_value()

    @property
    def public_url(self) -> str:
        """Where browsers reach this server."""
        port = "" if self.port in (80, 443) else f":{self.port}"
        return f"{self.protocol}://{self.hostname}{port}"

    @property
    def api_url(self) -> str:
        """Where people reach the API: the clients' host passes `/api` on, in development this server itself."""
        return self.public_url if self.is_development else self.client_host

    @property
    def sign_in_host(self) -> str:
        """Where sign-in links lead: the clients' host passes `/api` on; without one, this server itself."""
        return self.client_host if "client_host" in self.model_fields_set else self.public_url

    @property
    def library_host(self) -> str:
        return self.library_client_host or self.client_host

    @property
    def client_origins(self) -> frozenset[str]:
        return frozenset((self.client_host, self.library_host))

    @property
    def archive_lifetime(self) -> timedelta:
        return timedelta(days=self.archive_days)


class MigrationSettings(BaseSettings):
    """What the migration task needs, and nothing more."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    db_connection: PostgresUrl


def load_migration_settings() -> MigrationSettings:
    """Read the migration task's part of the environment. Raises InvalidSettings as `load_settings` does."""
    with _explained():
        return MigrationSettings(_env_file=_files(_mode()), _secrets_dir=_secrets_directory())


class MaintenanceHeader(BaseSettings):
    """What an operator's command needs who is not where the installation's other variables are."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    maintenance_header_name: HeaderName | None = None
    maintenance_header_secret: HeaderValue | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> "MaintenanceHeader":
        _refuse_half_a_header(self.maintenance_header_name, self.maintenance_header_secret)
        return self


def load_maintenance_header(**given: Any) -> MaintenanceHeader:
    """What is given, else what the process environment says; no file is read. Raises InvalidSettings."""
    try:
        return MaintenanceHeader(**given)
    except ValidationError as error:
        raise _invalid(error) from None


def load_settings(**overrides: Any) -> Settings:
    """Read the environment (and `.env.<mode>` below it).

    Raises InvalidSettings with one line per variable that is missing or wrong, by its name.
    """
    files = _files(overrides.get("node_env") or _mode())
    with _explained():
        return Settings(_env_file=files, _secrets_dir=_secrets_directory(), **overrides)


def process_environment() -> dict[str, str]:
    """What a child process should see: every variable that is set and not empty, `.env.<mode>` below."""
    given = {**dotenv_values(f".env.{_mode()}"), **os.environ}
    return {name: value for name, value in given.items() if value}


def _files(mode: str) -> tuple[str, ...]:
    """The files read, the later ones above the earlier ones."""
    # While `graasp up` runs, it leaves what it started where the other commands find it.
    running = (".graasp/environment",) if mode == "development" else ()
    return (f".env.{mode}", *running)


def _secrets_directory() -> str | None:
    directory = os.environ.get("SECRETS_DIRECTORY") or _SECRETS_DIRECTORY
    return directory if Path(directory).is_dir() else None


def _mode() -> str:
    return os.environ.get("NODE_ENV") or "development"


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise _invalid(error) from None
    except SettingsError as error:
        # A file of a secret that this user may not read, or that is no text.
        raise InvalidSettings(f"{error}: {error.__cause__}") from None


def _invalid(error: ValidationError) -> InvalidSettings:
    lines = [_explain(problem) for problem in error.errors()]
    if _mode() == "development" and any(problem["type"] == "missing" for problem in error.errors()):
        lines.append(
            "Does `make run` run in this folder? While it does, the other commands find what they need."
        )
    return InvalidSettings("\n".join(lines))


def _explain(problem: Any) -> str:
    name = str(problem["loc"][0]).upper() if problem["loc"] else ""
    if problem["type"] == "missing":
        return f'Expected to find env variable "{name}" but it was undefined.'
    reason = problem["msg"].removeprefix("Value error, ")
    return f'The variable "{name}" is not valid: {reason}' if name else reason
