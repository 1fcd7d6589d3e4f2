"""Every statement on geolocations."""

from sqlalchemy import text

from graasp.items.matching import MATCHES
from graasp.memberships.authorization import ACCESS_COLUMNS, ACCESS_JOIN

_PLACE = """g.id as geolocation_id, g.lat, g.lng, g.country, g."addressLabel" as address_label,
    g."helperLabel" as helper_label, g.created_at as located_at, g.updated_at as relocated_at"""
_CREATOR = "case when c.type = 'individual' then c.name end as creator_name"
_CREATOR_JOIN = "left join account c on c.id = i.creator_id"

# Where an item is, and where it stays until the end of the transaction.
STAY = text("select path from item where id = cast(:item_id as uuid) and deleted_at is null for key share")
# Labels that are not given stay.
UPSERT = text(
    """
    insert into item_geolocation (item_path, lat, lng, country, "addressLabel", "helperLabel")
    values (cast(:path as ltree), :lat, :lng, :country, :address_label, :helper_label)
    on conflict (item_path) do update set
        lat = excluded.lat, lng = excluded.lng, country = excluded.country,
        "addressLabel" = coalesce(excluded."addressLabel", item_geolocation."addressLabel"),
        "helperLabel" = coalesce(excluded."helperLabel", item_geolocation."helperLabel"),
        updated_at = now()
    """
)
DELETE = text("delete from item_geolocation where item_path = cast(:path as ltree)")
# An item's own, or its nearest ancestor's; with the item that it belongs to, as the caller sees that one.
EFFECTIVE = text(
    f"""
    select {_PLACE}, i.*, {_CREATOR}, {ACCESS_COLUMNS}
    from (
        select * from item_geolocation
        where item_path = any(array(
            select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n))
        order by nlevel(item_path) desc limit 1
    ) g
    join item_view i on i.path = g.item_path {_CREATOR_JOIN} {ACCESS_JOIN}
    """
)
# Words as everywhere, or a tag that contains every keyword.
_FOUND = f"""({MATCHES} or exists (
    select 1 from item_tag it join tag t on t.id = it.tag_id
    where it.item_id = i.id and t.name ilike all(cast(:patterns as text[]))
))"""
_VISIBLE = """
    (found.hidden is null or found.permission in ('write', 'admin'))
    and (found.permission is not null or (cast(:parent as ltree) is not null and found.public is not null))
"""
_IN_BOX = """
    select * from (
        select {place}, i.*, {creator}, {access}
        from item_geolocation g
        join item_view i on i.path = g.item_path {creator_join} {access_join}
        where (cast(:south as float8) is null
                or (g.lat between :south and :north and g.lng between :west and :east))
          and (cast(:parent as ltree) is null or g.item_path <@ cast(:parent as ltree))
          {found}
    ) found
    where {visible}
    order by found.updated_at desc, found.id
"""


def _in_box(found: str) -> str:
    return _IN_BOX.format(
        place=_PLACE,
        creator=_CREATOR,
        creator_join=_CREATOR_JOIN,
        access=ACCESS_COLUMNS,
        access_join=ACCESS_JOIN,
        found=found,
        visible=_VISIBLE,
    )


IN_BOX = text(_in_box(""))
IN_BOX_FOUND = text(_in_box(f"and {_FOUND}"))
