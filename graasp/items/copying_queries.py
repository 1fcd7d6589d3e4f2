"""The statements that copy item trees: each works on any number of items."""

from sqlalchemy import text

from graasp.items.bounded_rows import REFERENCES

# What has to be known of the items of a tree to copy them: never their texts, which may be more than fits in memory.
SOURCES = text(
    f"""
    select i.id, i.name, i.type, i.path, i."order", i.created_at,
        jsonb_build_object('hasThumbnail', i.settings -> 'hasThumbnail') as settings,
        {REFERENCES} as extra
    from item_view i
    where i.path <@ cast(:path as ltree) and i.id <> cast(:item_id as uuid)
    order by coalesce(i."order", 0), i.created_at, i.id
    """
)
# The extra of a copy is the original's with what is given of it, for its type. The topmost copies come back, with how many there are in all: originals that have just gone are not copied.
COPY = text(
    """
    with copied as (
        insert into item (id, name, type, description, path, creator_id, extra, settings, lang, "order")
        select c.id, coalesce(c.name, s.name), s.type, s.description, c.path::ltree, cast(:creator_id as uuid),
            case when c.extra is null then s.extra
                else s.extra || jsonb_build_object(s.type, (s.extra -> s.type) || (c.extra::jsonb -> s.type)) end,
            s.settings, s.lang, c."order"
        from unnest(cast(:ids as uuid[]), cast(:source_ids as uuid[]), cast(:paths as text[]),
            cast(:names as text[]), cast(:extras as text[]), cast(:orders as numeric[]))
            c(id, source_id, path, name, extra, "order")
        join item_view s on s.id = c.source_id
        returning *
    )
    select copied.*, (select count(*) from copied) as copies
    from copied where id = any(cast(:root_ids as uuid[]))
    """
)
# Every copy is where the original is, by a row of its own.
COPY_GEOLOCATIONS = text(
    """
    insert into item_geolocation (item_path, lat, lng, country, "addressLabel", "helperLabel")
    select c.path::ltree, g.lat, g.lng, g.country, g."addressLabel", g."helperLabel"
    from unnest(cast(:paths as text[]), cast(:source_paths as text[])::ltree[]) c(path, source_path)
    cross join lateral (
        select * from item_geolocation g
        where g.item_path = any(array(
            select subpath(c.source_path, 0, n) from generate_series(1, nlevel(c.source_path)) n))
        order by nlevel(g.item_path) desc limit 1
    ) g
    """
)
NAMES_IN = text(
    """
    select name from item_view
    where subpath(path, 0, -1) = cast(:path as ltree) and starts_with(lower(name), lower(:base))
    """
)
# At the root: what the account sees there, its topmost accessible items.
NAMES_AT_ROOT = text(
    """
    select i.name
    from item_membership m join item_view i on i.path = m.item_path
    where m.account_id = cast(:account_id as uuid) and starts_with(lower(i.name), lower(:base))
      and not exists (
        select from item_membership above
        where above.account_id = m.account_id and above.item_path = any(array(
            select subpath(m.item_path, 0, n) from generate_series(1, nlevel(m.item_path) - 1) n))
    )
    """
)
