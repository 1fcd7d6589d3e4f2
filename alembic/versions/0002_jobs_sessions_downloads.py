"""Jobs, ended sessions and mailed downloads.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = """
create type job_state as enum ('queued', 'running', 'succeeded', 'failed', 'cancelled');

create table job (
    id uuid not null,
    name text not null,
    queue text not null,
    payload jsonb not null,
    state job_state not null default 'queued'::job_state,
    attempt integer not null default 0,
    failures integer not null default 0,
    max_attempts integer not null,
    dedupe_key text,
    account_id uuid,
    item_id uuid,
    run_at timestamp with time zone not null default now(),
    pushed_at timestamp with time zone,
    started_at timestamp with time zone,
    heartbeat_at timestamp with time zone,
    finished_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    progress jsonb,
    result jsonb,
    error text,
    worker text,
    request_id text,
    created_at timestamp with time zone not null default now(),
    constraint job_pkey primary key (id),
    constraint job_account_id_fk foreign key (account_id) references account(id) on delete set null
);
create unique index "UQ_job_live_dedupe_key" on job (name, dedupe_key)
    where dedupe_key is not null and state in ('queued', 'running');
create index "IDX_job_waiting" on job (run_at) where state = 'queued';
create index "IDX_job_running" on job (heartbeat_at) where state = 'running';
create index "IDX_job_finished_at" on job (finished_at);
create index "IDX_job_account_id" on job (account_id);

create table job_schedule (
    name text not null,
    last_tick timestamp with time zone not null,
    constraint job_schedule_pkey primary key (name)
);

create table revoked_session (
    session_id text not null,
    account_id uuid not null,
    revoked_at timestamp with time zone not null default now(),
    expires_at timestamp with time zone not null,
    constraint revoked_session_pkey primary key (session_id),
    constraint revoked_session_account_id_fk foreign key (account_id) references account(id) on delete cascade
);
create index "IDX_revoked_session_expires_at" on revoked_session (expires_at);
create index "IDX_revoked_session_account_id" on revoked_session (account_id);

create table session_cutoff (
    account_id uuid not null,
    not_before timestamp with time zone not null,
    kept_session_id text,
    constraint session_cutoff_pkey primary key (account_id),
    constraint session_cutoff_account_id_fk foreign key (account_id) references account(id) on delete cascade
);

create table download (
    id uuid not null default gen_random_uuid(),
    token_hash bytea not null,
    account_id uuid,
    item_id uuid,
    permission permission_enum,
    storage_key text not null,
    file_name text not null,
    created_at timestamp with time zone not null default now(),
    expires_at timestamp with time zone not null,
    constraint download_pkey primary key (id),
    constraint "UQ_download_token_hash" unique (token_hash),
    constraint download_account_id_fk foreign key (account_id) references account(id) on delete set null
);
create index "IDX_download_expires_at" on download (expires_at);
create index "IDX_download_account_id" on download (account_id);
"""


def upgrade() -> None:
    op.execute(_TABLES)
