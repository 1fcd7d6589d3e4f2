"""Every statement on H5P items."""

from sqlalchemy import text

STILL_USED = text(
    """
    select distinct extra #>> '{h5p,contentId}' as content_id from item
    where type = 'h5p' and extra #>> '{h5p,contentId}' = any(cast(:content_ids as text[]))
    """
)
