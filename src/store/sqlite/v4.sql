-- Version 4: a run is known by its job, the time that it is for, and its number among the runs for
-- that time, which the database gives. Runs of older versions are numbered in the order in which they were recorded.

ALTER TABLE runs ADD COLUMN scheduled_at INTEGER; -- milliseconds; null for a run without a time
ALTER TABLE runs ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;

-- Occurrences lie at whole seconds, and nothing else has had a time until now.
UPDATE runs SET scheduled_at = unixepoch(body ->> '$.scheduled_for') * 1000
    WHERE body ->> '$.scheduled_for' IS NOT NULL;

UPDATE runs SET serial = numbered.serial FROM (
    SELECT seq, row_number() OVER (PARTITION BY job, scheduled_at ORDER BY seq) - 1 AS serial
    FROM runs WHERE scheduled_at IS NOT NULL
) AS numbered WHERE numbered.seq = runs.seq;

CREATE UNIQUE INDEX runs_by_scheduled_time ON runs (job, scheduled_at, serial)
    WHERE scheduled_at IS NOT NULL;
