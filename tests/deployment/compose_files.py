"""Compose files as Docker Compose reads them: what is interpolated, and which services there are."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in, as deep as they are nested."""
    match value:
        case dict():
            return {key: interpolated(one, variables) for key, one in value.items()}
        case list():
            return [interpolated(one, variables) for one in value]
        case str():
            return _filled(value, variables, [])
        case _:
            return value


def variables_of(text: str) -> set[str]:
    """The names of all variables in it."""
    used: list[str] = []
    _filled(text, {}, used)
    return set(used)


def _filled(text: str, variables: Mapping[str, str], used: list[str]) -> str:
    result = ""
    while (start := text.find("$")) >= 0:
        result += text[:start]
        if text[start + 1 : start + 2] == "$":
            result, text = result + "$", text[start + 2 :]
            continue
        assert text[start + 1] == "{", text
        end = _closing(text, start + 1)
        expression, text = text[start + 2 : end], text[end + 1 :]
        found = _NAME.match(expression)
        assert found, expression
        name, rest = found[0], expression[found.end() :]
        used.append(name)
        default = _filled(rest[2:], variables, used) if rest.startswith((":-", ":?")) else ""
        given = variables.get(name, "")
        if not given and rest.startswith(":?"):
            raise LookupError(f"required variable {name} is missing a value: {default}")
        result += given or default
    return result + text


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise AssertionError(f"not closed: {text}")


def dotenv(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = [line for line in file.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def services(folder: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The services of a folder's files, with those whose profiles are not active."""
    merged: dict[str, Any] = {}
    for file in ("docker-compose.yml", "docker-compose.override.yml"):
        if (folder / file).exists():
            read = interpolated(yaml.load((folder / file).read_text(), yaml.CSafeLoader), variables)
            for name, service in read["services"].items():
                before = merged.get(name, {})
                environment = {**before.get("environment", {}), **service.get("environment", {})}
                merged[name] = {**before, **service, "environment": environment}
    return merged


def active(all_services: Mapping[str, Any], profiles: set[str]) -> Iterator[str]:
    for name, service in all_services.items():
        if not service.get("profiles") or profiles & set(service["profiles"]):
            yield name
