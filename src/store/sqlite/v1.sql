-- Version 1. Columns hold what is searched or sorted by; `body` holds the rest of a row as JSON.
-- Instants in columns are milliseconds since 1970 and only ever compared; the exact ones stand
-- in `body`.

CREATE TABLE runs (
    seq        INTEGER PRIMARY KEY, -- order of recording
    id         BLOB    NOT NULL UNIQUE,
    job        TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    over       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,             -- set when over
    body       TEXT    NOT NULL
) STRICT;

-- `history`, answered from the index but for the rows that are shown.
CREATE INDEX runs_by_time ON runs (created_at, seq, state);
CREATE INDEX runs_by_job_and_time ON runs (job, created_at, seq, state);
-- A job's last run and last success: for `status`, and kept by retention.
CREATE INDEX runs_by_job ON runs (job);
CREATE INDEX runs_succeeded ON runs (job) WHERE state = 'succeeded';
-- A start reads what is not over, and never the past.
CREATE INDEX runs_unfinished ON runs (over) WHERE over = 0;
-- Retention forgets what ended first.
CREATE INDEX runs_over ON runs (ended_at, seq) WHERE over = 1;

CREATE TABLE attempts (
    run      INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    transfer BLOB UNIQUE,
    open     INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    UNIQUE (run, number)
) STRICT;

CREATE INDEX attempts_open ON attempts (run) WHERE open = 1;

CREATE TABLE events (
    seq    INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    at     TEXT    NOT NULL,        -- RFC 3339, exact: never searched by
    event  TEXT    NOT NULL,
    detail TEXT    NOT NULL
) STRICT;

CREATE INDEX events_by_run ON events (run);

CREATE TABLE marks (
    job  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Single values: `learned`, `job_set`, `written` (counts proofs that the store can write).
CREATE TABLE singles (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
