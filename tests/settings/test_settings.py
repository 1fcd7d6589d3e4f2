"""What an environment must say for a server to start, and what is said when it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from graasp.settings import InvalidSettings, Settings, load_migration_settings, load_settings

ENVIRONMENT = {
    "NODE_ENV": "production",
    "COOKIE_DOMAIN": "example.org",
    "SECURE_SESSION_SECRET_KEY": "ab" * 32,
    "JWT_SECRET": "jwt-secret",
    "PASSWORD_RESET_JWT_SECRET": "reset-secret",
    "EMAIL_CHANGE_JWT_SECRET": "email-secret",
    "APPS_JWT_SECRET": "apps-secret",
    "RECAPTCHA_SECRET_ACCESS_KEY": "captcha-secret",
    "DB_CONNECTION": "postgres://graasp:hidden@db:5432/graasp?sslmode=disable",
    "REDIS_CONNECTION": "redis://:hidden@redis",
    "MAILER_CONNECTION": "smtp://docker:hidden@mailer:1025",
    "FILE_STORAGE_ROOT_PATH": "/srv/files",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def complaint() -> str:
    with pytest.raises(InvalidSettings) as refused:
        load_settings()
    return str(refused.value)


def test_the_environment_of_an_installation_is_accepted() -> None:
    assert load_settings().port == 3000


@pytest.mark.parametrize(
    "name",
    [
        "COOKIE_DOMAIN",
        "SECURE_SESSION_SECRET_KEY",
        "JWT_SECRET",
        "PASSWORD_RESET_JWT_SECRET",
        "EMAIL_CHANGE_JWT_SECRET",
        "APPS_JWT_SECRET",
        "DB_CONNECTION",
        "REDIS_CONNECTION",
        "MAILER_CONNECTION",
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_or_empty_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    assert complaint() == f'Expected to find env variable "{name}" but it was undefined.'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NODE_ENV", "live"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("LOG_LEVEL", "loud"),
        ("CLIENT_HOST", "client.example.org"),
        ("CLIENT_HOST", "http://["),
        ("LIBRARY_CLIENT_HOST", "ftp://library.example.org"),
        ("CORS_ORIGIN_REGEX", "("),
        ("SECURE_SESSION_SECRET_KEY", "abc"),
        ("FILE_STORAGE_TYPE", "ftp"),
        ("FILE_STORAGE_ROOT_PATH", "relative/folder"),
        ("DB_CONNECTION_POOL_SIZE", "many"),
        ("TRUSTED_PROXIES", "-1"),
        ("DB_CONNECTION", "mysql://user:hidden@db/graasp"),
        ("DB_CONNECTION", "postgres://user:hidden@db:port/graasp"),
        ("DB_CONNECTION", "postgres://user:hidden/5@db/graasp"),
        ("DB_CONNECTION", "postgres://user:hidden@db/graasp?nonsense=1"),
        ("DB_CONNECTION", "graasp"),
        ("DB_READ_REPLICA_CONNECTIONS", "postgres://db-ro/graasp,http://hidden@db"),
        ("REDIS_CONNECTION", "redis:6379"),
        ("REDIS_CONNECTION", "http://:hidden@redis:6379"),
        ("REDIS_CONNECTION", "redis://:hidden@redis:port"),
        ("REDIS_CONNECTION", "redis://:hidden@redis:99999"),
        ("REDIS_CONNECTION", "redis://:hidden@redis/queues"),
        ("REDIS_CONNECTION", "redis://:hidden@redis?socket_timeout=long"),
        ("REDIS_CONNECTION", "redis://"),
        ("MAILER_CONNECTION", "mailer:1025"),
        ("MAILER_CONNECTION", "smtp://user:hidden@mailer:smtp"),
        ("MAILER_CONNECTION", "smtp://"),
        ("MAILER_CONNECTION", "http://hidden@mailer"),
        ("MAINTENANCE_HEADER_NAME", "X Maintenance"),
        ("MAINTENANCE_HEADER_NAME", "X-Maintenance:"),
        ("MAINTENANCE_HEADER_SECRET", "hidden behind a space"),
        ("MAINTENANCE_HEADER_SECRET", "hidden-ü"),
    ],
)
def test_what_is_wrong_is_named_in_one_line_that_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    line = complaint()
    assert name in line
    assert "\n" not in line
    assert "hidden" not in line


@pytest.mark.parametrize(
    ("name", "value"), [("MAINTENANCE_HEADER_NAME", "X-Maintenance"), ("MAINTENANCE_HEADER_SECRET", "hidden")]
)
def test_the_header_that_passes_under_maintenance_is_whole_or_not_there(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert load_settings().maintenance_header is None
    monkeypatch.setenv(name, value)
    assert complaint().endswith("MAINTENANCE_HEADER_NAME and MAINTENANCE_HEADER_SECRET need each other")
    monkeypatch.setenv("MAINTENANCE_HEADER_NAME", "X-Maintenance")
    monkeypatch.setenv("MAINTENANCE_HEADER_SECRET", "hidden")
    assert load_settings().maintenance_header == ("X-Maintenance", "hidden")


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_CONNECTION", "redis://redis:x")
    monkeypatch.setenv("PORT", "x")
    monkeypatch.delenv("JWT_SECRET")
    lines = complaint().splitlines()
    assert len(lines) == 3
    assert all(any(name in line for line in lines) for name in ("REDIS_CONNECTION", "PORT", "JWT_SECRET"))


def test_a_bucket_needs_all_that_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE_STORAGE_TYPE", "s3")
    monkeypatch.setenv("S3_FILE_ITEM_BUCKET", "files")
    line = complaint()
    assert "S3_FILE_ITEM_REGION" in line
    assert "S3_FILE_ITEM_SECRET_ACCESS_KEY" in line
    assert "S3_FILE_ITEM_BUCKET" not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_CONNECTION", "redis://redis"),
        ("REDIS_CONNECTION", "rediss://user:p%40ss@redis.example.org/3"),
        ("REDIS_CONNECTION", "unix:///run/redis/redis.sock?db=1"),
        ("DB_CONNECTION", "postgresql+asyncpg://graasp@db/graasp"),
        ("DB_CONNECTION", "postgresql:///graasp?host=/run/postgresql"),
        ("MAILER_CONNECTION", "smtps://user:p%40ss@mailer.example.org"),
    ],
)
def test_connections_may_be_written_as_their_clients_accept_them(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), name.lower()) == value


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ("warn", "warning"),
        ("trace", "debug"),
        ("INFO", "info"),
        ("fatal", "critical"),
        ("silent", "critical"),
    ],
)
def test_log_levels_may_have_the_names_that_installations_use(
    monkeypatch: pytest.MonkeyPatch, given: str, level: str
) -> None:
    monkeypatch.setenv("LOG_LEVEL", given)
    assert load_settings().log_level == level


def test_what_graasp_up_runs_with_goes_before_the_file_and_after_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_ENV", "development")
    (tmp_path / ".env.development").write_text("PORT=4000\nPROTOCOL=https\n")
    (tmp_path / ".graasp").mkdir()
    (tmp_path / ".graasp" / "environment").write_text("PORT='5000'\nCOOKIE_DOMAIN='graasp.test'\n")
    settings = load_settings()
    assert (settings.port, settings.protocol, settings.cookie_domain) == (5000, "https", "example.org")


def test_a_file_fills_what_the_environment_does_not_set_and_overrides_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env.production").write_text("PORT=4000\nCOOKIE_DOMAIN=other.example.org\n")
    settings = load_settings()
    assert (settings.port, settings.cookie_domain) == (4000, "example.org")


def test_the_migration_task_needs_the_database_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        if name != "DB_CONNECTION":
            monkeypatch.delenv(name)
    assert load_migration_settings().db_connection == ENVIRONMENT["DB_CONNECTION"]
    monkeypatch.setenv("DB_CONNECTION", "graasp")
    with pytest.raises(InvalidSettings, match="DB_CONNECTION"):
        load_migration_settings()


@pytest.mark.parametrize(
    "program",
    [("-c", "from graasp.cli import main; main()", "serve"), ("-m", "worker")],
    ids=["core", "worker"],
)
def test_the_processes_end_with_that_line_and_nothing_else(program: tuple[str, ...], tmp_path: Path) -> None:
    wrong = {"REDIS_CONNECTION": "redis://redis:x", "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, *program],
        env=ENVIRONMENT | wrong,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert 'The variable "REDIS_CONNECTION" is not valid' in line


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("SECRETS_DIRECTORY", str(folder))
    return folder


@pytest.mark.parametrize("name", ["jwt_secret", "JWT_SECRET"])
@pytest.mark.parametrize("given", [None, ""])
def test_what_is_not_set_is_read_from_the_file_of_its_name(
    monkeypatch: pytest.MonkeyPatch, secrets: Path, name: str, given: str | None
) -> None:
    monkeypatch.delenv("JWT_SECRET")
    if given is not None:
        monkeypatch.setenv("JWT_SECRET", given)
    (secrets / name).write_text("from a file\n")
    (secrets / "of_something_else").write_text("x")
    assert load_settings().jwt_secret.get_secret_value() == "from a file"


def test_the_environment_goes_before_files_of_secrets(secrets: Path) -> None:
    (secrets / "jwt_secret").write_text("from a file")
    assert load_settings().jwt_secret.get_secret_value() == "jwt-secret"


def test_the_migration_task_finds_its_database_in_a_file(
    monkeypatch: pytest.MonkeyPatch, secrets: Path
) -> None:
    monkeypatch.delenv("DB_CONNECTION")
    (secrets / "db_connection").write_text("postgres://graasp:hidden@db/graasp")
    assert load_migration_settings().db_connection == "postgres://graasp:hidden@db/graasp"


def test_a_file_of_a_secret_that_is_wrong_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, secrets: Path
) -> None:
    monkeypatch.delenv("SECURE_SESSION_SECRET_KEY")
    (secrets / "secure_session_secret_key").write_text("too short")
    assert '"SECURE_SESSION_SECRET_KEY" is not valid: should be 64 hexadecimal digits' in complaint()
    (secrets / "secure_session_secret_key").write_bytes(b"\xff\xfe")
    assert "secure_session_secret_key" in complaint()


def test_without_the_folder_of_secrets_nothing_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRETS_DIRECTORY", str(tmp_path / "nowhere"))
    assert load_settings().jwt_secret.get_secret_value() == "jwt-secret"
