CREATE TYPE account_type_enum AS ENUM ('individual', 'guest');

CREATE TYPE action_request_export_format_enum AS ENUM ('json', 'csv');

CREATE TYPE action_view_enum AS ENUM ('builder', 'player', 'library', 'account', 'analytics', 'home', 'auth', 'unknown');

CREATE TYPE chat_mention_status_enum AS ENUM ('unread', 'read');

CREATE TYPE item_export_request_type_enum AS ENUM ('raw', 'graasp');

CREATE TYPE item_login_schema_status AS ENUM ('active', 'freeze', 'disabled');

CREATE TYPE item_login_schema_type AS ENUM ('username', 'username+password', 'anonymous', 'anonymous+password');

CREATE TYPE item_validation_process AS ENUM ('bad-words-detection', 'image-classification');

CREATE TYPE item_validation_status AS ENUM ('success', 'failure', 'pending', 'pending-manual');

CREATE TYPE item_visibility_type AS ENUM ('public', 'hidden');

CREATE TYPE permission_enum AS ENUM ('read', 'write', 'admin');

CREATE TYPE short_link_platform_enum AS ENUM ('builder', 'player', 'library');

CREATE TYPE tag_category_enum AS ENUM ('level', 'discipline', 'resource-type');

CREATE TABLE account (
    id uuid not null default gen_random_uuid(),
    name character varying(100) not null,
    email character varying(150),
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    user_agreements_date timestamp with time zone,
    enable_save_actions boolean default true,
    last_authenticated_at timestamp with time zone,
    is_validated boolean default false,
    item_login_schema_id uuid,
    extra jsonb not null default '{}'::jsonb,
    type account_type_enum not null default 'individual'::account_type_enum,
    marketing_emails_subscribed_at timestamp with time zone default now(),
    CONSTRAINT "UQ_account_name_item_login_schema_id" UNIQUE (name, item_login_schema_id),
    CONSTRAINT "member_email_key1" UNIQUE (email),
    CONSTRAINT "account_pkey" PRIMARY KEY (id),
    CONSTRAINT "CHK_account_email" CHECK (((email IS NOT NULL) OR ((type)::text <> 'individual'::text))),
    CONSTRAINT "CHK_account_enable_save_actions" CHECK (((enable_save_actions IS NOT NULL) OR ((type)::text <> 'individual'::text))),
    CONSTRAINT "CHK_account_extra" CHECK (((extra IS NOT NULL) OR ((type)::text <> 'individual'::text))),
    CONSTRAINT "CHK_account_is_validated" CHECK (((is_validated IS NOT NULL) OR ((type)::text <> 'individual'::text)))
);

CREATE TABLE action (
    id uuid not null default gen_random_uuid(),
    type character varying not null,
    created_at timestamp with time zone not null default now(),
    account_id uuid,
    item_id uuid,
    extra jsonb not null default '{}'::jsonb,
    geolocation jsonb,
    view action_view_enum not null default 'unknown'::action_view_enum,
    CONSTRAINT "action_pkey" PRIMARY KEY (id)
);

CREATE TABLE action_request_export (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    member_id uuid not null,
    item_path ltree,
    format action_request_export_format_enum not null default 'json'::action_request_export_format_enum,
    CONSTRAINT "action_request_export_pkey" PRIMARY KEY (id)
);

CREATE TABLE admins (
    id uuid not null,
    email citext not null,
    hashed_password character varying(255),
    confirmed_at timestamp(0) without time zone,
    created_at timestamp(0) without time zone not null,
    updated_at timestamp(0) without time zone not null,
    CONSTRAINT "admins_email_unique" UNIQUE (email),
    CONSTRAINT "admins_pkey" PRIMARY KEY (id)
);

CREATE TABLE admins_tokens (
    id uuid not null,
    user_id uuid not null,
    token bytea not null,
    context character varying(255) not null,
    sent_to character varying(255),
    authenticated_at timestamp(0) without time zone,
    created_at timestamp(0) without time zone not null,
    CONSTRAINT "admins_tokens_context_token_index" UNIQUE (context, token),
    CONSTRAINT "admins_tokens_pkey" PRIMARY KEY (id)
);

CREATE TABLE app_action (
    id uuid not null default gen_random_uuid(),
    account_id uuid not null,
    item_id uuid not null,
    type character varying(25) not null,
    created_at timestamp with time zone not null default now(),
    data jsonb not null default '{}'::jsonb,
    CONSTRAINT "app_action_pkey" PRIMARY KEY (id)
);

CREATE TABLE app_data (
    id uuid not null default gen_random_uuid(),
    account_id uuid not null,
    item_id uuid not null,
    type character varying(25) not null,
    creator_id uuid,
    visibility character varying not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    data jsonb not null default '{}'::jsonb,
    CONSTRAINT "app_data_pkey" PRIMARY KEY (id)
);

CREATE TABLE app_setting (
    id uuid not null default gen_random_uuid(),
    item_id uuid not null,
    creator_id uuid,
    name character varying not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    data jsonb not null default '{}'::jsonb,
    CONSTRAINT "app_setting_pkey" PRIMARY KEY (id)
);

CREATE TABLE apps (
    id uuid not null default gen_random_uuid(),
    key uuid not null default gen_random_uuid(),
    name character varying(250) not null,
    description character varying(250) not null,
    url character varying(250) not null,
    publisher_id uuid not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    thumbnail character varying(255) not null default ''::character varying,
    CONSTRAINT "UQ_f36adbb7b096ceeb6f3e80ad14c" UNIQUE (name),
    CONSTRAINT "app_key_key" UNIQUE (key),
    CONSTRAINT "app_url_key" UNIQUE (url),
    CONSTRAINT "app_pkey" PRIMARY KEY (id)
);

CREATE TABLE category (
    id uuid not null default gen_random_uuid(),
    name character varying(50) not null,
    type character varying not null,
    CONSTRAINT "category-name-type" UNIQUE (name, type),
    CONSTRAINT "category_pkey" PRIMARY KEY (id)
);

CREATE TABLE chat_mention (
    id uuid not null default gen_random_uuid(),
    message_id uuid not null,
    account_id uuid not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    status chat_mention_status_enum not null default 'unread'::chat_mention_status_enum,
    CONSTRAINT "chat_mention_pkey" PRIMARY KEY (id)
);

CREATE TABLE chat_message (
    id uuid not null default gen_random_uuid(),
    item_id uuid not null,
    creator_id uuid,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    body character varying(500) not null,
    CONSTRAINT "chat_message_pkey" PRIMARY KEY (id)
);

CREATE TABLE guest_password (
    id uuid not null default gen_random_uuid(),
    password character varying(100) not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    guest_id uuid,
    CONSTRAINT "UQ_guest_password_guest_id" UNIQUE (guest_id),
    CONSTRAINT "guest_password_pkey" PRIMARY KEY (id)
);

CREATE TABLE invitation (
    id uuid not null default gen_random_uuid(),
    creator_id uuid,
    item_path ltree not null,
    name character varying(100),
    email character varying(100) not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    permission permission_enum not null default 'read'::permission_enum,
    CONSTRAINT "item-email" UNIQUE (item_path, email),
    CONSTRAINT "invitation_pkey" PRIMARY KEY (id)
);

CREATE TABLE item (
    id uuid not null,
    name character varying(500) not null,
    type character varying not null default 'folder'::character varying,
    description character varying(5000),
    path ltree not null,
    creator_id uuid,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    deleted_at timestamp with time zone,
    lang character varying not null default 'en'::character varying,
    "order" numeric,
    extra jsonb not null default '{}'::jsonb,
    settings jsonb not null default '{}'::jsonb,
    CONSTRAINT "item_path_key1" UNIQUE (path),
    CONSTRAINT "item_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_category (
    id uuid not null default gen_random_uuid(),
    creator_id uuid,
    item_path ltree not null,
    category_id uuid not null,
    created_at timestamp with time zone not null default now(),
    CONSTRAINT "category-item" UNIQUE (item_path, category_id),
    CONSTRAINT "item_category_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_export_request (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    member_id uuid,
    item_id uuid,
    type item_export_request_type_enum not null,
    CONSTRAINT "item_export_request_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_favorite (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    member_id uuid not null,
    item_id uuid not null,
    CONSTRAINT "favorite_key" UNIQUE (member_id, item_id),
    CONSTRAINT "item_favorite_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_flag (
    id uuid not null default gen_random_uuid(),
    type character varying not null,
    creator_id uuid,
    item_id uuid,
    created_at timestamp with time zone not null default now(),
    CONSTRAINT "item-flag-creator" UNIQUE (type, creator_id, item_id),
    CONSTRAINT "item_flag_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_geolocation (
    id uuid not null default gen_random_uuid(),
    lat double precision not null,
    lng double precision not null,
    country character varying(4),
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    item_path ltree not null,
    "addressLabel" character varying(300),
    "helperLabel" character varying(300),
    CONSTRAINT "item_geolocation_unique_item" UNIQUE (item_path),
    CONSTRAINT "item_geolocation_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_like (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    creator_id uuid not null,
    item_id uuid not null,
    CONSTRAINT "id" UNIQUE (creator_id, item_id),
    CONSTRAINT "item_like_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_login_schema (
    id uuid not null default gen_random_uuid(),
    type item_login_schema_type not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    item_path ltree not null,
    status item_login_schema_status not null default 'active'::item_login_schema_status,
    CONSTRAINT "item-login-schema" UNIQUE (item_path),
    CONSTRAINT "item_login_schema_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_membership (
    id uuid not null default gen_random_uuid(),
    permission permission_enum not null,
    item_path ltree not null,
    creator_id uuid,
    account_id uuid not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    CONSTRAINT "item_membership-item-member" UNIQUE (item_path, account_id),
    CONSTRAINT "item_membership_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_tag (
    tag_id uuid not null,
    item_id uuid not null,
    CONSTRAINT "PK_a04bb2298e37d95233a0c92347e" PRIMARY KEY (tag_id, item_id)
);

CREATE TABLE item_validation (
    id uuid not null default gen_random_uuid(),
    item_id uuid not null,
    process item_validation_process not null,
    status item_validation_status not null,
    result character varying,
    item_validation_group_id uuid not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    CONSTRAINT "item_validation_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_validation_group (
    id uuid not null default gen_random_uuid(),
    item_id uuid not null,
    created_at timestamp with time zone not null default now(),
    CONSTRAINT "item_validation_group_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_validation_review (
    id uuid not null default gen_random_uuid(),
    item_validation_id uuid not null,
    reviewer_id uuid,
    status character varying not null,
    reason character varying,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    CONSTRAINT "item_validation_review_pkey" PRIMARY KEY (id)
);

CREATE TABLE item_visibility (
    id uuid not null default gen_random_uuid(),
    type item_visibility_type not null,
    item_path ltree not null,
    creator_id uuid,
    created_at timestamp with time zone not null default now(),
    CONSTRAINT "UQ_item_visibility_item_type" UNIQUE (type, item_path),
    CONSTRAINT "item_visibility_pkey" PRIMARY KEY (id)
);

CREATE TABLE maintenance (
    slug character varying(100) not null,
    start_at timestamp with time zone not null,
    end_at timestamp with time zone not null,
    CONSTRAINT "UQ_maintenance_slug" PRIMARY KEY (slug)
);

CREATE TABLE member_password (
    id uuid not null default gen_random_uuid(),
    password character varying(100) not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    member_id uuid not null,
    CONSTRAINT "member-password" UNIQUE (member_id),
    CONSTRAINT "member_password_pkey" PRIMARY KEY (id)
);

CREATE TABLE member_profile (
    id uuid not null default gen_random_uuid(),
    bio character varying(5000),
    visibility boolean not null default false,
    "facebookId" character varying(100),
    "linkedinId" character varying(100),
    "twitterId" character varying(100),
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    member_id uuid not null,
    CONSTRAINT "member-profile" UNIQUE (member_id),
    CONSTRAINT "member_profile_pkey" PRIMARY KEY (id)
);

CREATE TABLE membership_request (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    member_id uuid not null,
    item_id uuid not null,
    CONSTRAINT "UQ_membership_request_item-member" UNIQUE (member_id, item_id),
    CONSTRAINT "membership_request_pkey" PRIMARY KEY (id)
);

CREATE TABLE page_update (
    item_id uuid not null,
    "update" bytea not null,
    clock integer not null
);

CREATE TABLE publication_removal_notices (
    id uuid not null,
    publication_name character varying(255),
    reason text,
    item_id uuid,
    creator_id uuid,
    created_at timestamp(0) without time zone not null,
    CONSTRAINT "publication_removal_notices_pkey" PRIMARY KEY (id)
);

CREATE TABLE published_items (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    creator_id uuid,
    item_path ltree not null,
    updated_at timestamp with time zone not null default now(),
    CONSTRAINT "published-item" UNIQUE (item_path),
    CONSTRAINT "item_published_pkey" PRIMARY KEY (id)
);

CREATE TABLE publishers (
    id uuid not null default gen_random_uuid(),
    name character varying(250) not null,
    origins text[] not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    CONSTRAINT "publisher_name_key" UNIQUE (name),
    CONSTRAINT "publisher_pkey" PRIMARY KEY (id)
);

CREATE TABLE recycled_item_data (
    id uuid not null default gen_random_uuid(),
    created_at timestamp with time zone not null default now(),
    creator_id uuid,
    item_path ltree not null,
    CONSTRAINT "recycled-item-data" UNIQUE (item_path),
    CONSTRAINT "recycled_item_data_pkey" PRIMARY KEY (id)
);

CREATE TABLE schema_migrations (
    version bigint not null,
    inserted_at timestamp(0) without time zone,
    CONSTRAINT "schema_migrations_pkey" PRIMARY KEY (version)
);

CREATE TABLE short_link (
    alias character varying(255) not null,
    platform short_link_platform_enum not null,
    created_at timestamp with time zone not null default now(),
    item_id uuid not null,
    CONSTRAINT "UQ_859a3384cadaa460b84e04e5375" UNIQUE (platform, item_id),
    CONSTRAINT "short_link_pkey" PRIMARY KEY (alias),
    CONSTRAINT "CHK_200ef28b2168aaf1e36b6896fc" CHECK (((length((alias)::text) >= 6) AND (length((alias)::text) <= 255) AND ((alias)::text ~ '^[a-zA-Z0-9-]*$'::text)))
);

CREATE TABLE tag (
    id uuid not null default gen_random_uuid(),
    name character varying(255) not null,
    category tag_category_enum not null,
    CONSTRAINT "UQ_tag_name_category" UNIQUE (name, category),
    CONSTRAINT "tag_pkey" PRIMARY KEY (id)
);

ALTER TABLE account ADD CONSTRAINT "account_item_login_schema_id_item_login_schema_id_fk" FOREIGN KEY (item_login_schema_id) REFERENCES item_login_schema(id) ON DELETE CASCADE;

CREATE INDEX "IDX_account_type" ON account USING btree (type);

ALTER TABLE action ADD CONSTRAINT "FK_1214f6f4d832c402751617361c0" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE SET NULL;

ALTER TABLE action ADD CONSTRAINT "FK_action_account_id" FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE SET NULL;

CREATE INDEX "IDX_1214f6f4d832c402751617361c" ON action USING btree (item_id);

CREATE INDEX "IDX_action_account_id" ON action USING btree (account_id);

ALTER TABLE action_request_export ADD CONSTRAINT "FK_bc85ef3298df8c7974b33081b47" FOREIGN KEY (member_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE action_request_export ADD CONSTRAINT "FK_fea823c4374f507a68cf8f926a4" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE INDEX "admins_email_index" ON admins USING btree (email);

ALTER TABLE admins_tokens ADD CONSTRAINT "admins_tokens_user_id_admins_id_fk" FOREIGN KEY (user_id) REFERENCES admins(id) ON DELETE CASCADE;

CREATE INDEX "admins_tokens_user_id_index" ON admins_tokens USING btree (user_id);

ALTER TABLE app_action ADD CONSTRAINT "FK_app_action_account_id" FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE app_action ADD CONSTRAINT "FK_c415fc186dda51fa260d338d776" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

CREATE INDEX "IDX_app_action_account_id" ON app_action USING btree (account_id);

CREATE INDEX "IDX_app_action_item_id" ON app_action USING btree (item_id);

ALTER TABLE app_data ADD CONSTRAINT "FK_27cb180cb3f372e4cf55302644a" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE app_data ADD CONSTRAINT "FK_8c3e2463c67d9865658941c9e2d" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE app_data ADD CONSTRAINT "FK_app_data_account_id" FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE;

CREATE INDEX "IDX_6079b3bb63c13f815f7dd8d8a2" ON app_data USING btree (type);

CREATE INDEX "IDX_app_data_account_id" ON app_data USING btree (account_id);

CREATE INDEX "IDX_app_data_item_id" ON app_data USING btree (item_id);

ALTER TABLE app_setting ADD CONSTRAINT "FK_22d3d051ee6f94932c1373a3d09" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE app_setting ADD CONSTRAINT "FK_f5922b885e2680beab8add96008" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

CREATE INDEX "IDX_61546c650608c1e68789c64915" ON app_setting USING btree (item_id, name);

ALTER TABLE apps ADD CONSTRAINT "apps_publisher_id_fk" FOREIGN KEY (publisher_id) REFERENCES publishers(id) ON DELETE CASCADE;

ALTER TABLE chat_mention ADD CONSTRAINT "FK_chat_mention_account_id" FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE chat_mention ADD CONSTRAINT "FK_e5199951167b722215127651e7c" FOREIGN KEY (message_id) REFERENCES chat_message(id) ON DELETE CASCADE;

ALTER TABLE chat_mention ADD CONSTRAINT "chat_mention_account_id_account_id_fk" FOREIGN KEY (account_id) REFERENCES account(id);

ALTER TABLE chat_mention ADD CONSTRAINT "chat_mention_message_id_chat_message_id_fk" FOREIGN KEY (message_id) REFERENCES chat_message(id);

ALTER TABLE chat_message ADD CONSTRAINT "FK_71fdcb9038eca1b903102bdfd17" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE chat_message ADD CONSTRAINT "FK_b31e627ea7a4787672e265a1579" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE guest_password ADD CONSTRAINT "FK_guest_password_guest_id" FOREIGN KEY (guest_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE invitation ADD CONSTRAINT "FK_7ad4a490d5b9f79a677827b641c" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE invitation ADD CONSTRAINT "FK_invitation_item_path" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE invitation ADD CONSTRAINT "invitation_creator_id_account_id_fk" FOREIGN KEY (creator_id) REFERENCES account(id);

CREATE INDEX "IDX_invitation_item_path" ON invitation USING gist (item_path);

ALTER TABLE item ADD CONSTRAINT "FK_bdc46717fadc2f04f3093e51fd5" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

CREATE INDEX "IDX_bdc46717fadc2f04f3093e51fd" ON item USING btree (creator_id);

CREATE INDEX "IDX_gist_item_path" ON item USING gist (path);

CREATE INDEX "IDX_gist_item_path_deleted_at" ON item USING gist (path) WHERE (deleted_at IS NULL);

CREATE INDEX "IDX_item_deleted_at" ON item USING btree (deleted_at);

ALTER TABLE item_category ADD CONSTRAINT "FK_5681d1785eea699e9cae8818fe0" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE item_category ADD CONSTRAINT "FK_638552fc7d9a2035c2b53182d8a" FOREIGN KEY (category_id) REFERENCES category(id) ON DELETE CASCADE;

ALTER TABLE item_category ADD CONSTRAINT "FK_9a34a079b5b24f4396462546d26" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

CREATE INDEX "IDX_item_category_item_path" ON item_category USING gist (item_path);

ALTER TABLE item_export_request ADD CONSTRAINT "item_export_request_item_id_item_id_fk" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE item_export_request ADD CONSTRAINT "item_export_request_member_id_account_id_fk" FOREIGN KEY (member_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE item_favorite ADD CONSTRAINT "FK_10ea93bde287762010695378f94" FOREIGN KEY (item_id) REFERENCES item(id) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE item_favorite ADD CONSTRAINT "FK_a169d350392956511697f7e7d38" FOREIGN KEY (member_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE item_flag ADD CONSTRAINT "FK_b04d0adf4b73d82537c92fa55ea" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE item_flag ADD CONSTRAINT "FK_bde9b9ab1da1483a71c9b916dd2" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE item_geolocation ADD CONSTRAINT "FK_66d4b13df4e7765068c8268d719" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE item_like ADD CONSTRAINT "FK_159827eb667d019dc71372d7463" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE item_like ADD CONSTRAINT "FK_4a56eba1ce30dc93f118a51ff26" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE CASCADE;

CREATE INDEX "IDX_item_like_item" ON item_like USING btree (item_id);

ALTER TABLE item_login_schema ADD CONSTRAINT "item_login_schema_item_path_item_path_fk" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE item_membership ADD CONSTRAINT "item_membership_account_id_account_id_fk" FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE item_membership ADD CONSTRAINT "item_membership_creator_id_account_id_fk" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE item_membership ADD CONSTRAINT "item_membership_item_path_item_path_fk" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE INDEX "IDX_5ac5bdde333fca6bbeaf177ef9" ON item_membership USING btree (permission);

CREATE INDEX "IDX_d935785e7ecc015ed3ca048ff0" ON item_membership USING btree (item_path);

CREATE INDEX "IDX_gist_item_membership_path" ON item_membership USING gist (item_path);

CREATE INDEX "IDX_item_membership_account_id" ON item_membership USING btree (account_id);

CREATE INDEX "IDX_item_membership_account_id_permission" ON item_membership USING btree (account_id, permission);

CREATE INDEX "IDX_item_membership_creator_id" ON item_membership USING btree (creator_id);

ALTER TABLE item_tag ADD CONSTRAINT "FK_16ab8afb42f763f7cbaa4bff66a" FOREIGN KEY (tag_id) REFERENCES tag(id) ON DELETE CASCADE;

ALTER TABLE item_tag ADD CONSTRAINT "FK_39b492fda03c7ac846afe164b58" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

CREATE INDEX "IDX_item_tag_item" ON item_tag USING btree (item_id);

ALTER TABLE item_validation ADD CONSTRAINT "FK_d60969d5e478e7c844532ac4e7f" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE item_validation ADD CONSTRAINT "FK_e92da280941f666acf87baedc65" FOREIGN KEY (item_validation_group_id) REFERENCES item_validation_group(id) ON DELETE CASCADE;

CREATE INDEX "IDX_item_validation_item_id" ON item_validation USING btree (item_id);

CREATE INDEX "IDX_item_validation_item_validation_group_id" ON item_validation USING btree (item_validation_group_id);

ALTER TABLE item_validation_group ADD CONSTRAINT "FK_a9e83cf5f53c026b774b53d3c60" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

CREATE INDEX "IDX_item_validation_group_item_id" ON item_validation_group USING btree (item_id);

ALTER TABLE item_validation_review ADD CONSTRAINT "FK_44bf14fee580ae08702d70e622e" FOREIGN KEY (reviewer_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE item_validation_review ADD CONSTRAINT "FK_59fd000835c70c728e525d82950" FOREIGN KEY (item_validation_id) REFERENCES item_validation(id) ON DELETE CASCADE;

CREATE INDEX "IDX_item_validation_review_item_validation_id" ON item_validation_review USING btree (item_validation_id);

ALTER TABLE item_visibility ADD CONSTRAINT "FK_item_visibility_creator" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE item_visibility ADD CONSTRAINT "FK_item_visibility_item" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE INDEX "IDX_gist_item_visibility_path" ON item_visibility USING gist (item_path);

ALTER TABLE member_password ADD CONSTRAINT "member_password_member_id_account_id_fk" FOREIGN KEY (member_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE member_profile ADD CONSTRAINT "FK_91fa43bc5482dc6b00892baf016" FOREIGN KEY (member_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE member_profile ADD CONSTRAINT "member_profile_member_id_account_id_fk" FOREIGN KEY (member_id) REFERENCES account(id);

CREATE INDEX "IDX_91fa43bc5482dc6b00892baf01" ON member_profile USING btree (member_id);

ALTER TABLE membership_request ADD CONSTRAINT "FK_membership_request_item_id" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

ALTER TABLE membership_request ADD CONSTRAINT "FK_membership_request_member_id" FOREIGN KEY (member_id) REFERENCES account(id) ON DELETE CASCADE;

ALTER TABLE page_update ADD CONSTRAINT "FK_page_update_item_id" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

CREATE INDEX "IDX_page_item_id" ON page_update USING btree (item_id);

ALTER TABLE publication_removal_notices ADD CONSTRAINT "publication_removal_notices_creator_id_users_id_fk" FOREIGN KEY (creator_id) REFERENCES admins(id) ON DELETE SET NULL;

ALTER TABLE publication_removal_notices ADD CONSTRAINT "publication_removal_notices_item_id_item_id_fk" FOREIGN KEY (item_id) REFERENCES item(id) ON DELETE CASCADE;

CREATE INDEX "publication_removal_notices_item_id_index" ON publication_removal_notices USING btree (item_id);

ALTER TABLE published_items ADD CONSTRAINT "published_items_creator_id_account_id_fk" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE published_items ADD CONSTRAINT "published_items_item_path_item_path_fk" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE INDEX "IDX_gist_item_published_path" ON published_items USING gist (item_path);

ALTER TABLE recycled_item_data ADD CONSTRAINT "FK_3e3650ebd5c49843013429d510a" FOREIGN KEY (creator_id) REFERENCES account(id) ON DELETE SET NULL;

ALTER TABLE recycled_item_data ADD CONSTRAINT "FK_f8a4db4476e3d81e18de5d63c42" FOREIGN KEY (item_path) REFERENCES item(path) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE INDEX "IDX_recycled_item_data_created_at" ON recycled_item_data USING btree (created_at DESC NULLS LAST);

CREATE INDEX "IDX_recycled_item_data_item_path" ON recycled_item_data USING gist (item_path);

ALTER TABLE short_link ADD CONSTRAINT "FK_43c8a0471d5e58f99fc9c36b991" FOREIGN KEY (item_id) REFERENCES item(id) ON UPDATE CASCADE ON DELETE CASCADE;

CREATE INDEX "IDX_43c8a0471d5e58f99fc9c36b99" ON short_link USING btree (item_id);

CREATE VIEW guests_view AS
SELECT account.id,
account.name,
account.extra,
account.type,
account.created_at,
account.updated_at,
account.last_authenticated_at,
account.is_validated,
account.item_login_schema_id
FROM account
WHERE ((account.type = 'guest'::account_type_enum) AND (account.item_login_schema_id IS NOT NULL));

CREATE VIEW item_view AS
SELECT item.id,
item.name,
item.type,
item.description,
item.path,
item.creator_id,
item.extra,
item.settings,
item.created_at,
item.updated_at,
item.lang,
item."order"
FROM item
WHERE (item.deleted_at IS NULL);

CREATE VIEW members_view AS
SELECT account.id,
account.name,
account.email,
account.extra,
account.type,
account.created_at,
account.updated_at,
account.user_agreements_date,
account.enable_save_actions,
account.last_authenticated_at,
account.is_validated,
account.marketing_emails_subscribed_at
FROM account
WHERE ((account.type = 'individual'::account_type_enum) AND (account.email IS NOT NULL));

-- The migrations of the companion application that these tables stand for: it must not create them again.
INSERT INTO schema_migrations (version, inserted_at) VALUES
    (20250806110912, now()),
    (20250807113759, now()),
    (20250818111736, now()),
    (20250819070000, now()),
    (20250828053810, now()),
    (20250901102230, now()),
    (20250902085812, now()),
    (20250904060051, now()),
    (20250904072624, now()),
    (20251014122320, now());
