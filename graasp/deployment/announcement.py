"""How the state reaches the cores, and what they still do comes back: a few keys and a channel in Redis.

Redis is not where the state is kept: a driver announces it again whenever Redis was empty.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import NamedTuple, cast

import redis
from redis.exceptions import RedisError

from graasp.deployment.driver import InFlight, StepFailed
from graasp.deployment.states import STATES, Service, State
from graasp.redis_client import blocking_redis_client

STATE_KEY = "graasp-deployment-state"
CHANNEL = "graasp-deployment-state"
# Ids of the processes that report; what each reports is a key of its own, which expires soon after its process ends.
REPORTERS_KEY = "graasp-deployment-reporters"
REPORT_EXPIRES_MS = 3000

# Longer than a core needs to notice an announcement that it did not hear.
_REPORTS_WITHIN_S = 2.0
_POLL_S = 0.05


class Announcement(NamedTuple):
    """`since`: when the state was first announced."""

    state: State
    since: datetime

    @property
    def closes_cores(self) -> bool:
        """Whether only requests with the secret header pass."""
        return Service.CORE in STATES[self.state].guarded

    def encode(self) -> str:
        return json.dumps({"state": self.state, "since": self.since.isoformat()})

    @classmethod
    def decode(cls, raw: bytes | str) -> "Announcement":
        """Raises ValueError for anything but an encoded announcement."""
        try:
            fields = json.loads(raw)
            return cls(State(fields["state"]), datetime.fromisoformat(fields["since"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not an announcement") from error


class Report(NamedTuple):
    """What one core still serves to people without the header, under the announcement of `since`."""

    since: datetime
    requests: int
    websockets: int

    def encode(self) -> str:
        fields = {"since": self.since.isoformat(), "requests": self.requests, "websockets": self.websockets}
        return json.dumps(fields)

    @classmethod
    def decode(cls, raw: bytes | str) -> "Report":
        fields = json.loads(raw)
        return cls(datetime.fromisoformat(fields["since"]), fields["requests"], fields["websockets"])


def report_key(reporter: str) -> str:
    """Where the process of this id keeps its report."""
    return f"graasp-deployment-report:{reporter}"


def announce(redis_url: str, state: State) -> None:
    """Tell every core: those that run act on it within a second, those that start before they take requests.

    Announcing a state again changes nothing. Raises StepFailed when Redis does not answer.
    """
    with _connection(redis_url) as connection:
        announcement = Announcement(state, datetime.now(UTC))
        before = _read(connection)
        if before is not None and before.state == state:
            announcement = before
        with connection.pipeline() as pipeline:
            pipeline.set(STATE_KEY, announcement.encode())
            pipeline.publish(CHANNEL, announcement.encode())
            pipeline.execute()


def announced(redis_url: str) -> Announcement | None:
    """The last announcement; None when there was none since Redis was empty. Raises StepFailed."""
    with _connection(redis_url) as connection:
        return _read(connection)


def in_flight(redis_url: str) -> InFlight | None:
    """What all cores together still serve to people without the header.

    None when no core is there to tell, and while everybody passes. A core that is there and does not report is too
    busy to: it counts as one request. Raises StepFailed when Redis does not answer.
    """
    deadline = time.monotonic() + _REPORTS_WITHIN_S
    with _connection(redis_url) as connection:
        while True:
            announcement = _read(connection)
            if announcement is None or not announcement.closes_cores:
                return None
            reports, silent = _reports(connection, announcement)
            if not silent or time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
    if not reports and not silent:
        return None
    return InFlight(
        requests=sum(report.requests for report in reports) + silent,
        websockets=sum(report.websockets for report in reports),
    )


def _reports(connection: redis.Redis, announcement: Announcement) -> tuple[list[Report], int]:
    """Reports under the announcement, and how many cores that listen have sent none."""
    [(_, listening)] = cast(list[tuple[bytes, int]], connection.pubsub_numsub(CHANNEL))
    reporters = cast(set[bytes], connection.smembers(REPORTERS_KEY))
    found = cast(
        list[bytes | None],
        connection.mget([report_key(reporter.decode()) for reporter in reporters]) if reporters else [],
    )
    reports = [report for raw in found if raw and (report := Report.decode(raw)).since == announcement.since]
    return reports, max(0, listening - len(reports))


def _read(connection: redis.Redis) -> Announcement | None:
    raw = cast(bytes | None, connection.get(STATE_KEY))
    try:
        return None if raw is None else Announcement.decode(raw)
    except ValueError:
        return None


@contextmanager
def _connection(redis_url: str) -> Iterator[redis.Redis]:
    with closing(blocking_redis_client(redis_url)) as connection:
        try:
            yield connection
        except RedisError as error:
            raise StepFailed(
                f"Redis does not answer, so the cores can't be told: {error}. Is it running, and is REDIS_CONNECTION "
                "right?"
            ) from error
