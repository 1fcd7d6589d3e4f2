"""The jobs: their rows are the truth, Redis is only the transport."""

from sqlalchemy import (
    Column,
    Enum,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from graasp.db.metadata import metadata

job_state = Enum("queued", "running", "succeeded", "failed", "cancelled", name="job_state", metadata=metadata)

job = Table(
    "job",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("state", job_state, nullable=False, server_default=text("'queued'::job_state")),
    # Raised by every claim: what an earlier attempt still does after that is void.
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    # Attempts that count against the limit; one handed back by a stopping worker does not.
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("max_attempts", Integer, nullable=False),
    Column("dedupe_key", Text),
    Column("account_id", Uuid),
    Column("item_id", Uuid),
    Column("run_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("pushed_at", TIMESTAMP(timezone=True)),
    Column("started_at", TIMESTAMP(timezone=True)),
    Column("heartbeat_at", TIMESTAMP(timezone=True)),
    Column("finished_at", TIMESTAMP(timezone=True)),
    Column("cancel_requested_at", TIMESTAMP(timezone=True)),
    Column("progress", JSONB),
    Column("result", JSONB),
    Column("error", Text),
    Column("worker", Text),
    Column("request_id", Text),
    # Of the span that enqueued it, as W3C's traceparent.
    Column("trace_context", Text),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("id", name="job_pkey"),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="job_account_id_fk", ondelete="SET NULL"),
    Index(
        "UQ_job_live_dedupe_key",
        "name",
        "dedupe_key",
        unique=True,
        postgresql_where=text("dedupe_key is not null and state in ('queued', 'running')"),
    ),
    Index("IDX_job_waiting", "run_at", postgresql_where=text("state = 'queued'")),
    Index("IDX_job_running", "heartbeat_at", postgresql_where=text("state = 'running'")),
    Index("IDX_job_finished_at", "finished_at"),
    Index("IDX_job_account_id", "account_id"),
)

job_schedule = Table(
    "job_schedule",
    metadata,
    Column("name", Text, nullable=False),
    Column("last_tick", TIMESTAMP(timezone=True), nullable=False),
    PrimaryKeyConstraint("name", name="job_schedule_pkey"),
)
