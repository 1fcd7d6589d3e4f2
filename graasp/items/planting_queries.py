"""The statements that make whole trees: each works on any number of items."""

from sqlalchemy import text

PLANT = text(
    """
    insert into item (id, name, type, description, path, creator_id, extra, settings, lang, "order")
    select n.id, n.name, n.type, n.description, n.path::ltree, cast(:creator_id as uuid), n.extra::jsonb,
        n.settings::jsonb, cast(:lang as text), n."order"
    from unnest(cast(:ids as uuid[]), cast(:names as text[]), cast(:types as text[]),
        cast(:descriptions as text[]), cast(:paths as text[]), cast(:extras as text[]),
        cast(:all_settings as text[]), cast(:orders as numeric[]))
        n(id, name, type, description, path, extra, settings, "order")
    """
)
PLANTED = text(
    """select id, name, type, path from item where id = any(cast(:ids as uuid[])) order by "order", name, id"""
)
