package keys

import "strings"

// Tables of a session's device state. Keys are text; values are either the bytes that
// whatsmeow gives (they carry their own format) or begin with a format byte, so that
// another format can live beside. A change that this cannot express gets a new table name.
const (
	tableDevice     = "device"      // "self" → JSON of the linked device
	tableIdentities = "identity"    // signal address → their identity key, 32 bytes
	tableSessions   = "session"     // signal address → Signal session record, as whatsmeow serialises it
	tablePreKeys    = "prekey"      // id as ten digits → format, flags, private key
	tablePreKeyMeta = "prekey-meta" // "counters" → format, next id, highest uploaded id; "unused" → format, how many are uploaded
	tableSenderKeys = "senderkey"   // signal address "/" group → sender key record, as whatsmeow serialises it
	tableSyncKeys   = "appkey"      // key id in hex → format, timestamp, key data, fingerprint
	tableAppState   = "appstate"    // name → format, version, hash
	tableAppMACs    = "appmac"      // name "/" index MAC in base64 → format, version, value MAC
	tableUntold     = "untold"      // name → Unix milliseconds when its version moved first and last, of what whatsmeow has yet to tell
	tableContacts   = "contact"     // JID → JSON of names and redacted phone
	tableSettings   = "chat"        // chat JID → format, flags, muted until
	tableSecrets    = "secret"      // of earlier versions, which kept the secrets of messages here; see DropSecrets
	tableTokens     = "token"       // JID → format, flags, timestamps, privacy token
	tableSalt       = "nct"         // "salt" → NCT salt
	tableBuffer     = "buffer"      // ciphertext hash in base64 → format, times, plaintext until it is handled
	tableOutgoing   = "outgoing"    // chat "/" message id → format, time, kind, message for retries
	tableLIDs       = "lid"         // LID user → phone number user
	tablePNs        = "pn"          // phone number user → LID user

	// memoMigrated is never stored: it marks in the cache the users that were migrated to their LID.
	memoMigrated = "#migrated"
)

// format1 is the first byte of values that begin with a format.
const format1 = 1

// escape keeps "/" apart from the "/" between the parts of a key.
var escape = strings.NewReplacer("%", "%25", "/", "%2F")

// joinKey makes one key of parts, so that no two lists of parts give the same key.
func joinKey(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		if strings.ContainsAny(p, "%/") {
			p = escape.Replace(p)
		}
		b.WriteString(p)
	}
	return b.String()
}
