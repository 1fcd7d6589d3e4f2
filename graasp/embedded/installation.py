"""The parts of what `graasp up` runs, put together, and what is found when one looks at them."""

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy.exc
from alembic.util import CommandError

from graasp.db import migrations
from graasp.deployment import announcement
from graasp.deployment.driver import InFlight, Observed, Report, ServiceStatus
from graasp.deployment.states import Service, State
from graasp.embedded.parts import Core, OwnServer, Part, PublicSocket, Worker
from graasp.embedded.postgres import database_answers, run_postgres
from graasp.embedded.redis_server import run_redis
from graasp.embedded.supervisor import Supervisor
from graasp.embedded.versions import Versions


class Installation:
    """Parts start and stop in the supervisor's thread; everything else may be called from any.

    `given`: the variables that the developer set; a database among them is used, and neither started nor stopped.
    `environment`: of every process; gets the URLs of what is started here.
    """

    def __init__(
        self,
        folder: Path,
        given: Mapping[str, str],
        environment: dict[str, str],
        supervisor: Supervisor,
        public: PublicSocket,
    ) -> None:
        self.environment = environment
        self.versions = Versions(folder / "versions")
        environment["APP_VERSION"] = self.versions.current
        # As which state requests are treated.
        self.announced = State.RUNNING
        self.database: OwnServer | None = None
        self.parts: dict[Service, Part] = {}
        if "DB_CONNECTION" not in given:
            self.database = OwnServer(
                supervisor,
                lambda: run_postgres(folder / "postgres"),
                lambda url: environment.update(DB_CONNECTION=url),
            )
        if "REDIS_CONNECTION" not in given:
            self.parts[Service.REDIS] = OwnServer(
                supervisor,
                lambda: run_redis(folder / "redis"),
                lambda url: environment.update(REDIS_CONNECTION=url),
            )
        self.core = Core(supervisor, environment, self.versions, public, before_start=self._announce_again)
        self.parts |= {
            Service.CORE: self.core,
            Service.WORKERS: Worker(supervisor, environment, self.versions),
        }

    def stop_processes(self) -> None:
        """Core and worker, because it all ends."""
        self.parts[Service.WORKERS].stop()
        self.core.end()

    def stop_databases(self) -> None:
        """What needs them has ended."""
        if redis := self.parts.get(Service.REDIS):
            redis.stop()
        if self.database is not None:
            self.database.stop()

    @property
    def version(self) -> str:
        """What runs; while the core is stopped, what is started next."""
        return self.core.version if self.core.program else self.versions.current

    def deploy(self, version: str, report: Report) -> None:
        """Have the version started next. Raises StepFailed."""
        self.versions.deploy(version, report)
        self.environment["APP_VERSION"] = version

    def announce(self, state: State) -> None:
        """Have requests treated as in the state. Raises StepFailed when there is a Redis and it does not answer."""
        self.announced = state
        if self._has_redis():
            announcement.announce(self.environment["REDIS_CONNECTION"], state)

    def in_flight(self) -> InFlight | None:
        """What the core still serves to people without the header. Raises StepFailed."""
        if not self.status(Service.CORE).running or not self._has_redis():
            return None
        return announcement.in_flight(self.environment["REDIS_CONNECTION"])

    def status(self, service: Service) -> ServiceStatus:
        part = self.parts.get(service)
        program = part.program if part else None
        if program is None or not program.is_running:
            return ServiceStatus(0, 0)
        return ServiceStatus(1, int(program.is_ready()))

    def observe(self) -> Observed:
        database = self._database_answers()
        migrating, pending = self._look_at_schema() if database else (False, None)
        return Observed(
            services={service: self.status(service) for service in self.parts},
            database=database,
            version=self.version,
            announced=self.announced,
            migrating=migrating,
            migrations_pending=pending,
        )

    def _announce_again(self) -> None:
        # A core believes what Redis says when it starts.
        self.announce(self.announced)

    def _has_redis(self) -> bool:
        redis = self.parts.get(Service.REDIS)
        return redis is None or redis.program is not None

    def _database_answers(self) -> bool:
        if self.database is not None and self.database.program is None:
            return False
        return database_answers(self.environment["DB_CONNECTION"])

    def _look_at_schema(self) -> tuple[bool, bool | None]:
        """Whether a migration task is at work, and whether revisions are pending."""
        url = self.environment["DB_CONNECTION"]
        try:
            # Another version knows other revisions.
            pending = bool(migrations.pending(url)) if self.versions.is_own else None
            return migrations.is_at_work(url), pending
        except (migrations.MigrationRefused, sqlalchemy.exc.DBAPIError, CommandError):
            return False, None
