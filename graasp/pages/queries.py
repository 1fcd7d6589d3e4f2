"""Every statement on pages."""

from sqlalchemy import text

# Of any number of pages, those of one page together.
UPDATES_OF = text(
    """
    select item_id, update from page_update
    where item_id = any(cast(:item_ids as uuid[])) order by item_id, clock
    """
)
INSERT = text(
    """
    insert into page_update (item_id, update, clock)
    select * from unnest(cast(:item_ids as uuid[]), cast(:updates as bytea[]), cast(:clocks as integer[]))
    """
)
