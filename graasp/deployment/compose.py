"""An installation on one host: docker-compose.yml in a folder, operated by the command line of Docker Compose.

Everything that is not a Service of the states (the gateway, its maintenance screen, storage, the mail catcher) is up
in every state: people are answered while there is no core.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from graasp.deployment import dumps
from graasp.deployment.announcement import STATE_KEY, Announcement
from graasp.deployment.driver import (
    InFlight,
    MigrationResult,
    Observed,
    Report,
    ServiceStatus,
    StepFailed,
)
from graasp.deployment.file_store import FileStore
from graasp.deployment.records import Snapshot
from graasp.deployment.states import Service, State
from graasp.deployment.targets import TargetOptions, TargetUnusable

# Where the record, the lock and the snapshots are, in the project's folder.
FOLDER = ".graasp-compose"
VERSION_VARIABLE = "GRAASP_VERSION"

_FILES = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
_SERVICES: Mapping[Service, str] = {
    Service.CORE: "core",
    Service.WORKERS: "worker",
    Service.REDIS: "redis",
    Service.LIBRARY: "library",
    Service.ETHERPAD: "etherpad",
    Service.MEILISEARCH: "meilisearch",
    Service.IFRAMELY: "iframely",
    Service.UMAMI: "umami",
    Service.WEB: "web",
}
_CORE = _SERVICES[Service.CORE]
_WORKER = _SERVICES[Service.WORKERS]
_REDIS = _SERVICES[Service.REDIS]
_DATABASE = "database"
_MIGRATE = "migrate"
# Built from this repository, and of one version.
_OURS = (_CORE, _WORKER, _MIGRATE)
_KINDS = ("core", "workers", "migrate")
_BUILT_HERE = "graasp"
_PENDING = 3
# The label of migration tasks that change nothing.
_LOOKS = "graasp.looks"

# A container made for one command.
_ONCE = ("run", "--rm", "--no-deps", "--no-TTY")

_HEALTH_TIMEOUT_S = 180.0
_HEALTH_POLL_S = 0.5
# What Docker says of commands and options that it does not know.
_WITHOUT_COMPOSE = re.compile(r"unknown (shorthand )?flag|is not a docker command")
_LAST_LINES = 12
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")
_SNAPSHOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CHUNK = 1024 * 1024


class Container(NamedTuple):
    """What `docker compose ps` says of one."""

    id: str
    service: str
    image: str
    is_running: bool
    # None: it has no check of its health.
    is_healthy: bool | None
    # Made by `docker compose run`.
    is_one_off: bool
    # Made to look at the database only.
    is_looking: bool

    @property
    def is_ready(self) -> bool:
        return self.is_running and self.is_healthy is not False


class ComposeProject:
    """`docker compose` in the folder of a project. Raises StepFailed with the last words of what went wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *arguments: str) -> list[str]:
        return ["docker", "compose", *arguments]

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run to the end; what it printed."""
        return self._run(self.command(*arguments), environment)

    def docker(self, *arguments: str) -> str:
        """As `run`, of docker itself."""
        return self._run(["docker", *arguments], None)

    def has_images(self, images: Sequence[str]) -> bool:
        """Whether all of them are on this machine."""
        return self._complete(["docker", "image", "inspect", *images], None).returncode == 0

    def stream(self, *arguments: str, report: Report) -> tuple[int, str]:
        """Run to the end, telling each line; the exit code and all lines."""
        lines = []
        with self._started(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line.decode("utf-8", "replace").rstrip())
                report(lines[-1])
        return process.returncode, "\n".join(lines)

    def pass_through(
        self, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
    ) -> int:
        """Run with these streams, and the errors of this process; the exit code."""
        with self._started(arguments, stdin=stdin or subprocess.DEVNULL, stdout=stdout) as process:
            return process.wait()

    def config(self) -> Any:
        """The compose files, with everything filled in."""
        return json.loads(self.run("config", "--format", "json"))

    def containers(self) -> list[Container]:
        """Every container of the project, those that have ended too."""
        return [_container(one) for one in _json_documents(self.run("ps", "--all", "--format", "json"))]

    def _run(self, command: list[str], environment: Mapping[str, str] | None) -> str:
        ended = self._complete(command, environment)
        if ended.returncode:
            if _WITHOUT_COMPOSE.search(ended.stderr):
                raise StepFailed(
                    "Docker Compose 2.24 or later is needed, and this Docker has none, or an older one: "
                    "`docker compose version` tells. Install the plugin, and run this again."
                )
            words = (ended.stderr or ended.stdout).strip().splitlines()[-_LAST_LINES:]
            raise StepFailed(
                "\n".join((f"`{' '.join(command)}` ended with exit code {ended.returncode}:", *words))
            )
        return ended.stdout

    def _complete(
        self, command: list[str], environment: Mapping[str, str] | None
    ) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(
                command,
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise StepFailed(f"docker did not start: {error}") from error

    def _started(self, arguments: Sequence[str], **streams: Any) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(self.command(*arguments), cwd=self.folder, **streams)
        except OSError as error:
            raise StepFailed(f"docker did not start: {error}") from error


def open_project(options: TargetOptions) -> ComposeProject:
    """The project of a folder. Raises TargetUnusable."""
    folder = options.project_directory.resolve()
    if not any((folder / name).is_file() for name in _FILES):
        raise TargetUnusable(
            f"There is no docker-compose.yml in {folder}: --project-directory names its folder."
        )
    if shutil.which("docker") is None:
        raise TargetUnusable("There is no docker on this machine, or not on the PATH.")
    return ComposeProject(folder)


class ComposeDriver:
    """See Driver. Only what runs as part of the project is counted, not what `docker compose run` has started."""

    def __init__(self, project: ComposeProject) -> None:
        self._project = project
        self._folder = project.folder / FOLDER
        self.store = FileStore(self._folder)
        self._read: Any = None
        self._pending: bool | None = None

    @classmethod
    def open(cls, options: TargetOptions) -> "ComposeDriver":
        return cls(open_project(options))

    @property
    def replicas(self) -> Mapping[Service, int]:
        installed = self._config["services"]
        return {
            service: _replicas(installed[name]) for service, name in _SERVICES.items() if name in installed
        }

    @property
    def maintenance_header(self) -> str | None:
        core = self._config["services"][_CORE]
        environment = core.get("environment") or {}
        secret = environment.get("MAINTENANCE_HEADER_SECRET") or "maintenance_header_secret" in _secrets(core)
        return environment.get("MAINTENANCE_HEADER_NAME") if secret else None

    def observe(self) -> Observed:
        containers = self._project.containers()
        database = any(one.is_ready for one in _parts(containers, _DATABASE))
        return Observed(
            services={service: _status(_parts(containers, _SERVICES[service])) for service in self.replicas},
            database=database,
            version=_version_at_work(containers),
            announced=self._announced(containers),
            migrating=any(
                one.service == _MIGRATE and one.is_running and not one.is_looking for one in containers
            ),
            migrations_pending=self._is_pending() if database else None,
        )

    def announce(self, state: State, report: Report) -> None:
        containers = self._project.containers()
        if Service.REDIS in self.replicas and not _running(containers, _REDIS):
            # Cores read it when they start; without Redis none runs, and the gateway lets nobody pass.
            report("nothing runs that would let anybody pass")
            return
        self._in_core(containers, "graasp", "state", "announce", state)
        report(f"requests are treated as in {state}")

    def in_flight(self) -> InFlight | None:
        containers = self._project.containers()
        if not _running(containers, _CORE):
            return None
        told = json.loads(self._in_core(containers, "graasp", "state", "in-flight").strip().splitlines()[-1])
        return None if told is None else InFlight(told["requests"], told["websockets"])

    def scale(self, counts: Mapping[Service, int], report: Report) -> None:
        names = {_SERVICES[service]: count for service, count in counts.items() if service in self.replicas}
        self._stop([name for name, count in names.items() if not count], report)
        wanted = {name: count for name, count in names.items() if count}
        if not wanted:
            return
        self._start_surroundings(report)
        containers = self._project.containers()
        for name in sorted(wanted, key=lambda name: name != _REDIS):
            running = len(_running(containers, name))
            if running == wanted[name]:
                continue
            report(f"starting {name}")
            # What runs stays, even if it is of another version; what was stopped is made anew where it is.
            kept = ["--no-recreate"] if running else []
            self._up(*kept, "--scale", f"{name}={wanted[name]}", name)

    def await_health(self, counts: Mapping[Service, int], report: Report) -> None:
        self._await_ready(
            {_SERVICES[service]: count for service, count in counts.items() if service in self.replicas},
            report,
        )

    def start_database(self, report: Report) -> None:
        self._start_surroundings(report)
        self._up(_DATABASE)
        self._await_ready({_DATABASE: 1}, report)

    def stop_database(self, report: Report) -> None:
        self._stop([_DATABASE], report)

    def snapshot(self, name: str, report: Report) -> Snapshot:
        file = self._snapshot_file(name)
        if file.exists():
            raise StepFailed(f"There is a snapshot {name} already.")
        taken_at = datetime.now(UTC)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = file.with_suffix(".unfinished")
        try:
            unfinished.touch(mode=0o600)
            with unfinished.open("wb") as output:
                dumps.dump(self._database(), output, report)
                output.flush()
                os.fsync(output.fileno())
            unfinished.rename(file)
        finally:
            unfinished.unlink(missing_ok=True)
        at_work = _version_at_work(self._project.containers())
        return Snapshot(name=name, taken_at=taken_at, version=at_work or _version(self._image(_CORE)))

    def restore(self, snapshot: str, report: Report) -> None:
        file = self._snapshot_file(snapshot)
        if not file.exists():
            raise StepFailed(f"There is no snapshot {snapshot} in {file.parent}.")
        self._pending = None
        dumps.replace(self._database(), lambda: _chunks(file), report)

    def migrate(self, report: Report) -> MigrationResult:
        self._pending = None
        return MigrationResult(*self._project.stream(*_ONCE, _MIGRATE, report=report))

    def exact(self, version: str) -> str:
        # Tags of images never move.
        return version

    def deploy(self, version: str, report: Report) -> None:
        if not _TAG.fullmatch(version):
            raise StepFailed(f"{version!r} can't be the tag of an image.")
        chosen = {VERSION_VARIABLE: version}
        if self._project.has_images(self._images(version)):
            # The version before is where one goes back to: its tag stays with its image.
            report(f"the images of {version} are on this machine")
        elif self._repository() == _BUILT_HERE:
            report(f"building {version} from the sources in {self._project.folder}")
            self._project.run("--profile", _MIGRATE, "build", *_OURS, environment=chosen)
        else:
            report(f"fetching {version}")
            self._project.run("--profile", _MIGRATE, "pull", *_OURS, environment=chosen)
        _choose(self._project.folder / ".env", VERSION_VARIABLE, version)
        self._read = self._pending = None

    def migrates_compatibly(self, report: Report) -> bool:
        return self._look(report, "--compatible") == 0

    def roll_out(self, report: Report) -> None:
        installed = self.replicas
        # New workers do the jobs of old cores; old workers do not know those that new cores give them.
        if Service.WORKERS in installed:
            report(f"replacing {_WORKER}")
            self._up("--scale", f"{_WORKER}={installed[Service.WORKERS]}", _WORKER)
            self._await_ready({_WORKER: installed[Service.WORKERS]}, report)
        self._replace_cores(installed[Service.CORE], report)
        self._start_surroundings(report)

    def smoke_test(self, report: Report) -> None:
        version = _version_at_work(self._project.containers())
        expected = ["--version", version] if version else []
        code, log = self._project.stream(
            "exec", "--no-TTY", _CORE, "graasp", "smoke-test", *expected, report=report
        )
        if code:
            raise StepFailed(f"The smoke test ended with exit code {code}:\n{_last(log)}")

    def _replace_cores(self, count: int, report: Report) -> None:
        """Start new ones beside the old ones, which end when all new ones answer."""
        wanted = self._image(_CORE)
        running = _running(self._project.containers(), _CORE)
        old = [one for one in running if one.image != wanted]
        if not old:
            return
        report(f"starting {count} of the new version beside {len(old)}")
        self._up("--no-recreate", "--scale", f"{_CORE}={len(old) + count}", _CORE)
        try:
            self._await_ready({_CORE: len(old) + count}, report)
        except StepFailed:
            new = [one for one in _parts(self._project.containers(), _CORE) if one.image == wanted]
            if new:
                self._project.docker("rm", "--force", *(one.id for one in new))
            raise
        for one in old:
            report(f"stopping {one.id[:12]} of the version before")
            self._project.docker("stop", one.id)
            self._project.docker("rm", one.id)

    def _start_surroundings(self, report: Report) -> None:
        """What is up in every state."""
        elsewhere = {*_SERVICES.values(), _DATABASE, _MIGRATE}
        services = sorted(name for name in self._config["services"] if name not in elsewhere)
        if services:
            report(f"starting, where they do not run: {', '.join(services)}")
            # They depend on each other alone.
            self._project.run("up", "--detach", "--quiet-pull", *services)

    def _up(self, *arguments: str) -> None:
        self._project.run("up", "--detach", "--no-deps", "--quiet-pull", *arguments)

    def _stop(self, names: Iterable[str], report: Report) -> None:
        running = {one.service for one in self._project.containers() if one.is_running and not one.is_one_off}
        to_stop = [name for name in names if name in running]
        # Redis last: cores and workers hand their work back to it.
        for group in (
            [name for name in to_stop if name != _REDIS],
            [name for name in to_stop if name == _REDIS],
        ):
            if group:
                report(f"stopping {', '.join(group)}")
                self._project.run("stop", *group)

    def _await_ready(self, counts: Mapping[str, int], report: Report) -> None:
        deadline = time.monotonic() + _HEALTH_TIMEOUT_S
        told: str | None = None
        while True:
            containers = self._project.containers()
            missing = [
                name
                for name, count in counts.items()
                if sum(one.is_ready for one in _parts(containers, name)) < count
            ]
            if not missing:
                return
            waiting = f"waiting for {', '.join(missing)}"
            if waiting != told:
                report(waiting)
                told = waiting
            if time.monotonic() > deadline:
                log = self._project.run("logs", "--no-color", "--tail", str(_LAST_LINES), *missing)
                raise StepFailed(
                    f"Not answering after {_HEALTH_TIMEOUT_S:.0f} s: {', '.join(missing)}. Their last words:\n{_last(log)}"
                )
            time.sleep(_HEALTH_POLL_S)

    def _look(self, report: Report, question: str) -> int:
        """Ask the migration task something; its exit code."""
        code, _ = self._project.stream(*_ONCE, f"--label={_LOOKS}=1", _MIGRATE, question, report=report)
        return code

    def _is_pending(self) -> bool | None:
        """Looked at once, until something changes it: it takes a container."""
        if self._pending is None:
            self._pending = {0: False, _PENDING: True}.get(self._look(lambda _: None, "--check"))
        return self._pending

    def _in_core(self, containers: Sequence[Container], *command: str) -> str:
        """In one that runs, or else in one made for this."""
        if _running(containers, _CORE):
            return self._project.run("exec", "--no-TTY", _CORE, *command)
        return self._project.run(*_ONCE, _CORE, *command)

    def _announced(self, containers: Sequence[Container]) -> State | None:
        if not any(one.is_ready for one in _running(containers, _REDIS)):
            return None
        told = self._project.run("exec", "--no-TTY", _REDIS, "redis-cli", "--raw", "get", STATE_KEY).strip()
        try:
            return Announcement.decode(told).state
        except ValueError:
            return None

    def _database(self) -> dumps.Installation:
        environment = self._config["services"][_DATABASE]["environment"]
        user = environment["POSTGRES_USER"]
        prefix = self._project.command("exec", "--no-TTY", "--env", f"PGUSER={user}", _DATABASE)
        return dumps.Installation(
            database=environment["POSTGRES_DB"],
            command=lambda program: [*prefix, program],
            environment={},
            folder=self._project.folder,
        )

    def _snapshot_file(self, name: str) -> Path:
        if not _SNAPSHOT.fullmatch(name):
            raise StepFailed(f"{name!r} can't be the name of a snapshot.")
        return self._folder / "snapshots" / f"{name}.dump"

    @property
    def _config(self) -> Any:
        if self._read is None:
            self._read = self._project.config()
        return self._read

    def _image(self, name: str) -> str:
        image: str = self._config["services"][name]["image"]
        return image

    def _images(self, version: str) -> list[str]:
        return [f"{self._repository()}:{kind}-{version}" for kind in _KINDS]

    def _repository(self) -> str:
        return self._image(_CORE).rpartition(":")[0]


def run_in_core(
    options: TargetOptions,
    command: Sequence[str],
    *,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> int:
    """Run a command in a container made for it, with the core's secrets and files; the exit code.

    Raises TargetUnusable and StepFailed.
    """
    project = open_project(options)
    return project.pass_through(*_ONCE, _CORE, *command, stdin=stdin, stdout=stdout)


def _json_documents(output: str) -> Iterator[Any]:
    """What Compose prints: a document a line, or, up to version 2.20, one list."""
    for line in output.splitlines():
        if line.strip():
            document = json.loads(line)
            yield from document if isinstance(document, list) else (document,)


def _container(told: Mapping[str, Any]) -> Container:
    labels = dict(label.partition("=")[::2] for label in told.get("Labels", "").split(","))
    return Container(
        id=told["ID"],
        service=told["Service"],
        image=told["Image"],
        is_running=told["State"] == "running",
        is_healthy=told["Health"] == "healthy" if told.get("Health") else None,
        is_one_off=labels.get("com.docker.compose.oneoff") == "True",
        is_looking=_LOOKS in labels,
    )


def _parts(containers: Iterable[Container], service: str) -> list[Container]:
    return [one for one in containers if one.service == service and not one.is_one_off]


def _running(containers: Iterable[Container], service: str) -> list[Container]:
    return [one for one in _parts(containers, service) if one.is_running]


def _status(containers: Iterable[Container]) -> ServiceStatus:
    running = [one for one in containers if one.is_running]
    return ServiceStatus(len(running), sum(one.is_ready for one in running))


def _version_at_work(containers: Iterable[Container]) -> str | None:
    # While one version replaces another, the one that came later.
    return next((_version(one.image) for one in reversed(_running(containers, _CORE))), None)


def _version(image: str) -> str:
    return image.rpartition(":")[2].removeprefix(f"{_CORE}-")


def _replicas(service: Mapping[str, Any]) -> int:
    count = service.get("scale", (service.get("deploy") or {}).get("replicas", 1))
    return int(count)


def _secrets(service: Mapping[str, Any]) -> set[str]:
    return {str(secret["source"]) for secret in service.get("secrets") or []}


def _choose(file: Path, variable: str, value: str) -> None:
    """Set a variable in a file of variables; the file is replaced whole."""
    lines = file.read_text().splitlines() if file.exists() else []
    kept = [line for line in lines if not line.startswith(f"{variable}=")]
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=file.stat().st_mode & 0o777 if file.exists() else 0o600)
    unfinished.write_text("\n".join([*kept, f"{variable}={value}"]) + "\n")
    unfinished.rename(file)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            yield chunk


def _last(log: str) -> str:
    return "\n".join(log.strip().splitlines()[-_LAST_LINES:])
