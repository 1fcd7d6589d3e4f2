"""Every statement on short links."""

from sqlalchemy import text

_COLUMNS = "alias, platform::text as platform, item_id"

FIND = text(f"select {_COLUMNS} from short_link where alias = :alias")
OF_ITEM = text(f"select {_COLUMNS} from short_link where item_id = cast(:item_id as uuid) order by platform")
# Nothing comes back when the alias is taken, or the item has a link on the platform.
INSERT = text(
    f"""
    insert into short_link (alias, platform, item_id)
    values (:alias, cast(:platform as short_link_platform_enum), cast(:item_id as uuid))
    on conflict do nothing
    returning {_COLUMNS}
    """
)
RENAME = text(f"update short_link set alias = :new_alias where alias = :alias returning {_COLUMNS}")
DELETE = text(f"delete from short_link where alias = :alias returning {_COLUMNS}")
