"""Every statement on accounts."""

from sqlalchemy import text

BY_EMAIL = text(
    """
    select id, name, email, coalesce(extra->>'lang', 'en') as lang, is_validated,
        coalesce(enable_save_actions, true) as saves_actions
    from members_view where email = lower(:email)
    """
)
MEMBER = text(
    """
    select id, name, email, coalesce(extra->>'lang', 'en') as lang
    from members_view where id = cast(:account_id as uuid)
    """
)
INSERT = text(
    """
    insert into account (name, email, extra, enable_save_actions, user_agreements_date, is_validated, type)
    values (:name, lower(:email), jsonb_build_object('lang', cast(:lang as text)), :saves_actions, now(), false,
        'individual')
    on conflict (email) do nothing
    returning id
    """
)
SIGNED_IN = text(
    """
    update account set last_authenticated_at = now(), updated_at = now(),
        is_validated = is_validated or cast(:validates as boolean)
    where id = cast(:account_id as uuid) and type = 'individual'
    returning id
    """
)
CURRENT_MEMBER = text("select * from members_view where id = cast(:account_id as uuid)")
CURRENT_GUEST = text(
    """
    select a.id, a.name, a.created_at, a.updated_at, a.last_authenticated_at, i.lang,
        i.id as item_id, i.name as item_name, i.path as item_path, s.id as schema_id
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
        extra = extra || cast(:extra as jsonb), updated_at = now()
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
PASSWORD = text("select password from member_password where member_id = cast(:account_id as uuid)")
SET_PASSWORD = text(
    """
    insert into member_password (member_id, password) values (cast(:account_id as uuid), :password)
    on conflict (member_id) do update set password = excluded.password, updated_at = now()
    """
)
CREATE_PASSWORD = text(
    """
    insert into member_password (member_id, password) values (cast(:account_id as uuid), :password)
    on conflict (member_id) do nothing
    """
)
