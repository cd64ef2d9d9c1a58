CREATE TABLE wrapped_key (
    id BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind INTEGER NOT NULL,
    owner BLOB NOT NULL,
    generation INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    commitment BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_on INTEGER,
    UNIQUE (owner, kind, generation, tenant)
);
CREATE INDEX wrapped_key_of_kind ON wrapped_key (kind, tenant);
CREATE INDEX wrapped_key_by_expiry ON wrapped_key (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE subject (
    reference BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    puid BLOB NOT NULL UNIQUE,
    oid BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    mac BLOB NOT NULL
);

CREATE TABLE alias (
    source TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    subject BLOB NOT NULL REFERENCES subject (reference),
    mac BLOB NOT NULL,
    PRIMARY KEY (source, table_name, row_key)
);
CREATE INDEX alias_of_subject ON alias (subject);

CREATE TABLE token (
    id BLOB NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    scram_iterations INTEGER NOT NULL,
    scram_salt BLOB NOT NULL,
    scram_stored_key BLOB NOT NULL,
    scram_server_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    note TEXT NOT NULL
);
CREATE INDEX token_of_principal ON token (principal);

CREATE TABLE access_grant (
    id BLOB NOT NULL PRIMARY KEY,
    session BLOB NOT NULL,
    principal TEXT NOT NULL,
    subject BLOB NOT NULL,
    fields TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    ended_at INTEGER,
    granted INTEGER NOT NULL
);
CREATE INDEX access_grant_of_session ON access_grant (session, granted);
CREATE INDEX access_grant_of_subject ON access_grant (subject);

CREATE TABLE change (
    sequence INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL
);

CREATE TABLE log_position (
    origin TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
);

CREATE TABLE scrub (
    pending INTEGER PRIMARY KEY
);
CREATE TABLE orphan (
    puid BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;
DROP INDEX access_grant_of_subject;
ALTER TABLE access_grant RENAME COLUMN subject TO subjects;
ALTER TABLE access_grant ADD COLUMN request BLOB;
ALTER TABLE access_grant ADD COLUMN emergency INTEGER NOT NULL DEFAULT 0;
CREATE INDEX access_grant_by_end ON access_grant (ends_at);
CREATE TABLE granted_subject (
    subject BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    PRIMARY KEY (subject, grant_id)
) WITHOUT ROWID;
INSERT INTO granted_subject SELECT subjects, id FROM access_grant;

CREATE TABLE grant_request (
    id BLOB NOT NULL PRIMARY KEY,
    session BLOB NOT NULL,
    principal TEXT NOT NULL,
    source TEXT NOT NULL,
    subjects BLOB NOT NULL,
    fields TEXT NOT NULL,
    minutes INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    approved INTEGER,
    decided_by TEXT,
    decided_at INTEGER,
    grant_id BLOB
) WITHOUT ROWID;
CREATE INDEX grant_request_of_session ON grant_request (session, asked_at);
CREATE INDEX grant_request_by_end ON grant_request (expires_at);
ALTER TABLE wrapped_key ADD COLUMN told INTEGER NOT NULL DEFAULT 0;

CREATE TABLE orphan_place (
    place BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE stream_event (
    number INTEGER PRIMARY KEY,
    tyid BLOB NOT NULL,
    tenant TEXT NOT NULL,
    bits INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    final INTEGER NOT NULL,
    at INTEGER NOT NULL
);

CREATE TABLE subject_request (
    id BLOB NOT NULL PRIMARY KEY,
    subject BLOB REFERENCES subject (reference),
    kind TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    details BLOB NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failure TEXT,
    lease_run BLOB,
    lease_server TEXT,
    lease_until INTEGER,
    notify INTEGER NOT NULL,
    file_run BLOB,
    file_server TEXT,
    file_bytes INTEGER,
    file_made_at INTEGER,
    file_until INTEGER,
    ended_at INTEGER,
    wakes_at INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying');
CREATE INDEX subject_request_of_subject ON subject_request (subject);
CREATE INDEX subject_request_by_age ON subject_request (asked_at, id);
CREATE INDEX subject_request_by_state ON subject_request (state, asked_at, id);

CREATE TABLE orphan_row (
    source TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    due_on INTEGER,
    PRIMARY KEY (source, table_name, row_key)
) WITHOUT ROWID;

CREATE TABLE field_erasure (
    subject BLOB NOT NULL REFERENCES subject (reference),
    kind INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (subject, kind, generation)
) WITHOUT ROWID;

ALTER TABLE grant_request ADD COLUMN tell_at INTEGER;
CREATE INDEX grant_request_to_tell ON grant_request (tell_at, id) WHERE tell_at IS NOT NULL;

ALTER TABLE subject_request ADD COLUMN receipt BLOB;
DROP INDEX subject_request_running;
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying', 'confirming');
