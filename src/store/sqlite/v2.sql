-- Version 2: the outbox of alerts. The single value `told` joins those of version 1.

CREATE TABLE alerts (
    id     BLOB    PRIMARY KEY,
    number INTEGER NOT NULL,        -- the order of delivery
    body   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
