"""Every statement on likes."""

from sqlalchemy import text

from graasp.memberships.authorization import ACCESS_COLUMNS, ACCESS_JOIN

# The items with the caller's access to them.
OWN = text(
    f"""
    select l.id as like_id, i.*, case when c.type = 'individual' then c.name end as creator_name, {ACCESS_COLUMNS}
    from item_like l join item_view i on i.id = l.item_id left join account c on c.id = i.creator_id {ACCESS_JOIN}
    where l.creator_id = cast(:account_id as uuid) order by l.created_at desc, l.id
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
