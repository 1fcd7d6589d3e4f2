"""Answers as `docker` and `docker compose` do, of containers that are lines in a file.

Run as `docker` in the folder of a project. `.stand-in/state.json`: what there is. `.stand-in/plan.json`: what goes
wrong. `.stand-in/calls`: every command line, one JSON list each.
"""

import argparse
import fcntl
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tests.deployment import compose_files

GRAASP = str(Path(sysconfig.get_path("scripts")) / "graasp")
PROJECT = Path.cwd()
FOLDER = PROJECT / ".stand-in"
VARIABLES = {**compose_files.dotenv(PROJECT / ".env"), **os.environ}


def main(arguments: Sequence[str]) -> int:
    with (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    if arguments[0] != "compose":
        return _docker(arguments)
    rest = list(arguments[1:])
    profiles = set(filter(None, VARIABLES.get("COMPOSE_PROFILES", "").split(",")))
    while rest[0] == "--profile":
        profiles.add(rest[1])
        rest = rest[2:]
    try:
        everything = compose_files.services(PROJECT, VARIABLES)
    except LookupError as error:
        _fail(f"error while interpolating: {error}", 1)
    command, options = rest[0], rest[1:]
    active = set(compose_files.active(everything, profiles))
    return int(_COMMANDS[command](everything, active, options) or 0)


def _docker(arguments: Sequence[str]) -> int:
    if arguments[:2] == ["image", "inspect"]:
        with _state() as state:
            missing = set(arguments[2:]) - set(state["images"])
        if missing:
            _fail(f"Error response from daemon: No such image: {missing.pop()}", 1)
        print("[]")
        return 0
    command, ids = arguments[0], [one for one in arguments[1:] if not one.startswith("-")]
    with _state() as state:
        for one in ids:
            if one not in state["containers"]:
                _fail(f"Error response from daemon: No such container: {one}", 1)
            if command == "rm":
                if state["containers"][one]["State"] == "running" and "--force" not in arguments:
                    _fail(
                        f"Error response from daemon: cannot remove container {one}: container is running", 1
                    )
                del state["containers"][one]
            else:
                _end(state["containers"][one])
            print(one)
    return 0


def _config(everything: dict[str, Any], active: set[str], options: list[str]) -> None:
    assert options == ["--format", "json"]
    shown = {}
    for name in sorted(active):
        service = dict(everything[name])
        service["secrets"] = [
            {"source": one} if isinstance(one, str) else one for one in service.get("secrets", [])
        ]
        shown[name] = service
    print(json.dumps({"name": "graasp", "services": shown}, indent=2))


def _ps(everything: dict[str, Any], active: set[str], options: list[str]) -> None:
    assert options == ["--all", "--format", "json"]
    with _state() as state:
        for one in sorted(state["containers"].values(), key=lambda one: one["Name"]):
            print(json.dumps(one))


def _up(everything: dict[str, Any], active: set[str], options: list[str]) -> None:
    parser = argparse.ArgumentParser()
    for flag in ("--detach", "--no-deps", "--no-recreate", "--quiet-pull"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--scale", action="append", default=[])
    parser.add_argument("services", nargs="*")
    given = parser.parse_args(options)
    assert given.detach
    scales = {name: int(count) for name, _, count in (one.partition("=") for one in given.scale)}
    wanted = list(given.services or sorted(active))
    if not given.no_deps:
        wanted = _with_dependencies(everything, active, wanted)
    plan = _plan()
    for name in wanted:
        if name not in active:
            _fail(f"no such service: {name}", 1)
        if name in plan.get("up_fails", ()):
            _fail(f"Error response from daemon: {name} could not be started", 1)
        with _state() as state:
            _bring_up(state, name, everything[name], scales.get(name), keep=given.no_recreate, plan=plan)


def _bring_up(
    state: dict[str, Any],
    name: str,
    service: dict[str, Any],
    count: int | None,
    *,
    keep: bool,
    plan: dict[str, Any],
) -> None:
    image = service["image"]
    there = [one for one in state["containers"].values() if one["Service"] == name and not _one_off(one)]
    if not keep:
        for one in [one for one in there if one["Image"] != image]:
            del state["containers"][one["ID"]]
            there.remove(one)
    wanted = service.get("deploy", {}).get("replicas", 1) if count is None else count
    for one in there[wanted:]:
        del state["containers"][one["ID"]]
    for one in there[:wanted]:
        _start(one, service, plan)
    for _ in range(wanted - len(there)):
        _start(_create(state, name, image), service, plan)


def _with_dependencies(everything: dict[str, Any], active: set[str], names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        needed = [one for one in everything[name].get("depends_on", {}) if one in active]
        found += [one for one in _with_dependencies(everything, active, needed) if one not in found]
        found += [name] if name not in found else []
    return found


def _stop(everything: dict[str, Any], active: set[str], options: list[str]) -> None:
    with _state() as state:
        for one in state["containers"].values():
            if one["Service"] in options and not _one_off(one):
                _end(one)


def _run(everything: dict[str, Any], active: set[str], options: list[str]) -> int:
    parser = argparse.ArgumentParser()
    for flag in ("--rm", "--no-deps", "--no-TTY"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--label", default="")
    given, rest = parser.parse_known_args(options[: _first_word(options)])
    assert not rest
    assert given.rm, "what is run once is not left behind"
    name, *command = options[_first_word(options) :]
    with _state() as state:
        made = _create(state, name, everything[name]["image"], one_off=True)
        made["State"] = "running"
        made["Labels"] += f",{given.label}" if given.label else ""
    try:
        return _inside(name, command)
    finally:
        with _state() as state:
            del state["containers"][made["ID"]]


def _exec(everything: dict[str, Any], active: set[str], options: list[str]) -> int:
    variables = {}
    while options[0].startswith("-"):
        if options[0] == "--env":
            variables.update([options[1].split("=", 1)])
            options = options[2:]
        else:
            assert options[0] == "--no-TTY"
            options = options[1:]
    name, *command = options
    with _state() as state:
        if not any(
            one["Service"] == name and one["State"] == "running" for one in state["containers"].values()
        ):
            _fail(f'service "{name}" is not running', 1)
    return _inside(name, command, variables)


def _inside(name: str, command: list[str], variables: dict[str, str] | None = None) -> int:
    """What a program in a container does."""
    plan = _plan()
    match name, command:
        case "migrate", ["--check"]:
            return 3 if plan.get("pending") else 0
        case "migrate", ["--compatible"]:
            return int(plan.get("compatible", 0))
        case "migrate", []:
            while (FOLDER / "hold").exists():
                time.sleep(0.02)
            code = int(plan.get("migrate", 0))
            print("a revision failed" if code else "[✓] migrations applied successfully!")
            return code
        case "core", ["graasp", "state", "announce", state]:
            with _state() as kept:
                kept["announced"] = json.dumps({"state": state, "since": "2026-01-01T00:00:00+00:00"})
            return 0
        case "core", ["graasp", "state", "in-flight"]:
            print(json.dumps(plan.get("in_flight", {"requests": 0, "websockets": 0})))
            return 0
        case "core", ["graasp", "smoke-test", *_]:
            is_unwell = command[-1] in plan.get("unwell", ())
            print("✗ job: no worker took it" if is_unwell else "✓ all is well")
            return int(is_unwell)
        case "core", ["graasp", *rest]:
            return _really([GRAASP, *rest], plan["environment"])
        case "redis", ["redis-cli", "--raw", "get", "graasp-deployment-state"]:
            with _state() as kept:
                print(kept["announced"])
            return 0
        case "database", [("pg_dump" | "pg_restore" | "psql") as program, *rest]:
            environment = {**plan["environment"], **(variables or {})}
            return _really([str(Path(plan["programs"]) / program), *rest], environment)
    raise AssertionError(f"nothing of this is in {name}: {command}")


def _really(command: list[str], environment: dict[str, str]) -> int:
    return subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, check=False).returncode


def _images(everything: dict[str, Any], active: set[str], options: list[str]) -> None:
    if message := _plan().get("images"):
        _fail(message, 18)
    with _state() as state:
        state["images"] += [everything[name]["image"] for name in options]


def _logs(everything: dict[str, Any], active: set[str], options: list[str]) -> None:
    print(f"{options[-1]}-1  | the last words")


def _create(state: dict[str, Any], name: str, image: str, *, one_off: bool = False) -> dict[str, Any]:
    number = state["made"] = state["made"] + 1
    label = f"com.docker.compose.project=graasp,com.docker.compose.oneoff={one_off}"
    container = {
        "ID": f"{number:012x}",
        "Name": f"graasp-{name}-{number}",
        "Image": image,
        "Service": name,
        "Project": "graasp",
        "Labels": label,
        "State": "created",
        "Status": "Created",
        "Health": "",
        "ExitCode": 0,
        "Publishers": [],
    }
    state["containers"][container["ID"]] = container
    state["images"].append(image)
    return container


def _start(container: dict[str, Any], service: dict[str, Any], plan: dict[str, Any]) -> None:
    name = service.get("container_name", container["Service"])
    if name == "bucket":
        container |= {"State": "exited", "Status": "Exited (0) 1 second ago"}
        return
    well = name not in plan.get("unhealthy", ()) and container["Image"] not in plan.get("unhealthy", ())
    has_check = "healthcheck" in service or name in ("core", "worker")
    container |= {"State": "running", "Status": "Up 1 second", "ExitCode": 0}
    container["Health"] = ("healthy" if well else "starting") if has_check else ""


def _end(container: dict[str, Any]) -> None:
    container |= {"State": "exited", "Status": "Exited (0) 1 second ago", "Health": ""}


def _one_off(container: dict[str, Any]) -> bool:
    return "oneoff=True" in container["Labels"]


def _first_word(options: list[str]) -> int:
    return next(n for n, option in enumerate(options) if not option.startswith("-"))


def _plan() -> dict[str, Any]:
    file = FOLDER / "plan.json"
    plan: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return plan


@contextmanager
def _state() -> Iterator[dict[str, Any]]:
    with (FOLDER / "state.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        state = json.loads(file.read() or '{"made": 0, "containers": {}, "images": [], "announced": ""}')
        yield state
        file.seek(0)
        file.truncate()
        json.dump(state, file)


def _fail(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


_COMMANDS = {
    "config": _config,
    "ps": _ps,
    "up": _up,
    "stop": _stop,
    "run": _run,
    "exec": _exec,
    "pull": _images,
    "build": _images,
    "logs": _logs,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
