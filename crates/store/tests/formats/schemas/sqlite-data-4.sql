CREATE TABLE value (
    puid BLOB NOT NULL,
    field INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (puid, field)
) WITHOUT ROWID;

CREATE TABLE value_index (
    puid BLOB NOT NULL,
    field INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    unique_value INTEGER NOT NULL,
    PRIMARY KEY (puid, field, bytes)
) WITHOUT ROWID;
CREATE INDEX value_index_by_bytes ON value_index (field, bytes, puid);
CREATE UNIQUE INDEX value_index_unique ON value_index (field, bytes) WHERE unique_value = 1;

CREATE TABLE session (
    id BLOB NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    token BLOB NOT NULL,
    source TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    active_at INTEGER NOT NULL,
    ended_at INTEGER,
    decrypted INTEGER NOT NULL,
    statements INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    verdict TEXT,
    reviewer TEXT,
    reviewed_at INTEGER
) WITHOUT ROWID;
CREATE INDEX session_by_start ON session (started_at, id);

CREATE TABLE session_entry (
    number INTEGER PRIMARY KEY,
    session BLOB NOT NULL,
    origin TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (session, origin, position)
);

CREATE INDEX session_pending ON session (started_at, id)
    WHERE verdict IS NULL OR verdict = 'pending';
ALTER TABLE session_entry ADD COLUMN part INTEGER;
CREATE INDEX session_entry_by_number ON session_entry (session, number, part);
ALTER TABLE session ADD COLUMN emergency_at INTEGER;
CREATE INDEX session_emergency ON session (started_at, id) WHERE emergency_at IS NOT NULL;

CREATE TABLE consent_event (
    place BLOB NOT NULL PRIMARY KEY,
    state BLOB NOT NULL,
    evidence BLOB
) WITHOUT ROWID;

CREATE TABLE consent_bit (
    bit INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL
);
