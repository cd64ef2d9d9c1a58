CREATE TABLE value (
    puid uuid NOT NULL,
    field integer NOT NULL,
    sealed bytea NOT NULL,
    indexes bytea[] NOT NULL,
    PRIMARY KEY (puid, field)
);

CREATE TABLE value_index (
    bytes bytea NOT NULL,
    field integer NOT NULL,
    puid uuid NOT NULL,
    unique_value boolean NOT NULL,
    PRIMARY KEY (bytes, field, puid)
);
CREATE UNIQUE INDEX value_index_unique ON value_index (bytes, field) WHERE unique_value;

CREATE TABLE session (
    id uuid PRIMARY KEY,
    principal text NOT NULL,
    token uuid NOT NULL,
    source text NOT NULL,
    started_at bigint NOT NULL,
    active_at bigint NOT NULL,
    ended_at bigint,
    decrypted boolean NOT NULL,
    statements bigint NOT NULL,
    opened bigint NOT NULL,
    verdict text,
    reviewer text,
    reviewed_at bigint
);
CREATE INDEX session_by_start ON session (started_at, id);

CREATE TABLE session_entry (
    session uuid NOT NULL,
    origin text NOT NULL,
    position bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (session, origin, position)
);

CREATE INDEX session_pending ON session (started_at, id)
    WHERE verdict IS NULL OR verdict = 'pending';
ALTER TABLE session_entry ADD COLUMN part smallint;
CREATE INDEX session_entry_by_number ON session_entry (session, number, part);
ALTER TABLE session ADD COLUMN emergency_at bigint;
CREATE INDEX session_emergency ON session (started_at, id) WHERE emergency_at IS NOT NULL;

CREATE TABLE consent_event (
    place uuid PRIMARY KEY,
    state bytea NOT NULL,
    evidence bytea
);

CREATE TABLE consent_bit (
    bit smallint PRIMARY KEY,
    purpose text NOT NULL
);
