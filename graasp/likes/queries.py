"""Every statement on likes."""

from sqlalchemy import text

OWN = text(
    """
    select id, item_id from item_like
    where creator_id = cast(:account_id as uuid) order by created_at desc, id
    """
)
OF_ITEM = text("select id from item_like where item_id = cast(:item_id as uuid) order by created_at desc, id")
# Liking again is liking now.
LIKE = text(
    """
    insert into item_like (creator_id, item_id) values (cast(:account_id as uuid), cast(:item_id as uuid))
    on conflict (creator_id, item_id) do update set created_at = now()
    returning id, item_id, creator_id, created_at
    """
)
UNLIKE = text(
    """
    delete from item_like
    where creator_id = cast(:account_id as uuid) and item_id = cast(:item_id as uuid)
    returning id
    """
)
