"""The tables of the outbox file."""

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE event (             -- waits to be sent
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,  -- order in which events were put
  event_id   TEXT    NOT NULL,   -- UUIDv7
  revision   INTEGER NOT NULL,
  body       TEXT    NOT NULL,   -- Event v1, JSON
  UNIQUE (event_id, revision)
) STRICT;
CREATE TABLE media (             -- a file that waits to be uploaded
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256     TEXT    NOT NULL UNIQUE,
  path       TEXT    NOT NULL,   -- on this machine
  media_type TEXT    NOT NULL,
  size_bytes INTEGER NOT NULL,
  state      TEXT    NOT NULL CHECK (state IN ('held', 'ready', 'refused')),
                                 -- held until the server took an event that refers to it
  failures   INTEGER NOT NULL DEFAULT 0,
  reason     TEXT                -- of a refusal
) STRICT;
CREATE INDEX media_ready ON media (failures, seq) WHERE state = 'ready';
CREATE TABLE open_event (        -- last revision of each event that has not ended: a restart ends it
  event_id   TEXT    PRIMARY KEY,
  body       TEXT    NOT NULL
) STRICT;
CREATE TABLE dead_event (        -- refused by the server for good; kept for a person to look at
  event_id   TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  body       TEXT    NOT NULL,
  status     TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  refused_at TEXT    NOT NULL,   -- UTC, ISO 8601
  PRIMARY KEY (event_id, revision)
) STRICT;
"""
