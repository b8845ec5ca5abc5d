package sqlite

import (
	"fmt"

	"go.uber.org/zap"
)

// migrations bring the tables from one version to the next; PRAGMA user_version says
// how many of them a file has. Add at the end, and never change one that was released.
//
// A session's rows carry its number (sessions.num), which is never given out twice, so
// what a deleted session left behind can never be taken for another's. The tables keep
// their rowids: WITHOUT ROWID was measured slower here.
var migrations = []string{`
CREATE TABLE pings (num INTEGER PRIMARY KEY, at INTEGER NOT NULL);

CREATE TABLE users (
	id TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
	active INTEGER NOT NULL, password_hash TEXT NOT NULL,
	created INTEGER NOT NULL, updated INTEGER NOT NULL, last_login INTEGER NOT NULL);

CREATE TABLE tokens (
	id TEXT NOT NULL UNIQUE, user TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX tokens_user ON tokens (user);
CREATE INDEX tokens_expires ON tokens (expires);

CREATE TABLE sessions (
	num INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, owner TEXT NOT NULL,
	desired TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL,
	phone TEXT NOT NULL, lid TEXT NOT NULL, push_name TEXT NOT NULL, settings TEXT NOT NULL,
	created INTEGER NOT NULL, updated INTEGER NOT NULL,
	last_seq INTEGER NOT NULL DEFAULT 0,   -- newest event
	first_seq INTEGER NOT NULL DEFAULT 1,  -- oldest event that is kept
	last_pos INTEGER NOT NULL DEFAULT 0,   -- newest message
	deleting INTEGER NOT NULL DEFAULT 0);
CREATE INDEX sessions_owner ON sessions (owner, id);
CREATE INDEX sessions_deleting ON sessions (num) WHERE deleting = 1;

CREATE TABLE chats (
	session INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
	words TEXT NOT NULL, -- of the name: a space before each, and one at the end
	unread INTEGER NOT NULL, archived INTEGER NOT NULL, pinned INTEGER NOT NULL,
	muted_until INTEGER NOT NULL, activity INTEGER NOT NULL);
CREATE UNIQUE INDEX chats_id ON chats (session, id);
CREATE INDEX chats_activity ON chats (session, activity DESC, id);

CREATE TABLE contacts (
	session INTEGER NOT NULL, id TEXT NOT NULL, phone TEXT NOT NULL, lid TEXT NOT NULL,
	name TEXT NOT NULL, push_name TEXT NOT NULL, business_name TEXT NOT NULL);
CREATE UNIQUE INDEX contacts_id ON contacts (session, id);
CREATE UNIQUE INDEX contacts_phone ON contacts (session, phone) WHERE phone <> '';
CREATE UNIQUE INDEX contacts_lid ON contacts (session, lid) WHERE lid <> '';

CREATE TABLE messages (
	num INTEGER PRIMARY KEY, session INTEGER NOT NULL, chat TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
	from_me INTEGER NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL, mentions TEXT, status TEXT NOT NULL,
	timestamp INTEGER NOT NULL, stored INTEGER NOT NULL, edited INTEGER NOT NULL, revoked INTEGER NOT NULL,
	pos INTEGER NOT NULL,
	quoted_id TEXT, quoted_sender TEXT, quoted_type TEXT, quoted_text TEXT,           -- NULL: no quote
	mime_type TEXT, file_name TEXT, size INTEGER, seconds INTEGER, width INTEGER, height INTEGER, -- NULL: no file
	failure_code TEXT, failure_detail TEXT, failure_retryable INTEGER,                -- NULL: no failure
	raw BLOB);
CREATE UNIQUE INDEX messages_key ON messages (session, chat, id, sender);
CREATE INDEX messages_time ON messages (session, chat, timestamp DESC, pos DESC);
CREATE INDEX messages_age ON messages (session, timestamp, pos);
CREATE INDEX messages_queued ON messages (session, timestamp, pos) WHERE status = 'queued';

-- The words of a message's text, and one for its chat; rowid is messages.num. See search.go.
CREATE VIRTUAL TABLE words USING fts5 (word, content='', contentless_delete=1, detail=none, tokenize='ascii');

CREATE TABLE receipts (
	session INTEGER NOT NULL, chat TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
	person TEXT NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL);
CREATE UNIQUE INDEX receipts_key ON receipts (session, chat, id, sender, person, status);

CREATE TABLE events (
	session INTEGER NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
	timestamp INTEGER NOT NULL, data BLOB);
CREATE UNIQUE INDEX events_seq ON events (session, seq);

CREATE TABLE keys (session INTEGER NOT NULL, tbl TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL);
CREATE UNIQUE INDEX keys_key ON keys (session, tbl, key);

CREATE TABLE calls (
	key TEXT NOT NULL UNIQUE, body_hash BLOB, holder TEXT NOT NULL, message TEXT NOT NULL,
	created INTEGER NOT NULL, expires INTEGER NOT NULL, done INTEGER NOT NULL, status INTEGER NOT NULL, body BLOB);
CREATE INDEX calls_expires ON calls (expires);

CREATE TABLE secrets (name TEXT NOT NULL UNIQUE, value BLOB NOT NULL);
`, `
CREATE TABLE api_keys (
	id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, name TEXT NOT NULL, prefix TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,
	scopes TEXT NOT NULL, sessions TEXT NOT NULL, addresses TEXT NOT NULL, -- JSON lists
	expires INTEGER NOT NULL, last_used INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE INDEX api_keys_owner ON api_keys (owner, id);

CREATE TABLE audit (
	id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
	address TEXT NOT NULL, status INTEGER NOT NULL, request TEXT NOT NULL);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user, id);
`, `
CREATE TABLE webhooks (
	id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, session TEXT NOT NULL, url TEXT NOT NULL,
	events TEXT NOT NULL, filters TEXT NOT NULL, headers TEXT NOT NULL, secrets TEXT NOT NULL, -- JSON
	format TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
	retry_for INTEGER NOT NULL, timeout INTEGER NOT NULL, -- milliseconds
	created INTEGER NOT NULL, updated INTEGER NOT NULL);
CREATE INDEX webhooks_owner ON webhooks (owner, id);
CREATE INDEX webhooks_session ON webhooks (session, id);

CREATE TABLE webhook_cursors (
	webhook TEXT NOT NULL, session TEXT NOT NULL, replay TEXT NOT NULL, seq INTEGER NOT NULL, until INTEGER NOT NULL,
	from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, failed INTEGER NOT NULL);
CREATE UNIQUE INDEX webhook_cursors_key ON webhook_cursors (webhook, session, replay);
CREATE INDEX webhook_cursors_session ON webhook_cursors (session);

CREATE TABLE deliveries (
	id TEXT NOT NULL, webhook TEXT NOT NULL, session TEXT NOT NULL, event TEXT NOT NULL, seq INTEGER NOT NULL,
	name TEXT NOT NULL, chat TEXT NOT NULL, replay INTEGER NOT NULL, attempt INTEGER NOT NULL, status TEXT NOT NULL,
	response INTEGER NOT NULL, error TEXT NOT NULL, duration INTEGER NOT NULL, -- microseconds
	at INTEGER NOT NULL, next INTEGER NOT NULL, since INTEGER NOT NULL);
CREATE UNIQUE INDEX deliveries_id ON deliveries (webhook, id);
CREATE INDEX deliveries_status ON deliveries (webhook, status, id);
CREATE INDEX deliveries_session ON deliveries (session);
`, `
-- The words of a message's text, each with its chat; rowid is messages.num. See search.go.
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5 (word, content='', contentless_delete=1, detail=none, tokenize='ascii');
INSERT INTO words (rowid, word) SELECT num, tokens(session, chat, text) FROM messages WHERE text <> '';
`, `
-- A person's key never changes: phone and LID, also those they had before, are aliases of it.
CREATE TABLE aliases (session INTEGER NOT NULL, jid TEXT NOT NULL, contact TEXT NOT NULL);
CREATE UNIQUE INDEX aliases_jid ON aliases (session, jid);
INSERT OR IGNORE INTO aliases SELECT session, phone, id FROM contacts WHERE phone <> '';
INSERT OR IGNORE INTO aliases SELECT session, lid, id FROM contacts WHERE lid <> '';
DROP INDEX contacts_phone;
DROP INDEX contacts_lid;
ALTER TABLE contacts ADD COLUMN same_as TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN also TEXT; -- JSON list

ALTER TABLE chats ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN ephemeral_at INTEGER NOT NULL DEFAULT -62135596800000;
ALTER TABLE chats ADD COLUMN read_up_to INTEGER NOT NULL DEFAULT -62135596800000;
ALTER TABLE chats ADD COLUMN phone TEXT NOT NULL DEFAULT '';
ALTER TABLE chats ADD COLUMN shown_as TEXT NOT NULL DEFAULT ''; -- it stands in no list
ALTER TABLE chats ADD COLUMN also TEXT; -- JSON list
UPDATE chats SET phone = ifnull((SELECT phone FROM contacts c WHERE c.session = chats.session AND c.id = chats.id), '');

CREATE TABLE tasks (
	session INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, payload BLOB, due INTEGER NOT NULL, attempt INTEGER NOT NULL);
CREATE UNIQUE INDEX tasks_id ON tasks (session, id);
CREATE INDEX tasks_due ON tasks (session, kind, due, id);

-- What acts on another message is none itself: it waits among the tasks until it is applied.
INSERT INTO tasks SELECT session, 'act/' || hex(chat) || '/' || hex(sender) || '/' || hex(id), 'act',
	json_object('chat', chat, 'sender', sender, 'id', id, 'fromMe', json(iif(from_me, 'true', 'false')),
		'timestamp', timestamp, 'raw', hex(raw)), timestamp, 0
	FROM messages WHERE type IN ('reaction', 'edit', 'revoke', 'pin', 'keep', 'poll_vote', 'ephemeral_setting') AND raw IS NOT NULL;

-- What a message says beyond its text is one JSON value; raw comes last, so that who does not ask
-- for it reads none of it.
ALTER TABLE messages RENAME TO old_messages;
DROP INDEX messages_key;
DROP INDEX messages_time;
DROP INDEX messages_age;
DROP INDEX messages_queued;
CREATE TABLE messages (
	num INTEGER PRIMARY KEY, session INTEGER NOT NULL, chat TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
	from_me INTEGER NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL, status TEXT NOT NULL,
	timestamp INTEGER NOT NULL, stored INTEGER NOT NULL, edited INTEGER NOT NULL, revoked INTEGER NOT NULL,
	pos INTEGER NOT NULL, failure TEXT, body TEXT, live TEXT, envelope TEXT, raw BLOB);
INSERT INTO messages SELECT num, session, chat, sender, id, from_me, type, text, status, timestamp, stored, edited, revoked, pos,
	iif(failure_code IS NULL, NULL, json_object('code', failure_code, 'detail', failure_detail,
		'retryable', json(iif(failure_retryable, 'true', 'false')))),
	iif(quoted_id IS NULL AND mentions IS NULL AND mime_type IS NULL, NULL, json_object(
		'quoted', json(iif(quoted_id IS NULL, NULL, json_object('id', quoted_id, 'sender', quoted_sender, 'type', quoted_type, 'text', quoted_text))),
		'mentions', json(mentions),
		'media', json(iif(mime_type IS NULL, NULL, json_object('mimeType', mime_type, 'fileName', file_name, 'size', size,
			'seconds', seconds, 'width', width, 'height', height))))),
	NULL, NULL, raw FROM old_messages
	WHERE type NOT IN ('reaction', 'edit', 'revoke', 'pin', 'keep', 'poll_vote', 'ephemeral_setting');
DELETE FROM words WHERE rowid IN (SELECT num FROM old_messages
	WHERE type IN ('reaction', 'edit', 'revoke', 'pin', 'keep', 'poll_vote', 'ephemeral_setting'));
DROP TABLE old_messages;
CREATE UNIQUE INDEX messages_key ON messages (session, chat, id, sender);
CREATE INDEX messages_time ON messages (session, chat, timestamp DESC, pos DESC);
CREATE INDEX messages_age ON messages (session, timestamp, pos);
CREATE INDEX messages_queued ON messages (session, timestamp, pos) WHERE status = 'queued';
`, `
-- What becomes of events that an endpoint refuses; which requests of several were taken; what waits of a chat.
ALTER TABLE webhooks ADD COLUMN on_refusal TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_lane ON deliveries (webhook, session, chat, replay, seq, id) WHERE status IN ('pending', 'failed');
`, `
CREATE TABLE files (
	id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL,
	sha256 BLOB, media TEXT NOT NULL, failure TEXT, handle TEXT, -- JSON
	created INTEGER NOT NULL, updated INTEGER NOT NULL, needed INTEGER NOT NULL);
CREATE INDEX files_owner ON files (owner, id);
CREATE INDEX files_session ON files (session, id);
CREATE INDEX files_sha256 ON files (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX files_needed ON files (needed);
`}

// migrate applies what the file lacks, each step whole or not at all. Another process
// may be doing the same: the version is read again inside the transaction.
func migrate(c *conn, steps []string, log *zap.Logger) error {
	if err := registerTokens(c.db); err != nil {
		return err
	}
	version, _, err := c.number("PRAGMA user_version")
	if err != nil {
		return err
	}
	if version == 0 {
		log = zap.NewNop() // a new file needs nobody's patience
	}
	for {
		done, err := migrateOne(c, steps, log)
		if done || err != nil {
			return err
		}
	}
}

func migrateOne(c *conn, steps []string, log *zap.Logger) (done bool, err error) {
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	defer func() {
		if !c.db.GetAutocommit() {
			_, _ = c.exec("ROLLBACK") // either nothing was written, or err says why
		}
	}()
	version, _, err := c.number("PRAGMA user_version")
	if err != nil {
		return false, err
	}
	switch {
	case version == int64(len(steps)):
		return true, nil
	case version > int64(len(steps)):
		return false, fmt.Errorf("the database has version %d, this program knows only %d: use a newer program", version, len(steps))
	case version == 0:
		tables, _, err := c.number("SELECT count(*) FROM sqlite_schema")
		if err != nil {
			return false, err
		}
		if tables > 0 {
			return false, fmt.Errorf("the file is another program's database: it has %d tables but no version", tables)
		}
	default:
		log.Info("bringing the database up to date; that can take a minute", zap.Int64("from", version), zap.Int64("to", version+1))
	}
	if err := c.db.Exec(steps[version]); err != nil {
		return false, fmt.Errorf("migration %d: %w", version+1, err)
	}
	if err := c.db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
		return false, fmt.Errorf("migration %d: %w", version+1, err)
	}
	_, err = c.exec("COMMIT")
	return false, err
}
