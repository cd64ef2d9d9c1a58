CREATE TABLE wrapped_key (
    owner uuid NOT NULL,
    kind smallint NOT NULL,
    generation bigint NOT NULL,
    tenant text NOT NULL,
    id uuid NOT NULL UNIQUE,
    wrapped bytea NOT NULL,
    commitment bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_on integer,
    PRIMARY KEY (owner, kind, generation, tenant)
);
CREATE INDEX wrapped_key_of_kind ON wrapped_key (kind, tenant);
CREATE INDEX wrapped_key_by_expiry ON wrapped_key (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE subject (
    reference uuid PRIMARY KEY,
    tenant text NOT NULL,
    puid uuid NOT NULL UNIQUE,
    oid uuid NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    mac bytea NOT NULL
);

CREATE TABLE alias (
    source text NOT NULL,
    table_name text NOT NULL,
    row_key text NOT NULL,
    subject uuid NOT NULL REFERENCES subject (reference),
    mac bytea NOT NULL,
    PRIMARY KEY (source, table_name, row_key)
);
CREATE INDEX alias_of_subject ON alias (subject);

CREATE TABLE orphan (
    puid uuid PRIMARY KEY
);

CREATE TABLE token (
    id uuid PRIMARY KEY,
    principal text NOT NULL,
    sha256 bytea NOT NULL UNIQUE,
    scram_iterations bigint NOT NULL,
    scram_salt bytea NOT NULL,
    scram_stored_key bytea NOT NULL,
    scram_server_key bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    note text NOT NULL
);
CREATE INDEX token_of_principal ON token (principal);

CREATE TABLE access_grant (
    id uuid PRIMARY KEY,
    session uuid NOT NULL,
    principal text NOT NULL,
    subject uuid NOT NULL,
    fields integer[] NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    ended_at bigint,
    granted bigint NOT NULL
);
CREATE INDEX access_grant_of_session ON access_grant (session, granted);
CREATE INDEX access_grant_of_subject ON access_grant (subject);

CREATE TABLE change (
    sequence bigint PRIMARY KEY,
    kind smallint NOT NULL,
    id uuid NOT NULL
);

CREATE TABLE sequence_head (
    sequence bigint NOT NULL
);
INSERT INTO sequence_head VALUES (0);

CREATE TABLE log_position (
    origin text PRIMARY KEY,
    position bigint NOT NULL
);
DROP INDEX access_grant_of_subject;
ALTER TABLE access_grant ALTER COLUMN subject TYPE uuid[] USING ARRAY[subject];
ALTER TABLE access_grant RENAME COLUMN subject TO subjects;
ALTER TABLE access_grant ADD COLUMN request uuid;
ALTER TABLE access_grant ADD COLUMN emergency boolean NOT NULL DEFAULT false;
CREATE INDEX access_grant_by_end ON access_grant (ends_at);
CREATE TABLE granted_subject (
    subject uuid NOT NULL,
    grant_id uuid NOT NULL,
    PRIMARY KEY (subject, grant_id)
);
INSERT INTO granted_subject SELECT subjects[1], id FROM access_grant;

CREATE TABLE grant_request (
    id uuid PRIMARY KEY,
    session uuid NOT NULL,
    principal text NOT NULL,
    source text NOT NULL,
    subjects uuid[] NOT NULL,
    fields integer[] NOT NULL,
    minutes bigint NOT NULL,
    asked_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    approved boolean,
    decided_by text,
    decided_at bigint,
    grant_id uuid
);
CREATE INDEX grant_request_of_session ON grant_request (session, asked_at);
CREATE INDEX grant_request_by_end ON grant_request (expires_at);
ALTER TABLE wrapped_key ADD COLUMN told bigint NOT NULL DEFAULT 0;

CREATE TABLE orphan_place (
    place uuid PRIMARY KEY
);

CREATE TABLE stream_event (
    number bigint PRIMARY KEY,
    tyid uuid NOT NULL,
    tenant text NOT NULL,
    bits bigint NOT NULL,
    stamp bigint NOT NULL,
    final boolean NOT NULL,
    at bigint NOT NULL
);

CREATE TABLE subject_request (
    id uuid PRIMARY KEY,
    subject uuid REFERENCES subject (reference),
    kind text NOT NULL,
    received_at bigint NOT NULL,
    asked_at bigint NOT NULL,
    details bytea NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    due_at bigint NOT NULL,
    attempts bigint NOT NULL,
    failure text,
    lease_run uuid,
    lease_server text,
    lease_until bigint,
    notify boolean NOT NULL,
    file_run uuid,
    file_server text,
    file_bytes bigint,
    file_made_at bigint,
    file_until bigint,
    ended_at bigint,
    wakes_at bigint
);
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying');
CREATE INDEX subject_request_of_subject ON subject_request (subject);
CREATE INDEX subject_request_by_age ON subject_request (asked_at, id);
CREATE INDEX subject_request_by_state ON subject_request (state, asked_at, id);

CREATE TABLE orphan_row (
    source text NOT NULL,
    table_name text NOT NULL,
    row_key text NOT NULL,
    due_on integer,
    PRIMARY KEY (source, table_name, row_key)
);

CREATE TABLE field_erasure (
    subject uuid NOT NULL REFERENCES subject (reference),
    kind smallint NOT NULL,
    generation bigint NOT NULL,
    fields integer[] NOT NULL,
    PRIMARY KEY (subject, kind, generation)
);

ALTER TABLE grant_request ADD COLUMN tell_at bigint;
CREATE INDEX grant_request_to_tell ON grant_request (tell_at, id) WHERE tell_at IS NOT NULL;

ALTER TABLE subject_request ADD COLUMN receipt bytea;
DROP INDEX subject_request_running;
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying', 'confirming');
