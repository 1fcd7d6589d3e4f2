"""Every statement on accounts."""

from sqlalchemy import text

_MEMBER = """
    select id, name, email, coalesce(extra->>'lang', 'en') as lang
    from members_view
"""
BY_EMAIL = text(f"{_MEMBER} where email = lower(:email)")
MEMBER = text(f"{_MEMBER} where id = cast(:account_id as uuid)")
INSERT = text(
    """
    insert into account (name, email, extra, enable_save_actions, user_agreements_date, is_validated, type)
    values (:name, lower(:email), jsonb_build_object('lang', cast(:lang as text)), :saves_actions, now(), false,
        'individual')
    on conflict (email) do nothing
    returning id, name, email, extra->>'lang' as lang
    """
)
ADD_SMOKE_TESTER = text(
    """
    insert into account (id, name, email, enable_save_actions, is_validated, type, marketing_emails_subscribed_at)
    values (cast(:account_id as uuid), 'Smoke test', :email, false, false, 'individual', null)
    on conflict (id) do nothing
    """
)
SIGNED_IN = text(
    """
    update account set last_authenticated_at = now(), updated_at = now(),
        is_validated = is_validated or cast(:validates as boolean)
    where id = cast(:account_id as uuid) and type = 'individual'
    """
)
# The member a mailed change of address was meant for, as long as nothing else changed the address.
SET_EMAIL = text(
    """
    update account set email = :new_email, updated_at = now()
    where id = cast(:account_id as uuid) and type = 'individual' and email = :old_email
    returning coalesce(extra->>'lang', 'en') as lang
    """
)
CURRENT_MEMBER = text("select * from members_view where id = cast(:account_id as uuid)")
CURRENT_GUEST = text(
    """
    select a.id, a.name, a.created_at, a.updated_at, a.last_authenticated_at, i.lang,
        i.id as item_id, i.name as item_name, i.path as item_path
    from guests_view a
    join item_login_schema s on s.id = a.item_login_schema_id
    join item i on i.path = s.item_path
    where a.id = cast(:account_id as uuid)
    """
)
UPDATE = text(
    """
    update account set name = coalesce(:name, name),
        enable_save_actions = coalesce(cast(:saves_actions as boolean), enable_save_actions),
        extra = case jsonb_typeof(extra) when 'object' then extra else '{}'::jsonb end || cast(:extra as jsonb),
        updated_at = now()
    where id = cast(:account_id as uuid)
    """
)
HAS_AVATAR = text(
    """
    update account set updated_at = now(),
        extra = case jsonb_typeof(extra) when 'object' then extra else '{}'::jsonb end || '{"hasAvatar": true}'
    where id = cast(:account_id as uuid)
    """
)
DELETE = text("delete from account where id = cast(:account_id as uuid) and type = 'individual'")
SET_MARKETING = text(
    """
    update account set updated_at = now(),
        marketing_emails_subscribed_at = case when cast(:subscribed as boolean) then now() end
    where id = cast(:account_id as uuid)
    """
)
# Whether an account has an avatar; no row for an account that is not there.
AVATAR = text(
    """
    select type = 'individual' and coalesce(extra->'hasAvatar' = 'true'::jsonb, false) as has_avatar
    from account where id = cast(:account_id as uuid)
    """
)
