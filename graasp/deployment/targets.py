"""The kinds of installation that can be operated, and what it takes to reach one of each."""

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Protocol

import typer

from graasp.deployment.driver import Driver


class Target(StrEnum):
    """What commands work on; unless they are told otherwise, on what `graasp up` runs."""

    EMBEDDED = "embedded"
    COMPOSE = "compose"
    ECS = "ecs"


@dataclass(frozen=True)
class TargetOptions:
    """What the command line says of where the installation is; each target reads its own."""

    # embedded
    data: Path = Path(".graasp")
    # compose
    project_directory: Path = Path()
    # ecs
    environment: str | None = None


class TargetUnusable(Exception):
    """The options do not lead to an installation; the message says what to do."""


class _Opens(Protocol):
    """What a driver's class offers."""

    @classmethod
    def open(cls, options: TargetOptions) -> Driver:
        """Raises TargetUnusable."""
        ...


# Imported when they are asked for: each needs packages that the others do without.
_DRIVERS = {
    Target.EMBEDDED: ("graasp.embedded.driver", "EmbeddedDriver"),
    Target.COMPOSE: ("graasp.deployment.compose", "ComposeDriver"),
    Target.ECS: ("graasp.deployment.ecs", "EcsDriver"),
}

TargetOption = Annotated[
    Target,
    typer.Option(
        "--target",
        help="The kind of installation: what `graasp up` runs, the containers of one host, or an environment on AWS.",
    ),
]
DataOption = Annotated[
    Path, typer.Option("--data", help="embedded: the folder that `graasp up` keeps its data in.")
]
ProjectDirectoryOption = Annotated[
    Path, typer.Option("--project-directory", help="compose: the folder with docker-compose.yml.")
]
EnvironmentOption = Annotated[
    str | None, typer.Option("--environment", help="ecs: the environment, as the cloud stack names it.")
]


def open_driver(target: Target, options: TargetOptions) -> Driver:
    """The driver of one installation. Raises TargetUnusable when the options lead to none."""
    module, name = _DRIVERS[target]
    driver: _Opens = getattr(import_module(module), name)
    return driver.open(options)
