"""Statements of sessions and sign-in."""

from sqlalchemy import Double, Text, Uuid, bindparam, cast, func, or_, select, text

from graasp.accounts.tables import account
from graasp.auth.tables import revoked_session, session_cutoff
from graasp.item_login.tables import item_login_schema

_issued_at = func.to_timestamp(bindparam("issued_at", type_=Double))

_revoked = (
    select(1)
    .where(revoked_session.c.session_id == bindparam("session_id", type_=Text))
    .correlate(account)
    .exists()
)
_cut_off = (
    select(1)
    .where(
        session_cutoff.c.account_id == account.c.id,
        # The other server's cookies carry whole seconds: one issued in the second of the cut is from before it.
        session_cutoff.c.not_before >= _issued_at,
        or_(
            session_cutoff.c.kept_session_id.is_(None),
            func.coalesce(bindparam("session_id", type_=Text), "") != session_cutoff.c.kept_session_id,
        ),
    )
    .exists()
)
_schema_disabled = (
    select(1)
    .where(item_login_schema.c.id == account.c.item_login_schema_id, item_login_schema.c.status == "disabled")
    .exists()
)

ACCOUNT = select(
    account.c.id,
    account.c.name,
    cast(account.c.type, Text).label("type"),
    func.coalesce(account.c.is_validated, text("false")).label("is_validated"),
    func.coalesce(account.c.extra["lang"].astext, "en").label("lang"),
    func.coalesce(account.c.enable_save_actions, text("true")).label("saves_actions"),
).where(account.c.id == bindparam("account_id", type_=Uuid))
# Guests of a disabled login schema are let in no more.
ADMITTED_ACCOUNT = ACCOUNT.where(or_(account.c.item_login_schema_id.is_(None), ~_schema_disabled))
# The account of a session, unless the session was ended.
CALLER = ADMITTED_ACCOUNT.where(~_revoked, ~_cut_off)

# Kept as long as a copy of the cookie may be valid by its age, however late it was renewed.
REVOKE = text(
    """
    insert into revoked_session (session_id, account_id, expires_at)
    select :session_id, id, now() + make_interval(secs => cast(:longest_s as double precision))
    from account where id = cast(:account_id as uuid)
    on conflict (session_id) do nothing
    """
)
# Ends every session issued until `at`, but for the one that is kept. Cookies are dated by the servers' clock, and
# so is the cut.
CUT_OFF = text(
    """
    insert into session_cutoff (account_id, not_before, kept_session_id)
    values (cast(:account_id as uuid), to_timestamp(cast(:at as double precision)), :kept)
    on conflict (account_id) do update
    set not_before = excluded.not_before, kept_session_id = excluded.kept_session_id
    """
)
FORGET_REVOKED = text("delete from revoked_session where expires_at < now()")

CREDENTIALS = text(
    """
    select m.id, m.email, coalesce(m.extra->>'lang', 'en') as lang, p.password
    from members_view m left join member_password p on p.member_id = m.id
    where m.email = lower(:email)
    """
)
PASSWORD = text("select password from member_password where member_id = cast(:account_id as uuid)")
# Nothing happens when the member is gone.
SET_PASSWORD = text(
    """
    insert into member_password (member_id, password)
    select id, :password from members_view where id = cast(:account_id as uuid)
    on conflict (member_id) do update set password = excluded.password, updated_at = now()
    """
)
CREATE_PASSWORD = text(
    """
    insert into member_password (member_id, password)
    select id, :password from members_view where id = cast(:account_id as uuid)
    on conflict (member_id) do nothing
    """
)
