"""Every statement on flags."""

from sqlalchemy.dialects.postgresql import insert

from graasp.flags.tables import item_flag

# Flagging twice for the same reason is one flag.
FLAG = insert(item_flag).on_conflict_do_nothing(index_elements=["type", "creator_id", "item_id"])
