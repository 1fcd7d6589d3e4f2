"""Every statement on guests and their passwords."""

from sqlalchemy import text

FIND = text(
    """
    select a.id, a.name, p.password
    from guests_view a left join guest_password p on p.guest_id = a.id
    where a.item_login_schema_id = cast(:schema_id as uuid) and a.name = :name
    """
)
# Nothing when somebody has the name already, in this very moment even.
INSERT = text(
    """
    with made as (
        insert into account (name, type, item_login_schema_id, last_authenticated_at)
        values (:name, 'guest', cast(:schema_id as uuid), now())
        on conflict (name, item_login_schema_id) do nothing
        returning id
    ), secured as (
        insert into guest_password (guest_id, password)
        select id, cast(:password as text) from made where cast(:password as text) is not null
    )
    select id from made
    """
)
SIGNED_IN = text(
    "update account set last_authenticated_at = now(), updated_at = now() where id = cast(:guest_id as uuid)"
)
CLAIM_PASSWORD = text(
    """
    insert into guest_password (guest_id, password) values (cast(:guest_id as uuid), :password)
    on conflict (guest_id) do nothing
    returning id
    """
)
