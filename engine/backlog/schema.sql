-- The backlog of one machine. Times are seconds since the epoch.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE target (
    id INTEGER PRIMARY KEY,
    cloud TEXT NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (cloud, account, name)
);

CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,      -- the same work always has the same key
    target INTEGER NOT NULL REFERENCES target,
    state INTEGER NOT NULL,        -- engine.model.State
    due REAL NOT NULL,             -- of a waiting job; of one that has ended, when it did
    attempts INTEGER NOT NULL,
    rows INTEGER NOT NULL,         -- of input that the job stands for
    payload BLOB,                  -- NULL once it is not needed any more
    task TEXT,                     -- the cloud's handle, of a started job
    started REAL,
    code TEXT,                     -- of the last failure
    why TEXT
);
CREATE INDEX job_waiting ON job (target, due) WHERE state = 0;
CREATE INDEX job_started ON job (target) WHERE state = 1;
CREATE INDEX job_failed ON job (due) WHERE state = 4;

-- The rows of failed jobs, each in one of them. Its key is that of the job which would do the row alone.
CREATE TABLE failed_row (key BLOB PRIMARY KEY, job INTEGER NOT NULL REFERENCES job) WITHOUT ROWID;

-- Jobs under way whose work was asked for again meanwhile: each waits once more when it ends.
CREATE TABLE asked_again (job INTEGER PRIMARY KEY REFERENCES job);

-- Kept with every change, so that counting never reads the jobs.
CREATE TABLE tally (
    target INTEGER NOT NULL REFERENCES target,
    state INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (target, state)
) WITHOUT ROWID;

CREATE TABLE source (
    name TEXT PRIMARY KEY,
    cursor TEXT NOT NULL,
    rows INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    repeated INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE rejected (
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (source, line)
) WITHOUT ROWID;

-- The inbox: what notifications have changed and no job does yet.

CREATE TABLE destination (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,            -- of row
    fixed TEXT NOT NULL,           -- JSON: all of a row's columns but the one that tells what has changed
    UNIQUE (kind, fixed)
);

CREATE TABLE pending (
    destination INTEGER NOT NULL REFERENCES destination,
    number INTEGER NOT NULL,       -- in the order of arrival
    arrived REAL NOT NULL,
    value TEXT NOT NULL,           -- of the column that tells what has changed
    PRIMARY KEY (destination, number),
    UNIQUE (destination, value)
) WITHOUT ROWID;

-- Ids of messages. A generation is a span of time; whole ones are forgotten.
CREATE TABLE seen (generation INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (generation, id)) WITHOUT ROWID;
