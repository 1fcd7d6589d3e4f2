"""Every statement on pages."""

from sqlalchemy import text

COPY_UPDATES = text(
    """
    insert into page_update (item_id, update, clock)
    select c.id, u.update, u.clock
    from unnest(cast(:ids as uuid[]), cast(:source_ids as uuid[])) c(id, source_id)
    join page_update u on u.item_id = c.source_id
    """
)
