/**
 * The tables, as numbered steps: step n brings a file from version n - 1 to n (`PRAGMA user_version`). A step that was released
 * is never changed. Times are epoch milliseconds by this machine's clock; outside of this room they are ISO texts.
 */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE users (
    account TEXT PRIMARY KEY, shown TEXT NOT NULL, roles TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- record: the session without its secrets; secrets: what must never leave this file, gone with the session's end
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, cluster TEXT NOT NULL, phase TEXT NOT NULL, launch TEXT,
    created INTEGER NOT NULL, ended INTEGER, record TEXT NOT NULL, granted TEXT, secrets TEXT
  ) STRICT;
  CREATE INDEX sessions_of_account ON sessions (account, created);
  CREATE INDEX sessions_by_time ON sessions (created);
  CREATE INDEX sessions_live ON sessions (created) WHERE phase <> 'ended';

  CREATE TABLE launches (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, state TEXT NOT NULL, session TEXT, started INTEGER NOT NULL, view TEXT NOT NULL
  ) STRICT;
  CREATE INDEX launches_of_account ON launches (account, started);
  CREATE INDEX launches_by_time ON launches (started);
  CREATE INDEX launches_running ON launches (started) WHERE state = 'running';

  CREATE TABLE logins (
    hash TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES users, user TEXT NOT NULL, xsrf TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER NOT NULL, origin TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX logins_of_account ON logins (account);

  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, shown TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tokens_of_account ON tokens (account);

  CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, account TEXT NOT NULL, action TEXT NOT NULL,
    session TEXT, launch TEXT, origin TEXT, detail TEXT
  ) STRICT;
  CREATE INDEX audit_by_time ON audit (at);
  CREATE INDEX audit_of_account ON audit (account, at);
  CREATE INDEX audit_of_session ON audit (session) WHERE session IS NOT NULL;
  CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only written to'); END;

  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- image: its key in the account's store, as a launch last met it
  CREATE TABLE images (
    account TEXT NOT NULL, cluster TEXT NOT NULL, repository TEXT NOT NULL, commit_id TEXT NOT NULL, platform TEXT NOT NULL,
    image TEXT NOT NULL, bytes INTEGER NOT NULL, built INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (account, cluster, repository, commit_id, platform)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX images_by_time ON images (used);

  CREATE TABLE builds (
    session TEXT PRIMARY KEY, account TEXT NOT NULL, cluster TEXT NOT NULL, repository TEXT NOT NULL, state TEXT NOT NULL,
    asked INTEGER NOT NULL, begun INTEGER, ended INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX builds_by_time ON builds (asked);
  CREATE INDEX builds_on_their_way ON builds (asked) WHERE ended IS NULL;
  `,
];
