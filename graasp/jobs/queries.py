"""Every statement on job rows."""

from sqlalchemy import ARRAY, Boolean, Float, Integer, Text, Uuid, and_, bindparam, case, cast, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, insert

from graasp.jobs.tables import job, job_schedule

_id = bindparam("job_id", type_=Uuid)
_ids = bindparam("job_ids", type_=ARRAY(Uuid))
_seconds = func.make_interval(0, 0, 0, 0, 0, 0, bindparam("seconds", type_=Float))
_mine = and_(job.c.id == _id, job.c.attempt == bindparam("job_attempt", type_=Integer), job.c.state == "running")
_payload = case((bindparam("wipe", type_=Boolean), text("'{}'::jsonb")), else_=job.c.payload)
_error = bindparam("job_error", type_=Text)

# A live job with the same key is joined: its row is touched, and its id comes back instead of the new one.
ENQUEUE = (
    insert(job)
    .values(
        id=bindparam("new_id", type_=Uuid),
        name=bindparam("job_name", type_=Text),
        queue=bindparam("job_queue", type_=Text),
        payload=bindparam("job_payload", type_=JSONB),
        max_attempts=bindparam("attempts", type_=Integer),
        dedupe_key=bindparam("key", type_=Text),
        account_id=bindparam("account", type_=Uuid),
        item_id=bindparam("item", type_=Uuid),
        request_id=bindparam("request", type_=Text),
        run_at=func.now() + _seconds,
    )
    .on_conflict_do_update(
        index_elements=["name", "dedupe_key"],
        index_where=text("dedupe_key is not null and state in ('queued', 'running')"),
        set_={"max_attempts": job.c.max_attempts},
    )
    .returning(job.c.id)
)

# What waits for the transport: not handed over yet, and due.
TO_PUSH = (
    select(job.c.id, job.c.name, job.c.queue)
    .where(job.c.state == "queued", job.c.pushed_at.is_(None), job.c.run_at <= func.now())
    .order_by(job.c.run_at)
    .limit(1000)
)
DUE = select(job.c.id, job.c.name, job.c.queue).where(
    job.c.id == func.any(_ids), job.c.state == "queued", job.c.run_at <= func.now()
)
PUSHED = update(job).where(job.c.id == func.any(_ids), job.c.state == "queued").values(pushed_at=func.now())
# What the transport has had for long without anybody claiming it: it may be lost.
PUSHED_LONG_AGO = select(job.c.id, job.c.queue).where(
    job.c.state == "queued", job.c.pushed_at < func.now() - _seconds
)
PUSH_AGAIN = update(job).where(job.c.id == func.any(_ids), job.c.state == "queued").values(pushed_at=None)

CLAIM = (
    update(job)
    .where(job.c.id == _id, job.c.state == "queued", job.c.run_at <= func.now())
    .values(
        state="running",
        attempt=job.c.attempt + 1,
        started_at=func.now(),
        heartbeat_at=func.now(),
        worker=bindparam("worker_name", type_=Text),
    )
    .returning(*job.c)
)
HEARTBEAT = (
    update(job)
    .where(_mine)
    .values(heartbeat_at=func.now(), progress=func.coalesce(bindparam("now_at", type_=JSONB), job.c.progress))
    .returning(job.c.cancel_requested_at.is_not(None).label("cancelled"))
)
FENCE = select(job.c.id).where(_mine).with_for_update()

SUCCEED = (
    update(job)
    .where(_mine)
    .values(
        state="succeeded",
        finished_at=func.now(),
        result=bindparam("job_result", type_=JSONB),
        error=None,
        payload=_payload,
    )
    .returning(job.c.id)
)
FAIL = (
    update(job)
    .where(_mine)
    .values(
        state="failed",
        finished_at=func.now(),
        error=_error,
        failures=job.c.failures + 1,
        payload=_payload,
    )
    .returning(job.c.id)
)
CANCELLED = update(job).where(_mine).values(state="cancelled", finished_at=func.now(), payload=_payload)
RETRY = (
    update(job)
    .where(_mine)
    .values(
        state="queued",
        run_at=func.now() + _seconds,
        pushed_at=None,
        failures=job.c.failures + 1,
        error=_error,
    )
)
# A stopping worker gives the job back; that is no failure of the job.
HAND_BACK = update(job).where(_mine).values(state="queued", run_at=func.now(), pushed_at=None)
# The process of a running job is gone: somebody else takes over, and what it still does is void.
RESUME_ORPHANS = (
    update(job)
    .where(job.c.state == "running", job.c.heartbeat_at < func.now() - _seconds)
    .values(
        state="queued",
        run_at=func.now(),
        pushed_at=None,
        failures=job.c.failures + 1,
        attempt=job.c.attempt + 1,
        error="The process that ran this job died.",
    )
    .returning(job.c.id)
)

REQUEST_CANCEL = (
    update(job)
    .where(job.c.id == _id, job.c.state.in_(["queued", "running"]))
    .values(
        state=case((job.c.state == "queued", text("'cancelled'::job_state")), else_=job.c.state),
        finished_at=case((job.c.state == "queued", func.now()), else_=None),
        cancel_requested_at=func.now(),
    )
    .returning(job.c.id)
)
REQUEUE = (
    update(job)
    .where(job.c.id == _id, job.c.state.in_(["failed", "cancelled"]), job.c.payload != text("'{}'::jsonb"))
    .values(
        state="queued",
        run_at=func.now(),
        pushed_at=None,
        finished_at=None,
        cancel_requested_at=None,
        failures=0,
        error=None,
        progress=None,
    )
    .returning(job.c.id)
)

_SUMMARY = (
    job.c.id,
    job.c.name,
    job.c.queue,
    job.c.state,
    job.c.attempt,
    job.c.progress,
    job.c.error,
    job.c.created_at,
    job.c.started_at,
    job.c.finished_at,
)
ONE = select(*_SUMMARY, job.c.account_id, job.c.item_id, job.c.result, job.c.run_at, job.c.worker).where(
    job.c.id == _id
)
_state = bindparam("wanted_state", type_=Text)
LATEST = (
    select(*_SUMMARY)
    .where(or_(_state.is_(None), cast(job.c.state, Text) == _state))
    .order_by(job.c.created_at.desc())
    .limit(bindparam("how_many", type_=Integer))
)

DEPTHS = (
    select(
        job.c.queue,
        job.c.state,
        func.count().label("jobs"),
        func.extract("epoch", func.now() - func.min(job.c.run_at)).label("oldest_s"),
    )
    .where(job.c.state.in_(["queued", "running"]))
    .group_by(job.c.queue, job.c.state)
)
FORGET = delete(job).where(
    job.c.state.in_(["succeeded", "failed", "cancelled"]),
    job.c.finished_at < func.now() - func.make_interval(0, 0, 0, bindparam("days", type_=Integer)),
)

LAST_TICK = select(job_schedule.c.last_tick).where(job_schedule.c.name == bindparam("entry", type_=Text))
TICK = (
    insert(job_schedule)
    .values(name=bindparam("entry", type_=Text), last_tick=bindparam("tick", type_=TIMESTAMP(timezone=True)))
    .on_conflict_do_update(
        index_elements=["name"], set_={"last_tick": bindparam("tick", type_=TIMESTAMP(timezone=True))}
    )
)
