"""The one table of what each deployment state means; drivers, cloud stack and documentation read it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class State(StrEnum):
    """Exactly one holds for an installation."""

    RUNNING = "running"
    RESTRICTED = "restricted"
    DB_ONLY = "db-only"
    STOPPED = "stopped"


class Service(StrEnum):
    """What an installation consists of beside its database; a target may lack some."""

    CORE = "core"
    WORKERS = "workers"
    REDIS = "redis"
    LIBRARY = "library"
    ETHERPAD = "etherpad"
    MEILISEARCH = "meilisearch"
    IFRAMELY = "iframely"
    UMAMI = "umami"
    WEB = "web"


class Conditions(NamedTuple):
    """What holds in a state.

    `up`: services that run, the others are at zero. `guarded`: services that only requests with the secret header
    reach; people see the maintenance screen instead. `database`: whether it is up. `migrates`: whether the migration
    task is run once on the way into the state.
    """

    up: frozenset[Service]
    guarded: frozenset[Service]
    database: bool
    migrates: bool


_ALL = frozenset(Service)
# Statistics of visits go on while the product is under maintenance.
_PRODUCT = _ALL - {Service.UMAMI}
_ADMINISTRATION = frozenset({Service.UMAMI, Service.WEB})

STATES: Mapping[State, Conditions] = MappingProxyType(
    {
        State.RUNNING: Conditions(up=_ALL, guarded=frozenset(), database=True, migrates=False),
        State.RESTRICTED: Conditions(up=_ALL, guarded=_PRODUCT, database=True, migrates=False),
        State.DB_ONLY: Conditions(up=_ADMINISTRATION, guarded=_PRODUCT, database=True, migrates=True),
        State.STOPPED: Conditions(up=frozenset(), guarded=_ALL, database=False, migrates=False),
    }
)

# How many of each run where the service is up: on one machine, in a small environment, in production.
SINGLE: Mapping[Service, int] = MappingProxyType(dict.fromkeys(Service, 1))
PRODUCTION: Mapping[Service, int] = MappingProxyType({**SINGLE, Service.CORE: 2})


def desired_count(state: State, service: Service, replicas: Mapping[Service, int] = SINGLE) -> int:
    """How many of the service run in the state; a service that `replicas` does not name is not installed."""
    return replicas.get(service, 0) if service in STATES[state].up else 0


def desired_counts(state: State, replicas: Mapping[Service, int] = SINGLE) -> dict[Service, int]:
    """The count of every installed service."""
    return {service: desired_count(state, service, replicas) for service in replicas}
