-- The benchmark data set. Ids are numbers: account N is 00000000-0000-4000-8000-<N>, item N 00000000-0000-4000-9000-<N>.
create function pg_temp.account_number(n bigint) returns uuid language sql immutable as
    $$ select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
create function pg_temp.item_number(n bigint) returns uuid language sql immutable as
    $$ select ('00000000-0000-4000-9000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
create function pg_temp.item_label(n bigint) returns text language sql immutable as
    $$ select replace(pg_temp.item_number(n)::text, '-', '_') $$;

insert into account (id, name, email, is_validated, user_agreements_date, extra)
select pg_temp.account_number(n), 'Member ' || n, 'member' || n || '@example.org', true, now(), '{"lang": "en"}'
from generate_series(0, 500) n;

-- A tree of 20 folders with 100 documents each, which 500 members may read.
insert into item (id, name, path, creator_id, extra, description)
select pg_temp.item_number(0), 'Root A', pg_temp.item_label(0)::ltree, pg_temp.account_number(0), '{"folder": {}}',
    'Benchmark root';
insert into item (id, name, path, creator_id, extra, "order")
select pg_temp.item_number(f * 1000), 'Folder ' || f,
    (pg_temp.item_label(0) || '.' || pg_temp.item_label(f * 1000))::ltree, pg_temp.account_number(0),
    '{"folder": {}}', f * 20
from generate_series(1, 20) f;
insert into item (id, name, type, path, creator_id, extra, "order", description)
select pg_temp.item_number(f * 1000 + d), 'Document ' || f || '.' || d, 'document',
    (pg_temp.item_label(0) || '.' || pg_temp.item_label(f * 1000) || '.' || pg_temp.item_label(f * 1000 + d))::ltree,
    pg_temp.account_number(0),
    jsonb_build_object('document', jsonb_build_object(
        'content', '<p>' || repeat('Light travels in straight lines. ', 16) || d || '</p>', 'isRaw', false)),
    d * 20, 'Description of document ' || d
from generate_series(1, 20) f, generate_series(1, 100) d;
insert into item_membership (permission, item_path, creator_id, account_id)
select case n when 0 then 'admin' else 'read' end::permission_enum, pg_temp.item_label(0)::ltree,
    pg_temp.account_number(0), pg_temp.account_number(n)
from generate_series(0, 500) n;

-- 5,000 small roots of account 0.
insert into item (id, name, path, creator_id, extra, lang, updated_at)
select pg_temp.item_number(100000 + n), 'Small root ' || n, pg_temp.item_label(100000 + n)::ltree,
    pg_temp.account_number(0), '{"folder": {}}', (array['en', 'fr', 'de'])[1 + n % 3], now() - n * interval '1 minute'
from generate_series(0, 4999) n;
insert into item_membership (permission, item_path, creator_id, account_id)
select 'admin', pg_temp.item_label(100000 + n)::ltree, pg_temp.account_number(0), pg_temp.account_number(0)
from generate_series(0, 4999) n;

-- 20 public trees of 50 documents.
insert into item (id, name, path, creator_id, extra)
select pg_temp.item_number(200000 + r * 100), 'Published ' || r, pg_temp.item_label(200000 + r * 100)::ltree,
    pg_temp.account_number(r + 1), '{"folder": {}}'
from generate_series(0, 19) r;
insert into item (id, name, type, path, creator_id, extra, "order")
select pg_temp.item_number(200000 + r * 100 + d), 'Published document ' || r || '.' || d, 'document',
    (pg_temp.item_label(200000 + r * 100) || '.' || pg_temp.item_label(200000 + r * 100 + d))::ltree,
    pg_temp.account_number(r + 1), '{"document": {"content": "<p>text</p>"}}', d * 20
from generate_series(0, 19) r, generate_series(1, 50) d;
insert into item_membership (permission, item_path, creator_id, account_id)
select 'admin', pg_temp.item_label(200000 + r * 100)::ltree, pg_temp.account_number(r + 1), pg_temp.account_number(r + 1)
from generate_series(0, 19) r;
insert into item_visibility (type, item_path, creator_id)
select 'public', pg_temp.item_label(200000 + r * 100)::ltree, pg_temp.account_number(r + 1)
from generate_series(0, 19) r;

-- What happened in the first tree: 1,000,000 actions over 90 days, and what the apps and the chat hold.
insert into action (type, created_at, account_id, item_id, extra, geolocation, view)
select (array['get', 'update', 'create', 'chat-create', 'collapse', 'item-download'])[1 + n % 6],
    now() - n * 7.776 * interval '1 second', pg_temp.account_number(1 + n % 500),
    pg_temp.item_number((1 + n % 20) * 1000 + 1 + n % 100),
    jsonb_build_object('itemId', pg_temp.item_number((1 + n % 20) * 1000 + 1 + n % 100), 'n', n),
    case when n % 3 = 0 then '{"country": "CH", "region": "VD", "city": "Lausanne"}'::jsonb end,
    (array['builder', 'player'])[1 + n % 2]::action_view_enum
from generate_series(1, 1000000) n;
insert into app_data (account_id, item_id, type, creator_id, visibility, data)
select pg_temp.account_number(1 + n % 500), pg_temp.item_number((1 + n % 20) * 1000 + 1 + n % 100), 'answer',
    pg_temp.account_number(1 + n % 500), 'member', jsonb_build_object('answer', 'text ' || n, 'score', n % 10)
from generate_series(1, 20000) n;
insert into app_action (account_id, item_id, type, data)
select pg_temp.account_number(1 + n % 500), pg_temp.item_number((1 + n % 20) * 1000 + 1 + n % 100), 'click',
    jsonb_build_object('x', n, 'y', n % 7)
from generate_series(1, 50000) n;
insert into chat_message (item_id, creator_id, body)
select pg_temp.item_number((1 + n % 20) * 1000), pg_temp.account_number(1 + n % 500), 'Message ' || n
from generate_series(1, 5000) n;
analyze;
