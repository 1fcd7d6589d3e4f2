"""Every statement on profiles."""

from sqlalchemy import text

_COLUMNS = 'id, bio, visibility, "facebookId", "linkedinId", "twitterId", created_at, updated_at'

OWN = text(f"select {_COLUMNS} from member_profile where member_id = cast(:account_id as uuid)")
VISIBLE = text(
    f"select {_COLUMNS} from member_profile where member_id = cast(:account_id as uuid) and visibility"
)
INSERT = text(
    f"""
    insert into member_profile (member_id, bio, visibility, "facebookId", "linkedinId", "twitterId")
    values (cast(:account_id as uuid), :bio, coalesce(cast(:visibility as boolean), false), :facebook_id,
        :linkedin_id, :twitter_id)
    on conflict (member_id) do nothing
    returning {_COLUMNS}
    """
)
# What is null stays as it is: nothing that is sent is.
UPDATE = text(
    """
    update member_profile set bio = coalesce(:bio, bio),
        visibility = coalesce(cast(:visibility as boolean), visibility),
        "facebookId" = coalesce(:facebook_id, "facebookId"),
        "linkedinId" = coalesce(:linkedin_id, "linkedinId"),
        "twitterId" = coalesce(:twitter_id, "twitterId"),
        updated_at = now()
    where member_id = cast(:account_id as uuid)
    """
)
