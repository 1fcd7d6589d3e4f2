"""Every statement on job rows."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Float,
    Integer,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, insert

from graasp.jobs.tables import job, job_schedule

_id = bindparam("job_id", type_=Uuid)
_ids = bindparam("job_ids", type_=ARRAY(Uuid))
_queue = bindparam("wanted_queue", type_=Text)
_seconds = func.make_interval(0, 0, 0, 0, 0, 0, bindparam("seconds", type_=Float))
_days = func.make_interval(0, 0, 0, bindparam("days", type_=Integer))
_mine = and_(
    job.c.id == _id, job.c.attempt == bindparam("job_attempt", type_=Integer), job.c.state == "running"
)
_error = bindparam("job_error", type_=Text)

_live = or_(job.c.state == "queued", job.c.state == "running")
_ended = or_(job.c.state == "succeeded", job.c.state == "failed", job.c.state == "cancelled")

# A payload that was blanked is JSON's null: no payload model makes one.
_BLANK = text("'null'::jsonb")
_payload = case((bindparam("wipe", type_=Boolean), _BLANK), else_=job.c.payload)

# A lock lasts as long as its transaction; `part` tells apart what may not be done twice at once.
TRY_LOCK = select(func.pg_try_advisory_xact_lock(721097685, bindparam("part", type_=Integer)))

# --- enqueueing and handing over ---------------------------------------------------------------------------

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
        trace_context=bindparam("trace", type_=Text),
        run_at=func.now() + _seconds,
    )
    .on_conflict_do_update(
        index_elements=["name", "dedupe_key"],
        index_where=text("dedupe_key is not null and state in ('queued', 'running')"),
        set_={"max_attempts": job.c.max_attempts},
    )
    .returning(job.c.id)
)
_to_hand_over = (
    select(job.c.id, job.c.name, job.c.queue)
    .where(job.c.state == "queued", job.c.pushed_at.is_(None))
    .order_by(job.c.run_at)
)
DUE = _to_hand_over.where(job.c.id == func.any(_ids), job.c.run_at <= func.now())
# Whoever has just committed a row hands it over itself; the relay leaves it a moment to do so.
LEFT_BEHIND = _to_hand_over.where(job.c.run_at <= func.now() - text("interval '300 milliseconds'")).limit(
    1000
)
HANDED_OVER = (
    update(job)
    .where(job.c.id == func.any(_ids), job.c.state == "queued", job.c.run_at <= func.now())
    .values(pushed_at=func.now())
)
HANDED_OVER_LONG_AGO = select(job.c.id, job.c.queue).where(
    job.c.state == "queued", job.c.pushed_at < func.now() - _seconds
)
HAND_OVER_AGAIN = (
    update(job).where(job.c.id == func.any(_ids), job.c.state == "queued").values(pushed_at=None)
)
HAND_ALL_OVER_AGAIN = (
    update(job).where(job.c.state == "queued", job.c.pushed_at.is_not(None)).values(pushed_at=None)
)

# --- the life of an attempt --------------------------------------------------------------------------------

CLAIM = (
    update(job)
    .where(job.c.id == _id, job.c.state == "queued", job.c.run_at <= func.now())
    .values(
        state="running",
        attempt=job.c.attempt + 1,
        started_at=func.clock_timestamp(),
        heartbeat_at=func.clock_timestamp(),
        progress=None,
        worker=bindparam("worker_name", type_=Text),
    )
    .returning(*job.c)
)
HEARTBEAT = (
    update(job)
    .where(_mine)
    .values(
        heartbeat_at=func.clock_timestamp(),
        progress=func.coalesce(bindparam("now_at", type_=JSONB), job.c.progress),
    )
    .returning(job.c.cancel_requested_at.is_not(None).label("cancelled"))
)
FENCE = select(job.c.id).where(_mine).with_for_update()

SUCCEED = (
    update(job)
    .where(_mine)
    .values(
        state="succeeded",
        finished_at=func.clock_timestamp(),
        progress=func.coalesce(bindparam("now_at", type_=JSONB), job.c.progress),
        result=bindparam("job_result", type_=JSONB),
        error=None,
        payload=_payload,
    )
    .returning(job.c.id)
)
FAIL = (
    update(job)
    .where(_mine)
    .values(state="failed", finished_at=func.clock_timestamp(), error=_error, failures=job.c.failures + 1)
    .returning(job.c.id)
)
CANCEL = (
    update(job)
    .where(_mine)
    .values(state="cancelled", finished_at=func.clock_timestamp(), payload=_payload)
    .returning(job.c.id)
)
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
    .returning(job.c.id)
)
# A stopping worker gives the job back; that is no failure of the job.
HAND_BACK = (
    update(job).where(_mine).values(state="queued", run_at=func.now(), pushed_at=None).returning(job.c.id)
)

# The process of a running job is gone: somebody else takes over, and what it may still do is void.
_TAKEN_FROM_THE_DEAD = {
    "state": "queued",
    "run_at": func.now(),
    "pushed_at": None,
    "attempt": job.c.attempt + 1,
    "failures": job.c.failures + 1,
    "error": "The process that ran this job died.",
}
RESUME_ORPHANS = (
    update(job)
    .where(
        job.c.id.in_(
            # A locked row is one whose attempt is committing something this very moment.
            select(job.c.id)
            .where(job.c.state == "running", job.c.heartbeat_at < func.now() - _seconds)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
    )
    .values(**_TAKEN_FROM_THE_DEAD)
    .returning(job.c.id)
)
RESUME_ORPHAN_OF = (
    update(job)
    .where(job.c.id == _id, job.c.state == "running", job.c.worker == bindparam("worker_name", type_=Text))
    .values(**_TAKEN_FROM_THE_DEAD)
    .returning(job.c.id)
)

# --- what people do ----------------------------------------------------------------------------------------

REQUEST_CANCEL = (
    update(job)
    .where(job.c.id == _id, _live)
    .values(
        state=case((job.c.state == "queued", text("'cancelled'::job_state")), else_=job.c.state),
        finished_at=case((job.c.state == "queued", func.now()), else_=None),
        cancel_requested_at=func.now(),
    )
    .returning(job.c.id)
)
_twin = job.alias("twin")
_repeatable = and_(
    or_(job.c.state == "failed", job.c.state == "cancelled"),
    job.c.payload != _BLANK,
    # It would be a second one of a kind that there may be only one of.
    ~exists(
        select(_twin.c.id).where(
            _twin.c.name == job.c.name,
            _twin.c.dedupe_key == job.c.dedupe_key,
            or_(_twin.c.state == "queued", _twin.c.state == "running"),
        )
    ),
)
REQUEUE = (
    update(job)
    .where(job.c.id == _id, _repeatable)
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
FAILED_IN = (
    select(job.c.id)
    .where(job.c.state == "failed", job.c.queue == _queue)
    .order_by(job.c.finished_at)
    .limit(1000)
)
WAITING_IN = (
    select(job.c.id)
    .where(job.c.state == "queued", job.c.queue == _queue)
    .order_by(job.c.run_at)
    .limit(100_000)
)

# --- what people look at -----------------------------------------------------------------------------------

_SUMMARY = (
    job.c.id,
    job.c.name,
    job.c.queue,
    job.c.state,
    job.c.attempt,
    job.c.failures,
    job.c.max_attempts,
    job.c.progress,
    job.c.error,
    job.c.created_at,
    job.c.run_at,
    job.c.started_at,
    job.c.finished_at,
)
ONE = select(
    *_SUMMARY,
    job.c.account_id,
    job.c.item_id,
    job.c.dedupe_key,
    job.c.heartbeat_at,
    job.c.cancel_requested_at,
    job.c.result,
    job.c.worker,
    job.c.request_id,
).where(job.c.id == _id)
_state = bindparam("wanted_state", type_=Text)
LATEST = (
    select(*_SUMMARY)
    .where(
        or_(_state.is_(None), cast(job.c.state, Text) == _state),
        or_(_queue.is_(None), job.c.queue == _queue),
    )
    .order_by(job.c.created_at.desc())
    .limit(bindparam("how_many", type_=Integer))
)
_how_many = bindparam("how_many", type_=Integer)
ENDED_IN = (
    select(*_SUMMARY, job.c.result)
    .where(job.c.queue == _queue, job.c.state == cast(_state, job.c.state.type))
    .order_by(job.c.finished_at.desc())
    .limit(_how_many)
)
# Those that wait for another attempt, or for their time.
DELAYED_IN = (
    select(*_SUMMARY, job.c.result)
    .where(job.c.queue == _queue, job.c.state == "queued", job.c.run_at > func.now())
    .order_by(job.c.run_at)
    .limit(_how_many)
)
IS_IDLE = select(
    ~exists(
        select(job.c.id).where(
            or_(job.c.state == "running", and_(job.c.state == "queued", job.c.run_at <= func.now()))
        )
    )
)
_kind = case(
    (job.c.state == "running", "running"),
    (job.c.state == "failed", "failed"),
    (job.c.run_at > func.now(), "delayed"),
    else_="waiting",
)
DEPTHS = (
    select(
        job.c.queue,
        _kind.label("state"),
        func.count().label("jobs"),
        func.extract("epoch", func.now() - func.min(job.c.run_at)).label("oldest_s"),
    )
    .where(or_(_live, job.c.state == "failed"))
    .group_by(job.c.queue, text("2"))
)

# --- retention ---------------------------------------------------------------------------------------------

FORGET = delete(job).where(_ended, job.c.finished_at < func.now() - _days)
BLANK_FAILED = (
    update(job)
    .where(
        job.c.name == func.any(bindparam("names", type_=ARRAY(Text))),
        job.c.state == "failed",
        job.c.finished_at < func.now() - text("interval '1 day'"),
        job.c.payload != _BLANK,
    )
    .values(payload=_BLANK)
)

# --- the schedule ------------------------------------------------------------------------------------------

LAST_TICK = select(job_schedule.c.last_tick).where(job_schedule.c.name == bindparam("entry", type_=Text))
TICK = (
    insert(job_schedule)
    .values(name=bindparam("entry", type_=Text), last_tick=bindparam("tick", type_=TIMESTAMP(timezone=True)))
    .on_conflict_do_update(
        index_elements=["name"], set_={"last_tick": bindparam("tick", type_=TIMESTAMP(timezone=True))}
    )
)
