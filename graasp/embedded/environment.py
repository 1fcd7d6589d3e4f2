"""The environment variables of a development server: what is given, filled up with what is made here."""

import re
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from graasp.settings import Settings, load_settings

_SECRETS = {
    "SECURE_SESSION_SECRET_KEY",
    "JWT_SECRET",
    "PASSWORD_RESET_JWT_SECRET",
    "EMAIL_CHANGE_JWT_SECRET",
    "APPS_JWT_SECRET",
    "MAINTENANCE_HEADER_SECRET",
}
_SECRET_BYTES = 32
_STARTED_LATER = {
    "db_connection": "postgresql://localhost/graasp",
    "redis_connection": "redis://localhost",
    "mailer_connection": "smtp://localhost",
}
# What ends the quotes of one of them, or is replaced by one of them alone.
_AMBIGUOUS = re.compile(r"['\n]|\\\\|\\$|\$\{")
_LINE = re.compile(r"([A-Z_]+)=([0-9a-f]+)")


def development_environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Every variable but those of the services; what is given wins.

    Secrets are made the first time and kept in the folder, so that sessions outlive a restart.
    """
    made = {
        "NODE_ENV": "development",
        "PORT": "3000",
        # The demo passwords are public, and the dashboard asks for none.
        "HOST_LISTEN_ADDRESS": "127.0.0.1",
        "OPERATIONS_LISTEN_ADDRESS": "127.0.0.1",
        "HOSTNAME": "localhost",
        "COOKIE_DOMAIN": "localhost",
        "CORS_ORIGIN_REGEX": r"^http://(localhost|127\.0\.0\.1):\d{2,5}$",
        "FILE_STORAGE_ROOT_PATH": str(folder / "files"),
        "DEVELOPMENT_FOLDER": str(folder),
        "MAINTENANCE_HEADER_NAME": "X-Graasp-Maintenance",
        "PYTHONUNBUFFERED": "1",
    }
    chosen = dict(given)
    # Shells and containers set HOSTNAME to the name of the machine, which is nobody's choice of an address.
    if chosen.get("HOSTNAME") == socket.gethostname():
        del chosen["HOSTNAME"]
    return made | _kept_secrets(folder / "secrets") | chosen


def settings_of(environment: Mapping[str, str]) -> Settings:
    """What the variables say. Services among them that are not started yet are taken as right.

    Raises InvalidSettings, which names every variable that is wrong.
    """
    given = {name.lower(): value for name, value in environment.items()}
    return load_settings(**_STARTED_LATER | {n: v for n, v in given.items() if n in Settings.model_fields})


def write_environment(file: Path, environment: Mapping[str, str]) -> None:
    """Write variables as lines that a shell and the settings read, for this user alone.

    A value that both would not read as the same is left out.
    """
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    lines = [
        f"{name}='{value}'\n" for name, value in sorted(environment.items()) if not _AMBIGUOUS.search(value)
    ]
    file.write_text("".join(lines))


def _kept_secrets(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    kept = {match[1]: match[2] for line in lines if (match := _LINE.fullmatch(line))}
    missing = _SECRETS - kept.keys()
    if missing:
        kept |= {name: secrets.token_hex(_SECRET_BYTES) for name in missing}
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text("".join(f"{name}={value}\n" for name, value in sorted(kept.items())))
        unfinished.rename(file)
    return kept
