"""The variables of a development server."""

import socket
import stat
import subprocess
from pathlib import Path

from dotenv import dotenv_values

from graasp.embedded.environment import development_environment, write_environment
from graasp.settings import Settings


def test_describes_a_server_that_can_start(tmp_path: Path) -> None:
    environment = development_environment({}, tmp_path)
    services = {
        "db_connection": "postgresql://x",
        "redis_connection": "redis://x",
        "mailer_connection": "smtp://x",
    }
    values = {name.lower(): value for name, value in environment.items()}
    settings = Settings(_env_file=None, **values | services)  # type: ignore[arg-type]
    assert settings.is_development
    assert settings.public_url == "http://localhost:3000"


def test_what_is_given_wins(tmp_path: Path) -> None:
    environment = development_environment({"PORT": "3001", "JWT_SECRET": "mine", "OTHER": "kept"}, tmp_path)
    assert (environment["PORT"], environment["JWT_SECRET"], environment["OTHER"]) == ("3001", "mine", "kept")


def test_listens_on_the_loopback_interface_only(tmp_path: Path) -> None:
    assert development_environment({}, tmp_path)["HOST_LISTEN_ADDRESS"] == "127.0.0.1"


def test_the_name_of_the_machine_is_not_taken_for_the_address_of_the_server(tmp_path: Path) -> None:
    assert development_environment({"HOSTNAME": socket.gethostname()}, tmp_path)["HOSTNAME"] == "localhost"
    assert development_environment({"HOSTNAME": "graasp.test"}, tmp_path)["HOSTNAME"] == "graasp.test"


def test_secrets_are_made_once_and_kept_for_this_user_alone(tmp_path: Path) -> None:
    first = development_environment({}, tmp_path)
    assert development_environment({}, tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    assert development_environment({}, other)["JWT_SECRET"] != first["JWT_SECRET"]


def test_a_secret_that_is_missing_is_made_and_the_others_stay(tmp_path: Path) -> None:
    first = development_environment({}, tmp_path)
    file = tmp_path / "secrets"
    file.write_text("".join(line for line in file.open() if not line.startswith("APPS_JWT_SECRET")))
    second = development_environment({}, tmp_path)
    assert second["JWT_SECRET"] == first["JWT_SECRET"]
    assert second["APPS_JWT_SECRET"] not in ("", first["APPS_JWT_SECRET"])


def test_the_written_file_is_for_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("old")
    write_environment(file, {"B": "2 words", "A": "1"})
    assert file.read_text() == "A='1'\nB='2 words'\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_written_value_is_read_as_it_was_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    plain = {
        "REGEX": r"^http://(a|b\.c):\d{2,5}$",
        "HASH": "a # b",
        "MONEY": "$HOME $(date) `date`",
        "SPACE": " a ",
    }
    odd = {"QUOTE": "it's", "LINES": "a\nb", "TWO": r"a\\b", "LAST": "a\\", "BRACES": "${HOME}"}
    write_environment(file, plain | odd)
    assert dotenv_values(file) == plain
    echoed = "; ".join(f'printf "%s\\n" "${name}"' for name in plain)
    read = subprocess.check_output(["sh", "-euc", f"set -a; . {file}; {echoed}"], text=True)
    assert read.splitlines() == list(plain.values())
