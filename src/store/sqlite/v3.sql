-- Version 3: reasons and events are values. A row of version 2 keeps its sentence, and is given
-- the code of those sentences that only one place can have written. Which of them are codes of an
-- end does not matter here: the sentence decides.

CREATE TEMP TABLE sentences (pattern TEXT NOT NULL, code TEXT NOT NULL);
INSERT INTO sentences (pattern, code) VALUES
    ('completed: * transferred, * skipped, * failed', 'completed'),
    ('completed in part: * failed', 'objects_failed'),
    ('completed in part, as accepted: * failed', 'objects_failed'),
    ('completed without any object', 'empty'),
    ('the agent reports an error of the transfer', 'agent_error'),
    ('the agent refused it: *', 'agent_refused'),
    ('past its `timeout`*', 'timeout'),
    ('canceled past its `timeout`', 'timeout'),
    ('no progress for `stall_timeout` *', 'stalled'),
    ('accepted, and never listed until its `timeout`', 'not_listed'),
    ('the agent accepted it and never listed it until its `timeout`', 'not_listed'),
    ('gone from the agent''s list*', 'vanished'),
    ('canceled in the desktop app', 'canceled_by_person'),
    ('canceled by *', 'canceled_by_operator'),
    ('a newer occurrence replaces it*', 'replaced'),
    ('its run is over', 'replaced'),
    ('a second transfer of one run: *', 'replaced'),
    ('the answer to its last request was lost, *', 'answer_lost'),
    ('the answer was lost (*); looking for the transfer', 'answer_lost'),
    ('the daemon stopped between request and answer; *', 'answer_lost'),
    ('run * has been active since *(`overlap: *`)', 'overlap'),
    ('missed, and older than `catch_up_window` *', 'catch_up_window'),
    ('missed, and `catch_up` is none', 'catch_up_none'),
    ('missed, and `catch_up: once` runs only *', 'superseded'),
    ('could not be queued within `start_within` *', 'start_within'),
    ('due', 'waiting_listing'),
    ('catching up*', 'waiting_listing'),
    ('triggered by *', 'waiting_listing'),
    ('start of the next attempt', 'waiting_attempt'),
    ('the request that was under way when the daemon stopped never arrived; *', 'waiting_attempt'),
    ('for run * to end', 'waiting_run'),
    ('for its last request, which may yet *', 'waiting_attempt'),
    ('for the last transfer of this job, *', 'waiting_attempt'),
    ('for an identical transfer, *', 'waiting_identical'),
    ('for its destination, which *', 'waiting_destination'),
    ('for a slot (`max_active` is *)', 'waiting_slot'),
    ('for the agent: *', 'waiting_agent'),
    ('for a good token: *', 'waiting_token');

-- A back-off says which attempt comes next, and a last failure how many there were. Both stand at
-- the end of a sentence that may hold the agent's words, so the state has to agree.
UPDATE runs SET body = json_set(body, '$.reason', json_object(
    'is', 'told',
    'code', CASE
        WHEN state = 'backing_off' THEN 'backing_off'
        WHEN state = 'failed'
            AND json_extract(body, '$.reason') GLOB '* (attempt [0-9]* of [0-9]*)'
            THEN 'attempts_exhausted'
        ELSE (SELECT code FROM sentences WHERE json_extract(body, '$.reason') GLOB pattern)
    END,
    'words', json_extract(body, '$.reason')));

-- Some rows hold nothing but the agent's words; the phase tells what they were about.
UPDATE attempts SET body = json_set(body, '$.reason', json_object(
    'is', 'told',
    'code', CASE
        WHEN json_extract(body, '$.phase') = 'refused' AND json_extract(body, '$.counts')
            THEN 'agent_refused'
        WHEN json_extract(body, '$.phase') = 'uncertain' THEN 'answer_lost'
        WHEN json_extract(body, '$.phase') = 'given_up' AND transfer IS NOT NULL THEN 'vanished'
        WHEN json_extract(body, '$.phase') = 'given_up'
            AND json_extract(body, '$.outcome') = 'timed_out' THEN 'not_listed'
        WHEN json_extract(body, '$.phase') = 'given_up' THEN 'answer_lost'
        ELSE (SELECT code FROM sentences WHERE json_extract(body, '$.reason') GLOB pattern)
    END,
    'words', json_extract(body, '$.reason')));

UPDATE runs SET body = json_set(body, '$.cancel.reason', json_object(
    'is', 'told',
    'code', (SELECT code FROM sentences WHERE json_extract(body, '$.cancel.reason') GLOB pattern),
    'words', json_extract(body, '$.cancel.reason')))
WHERE json_type(body, '$.cancel') = 'object';

UPDATE attempts SET body = json_set(body, '$.cancel.reason', json_object(
    'is', 'told',
    'code', (SELECT code FROM sentences WHERE json_extract(body, '$.cancel.reason') GLOB pattern),
    'words', json_extract(body, '$.cancel.reason')))
WHERE json_type(body, '$.cancel') = 'object';

-- What happened, as JSON: `event` repeats its kind, for those who look into the database.
UPDATE events SET detail = json_object('event', 'told', 'kind', event, 'words', detail);

DROP TABLE sentences;
