"""Every statement on mailed downloads."""

from sqlalchemy import insert, text

from graasp.downloads.tables import download

INSERT = insert(download).returning(download.c.id)
BY_TOKEN = text("select * from download where token_hash = :token_hash and expires_at > now()")
# Archives that nobody can fetch any more: expired, or of a deleted account, and not shared with a link that lives.
ORPHANED = text(
    """
    select storage_key, array_agg(id) as ids from download
    group by storage_key
    having bool_and(expires_at <= now() or account_id is null)
    order by storage_key limit 500
    """
)
DELETE = text("delete from download where id = any(cast(:ids as uuid[]))")
