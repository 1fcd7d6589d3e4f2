"""Every statement on folder exports."""

from sqlalchemy import text

REQUEST = text(
    """
    insert into item_export_request (id, member_id, item_id, type)
    values (cast(:request_id as uuid), cast(:account_id as uuid), cast(:item_id as uuid), 'raw')
    """
)
