"""What the action export asks of JSON columns.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"

# Replaced if there, so that an interrupted run can be repeated.
_FUNCTIONS = """
-- Older rows hold the JSON text of an object inside a JSON string: one level of text is read.
create or replace function action_extra(extra jsonb) returns jsonb language plpgsql immutable as $$
begin
    if jsonb_typeof(extra) <> 'string' then
        return extra;
    end if;
    begin
        return (extra #>> '{}')::jsonb;
    exception when data_exception or program_limit_exceeded then
        return extra;
    end;
end
$$;

-- What a table with a column per path does not show of an object. `shown` says of each key whether values and whole
-- objects are shown, and what is shown below it: {key: {value: boolean, object: boolean, below: {...}}}.
create or replace function json_remainder(value jsonb, shown jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    remainder jsonb := '{}';
    entry record;
    below jsonb;
begin
    for entry in select e.key, e.value, shown -> e.key as shown from jsonb_each(value) e loop
        if entry.shown is null then
            remainder := remainder || jsonb_build_object(entry.key, entry.value);
        elsif jsonb_typeof(entry.value) <> 'object' then
            if not (entry.shown -> 'value')::boolean then
                remainder := remainder || jsonb_build_object(entry.key, entry.value);
            end if;
        elsif not (entry.shown -> 'object')::boolean then
            below := json_remainder(entry.value, entry.shown -> 'below');
            if below <> '{}' then
                remainder := remainder || jsonb_build_object(entry.key, below);
            end if;
        end if;
    end loop;
    return remainder;
end
$$;
"""


def upgrade() -> None:
    op.execute(_FUNCTIONS)
