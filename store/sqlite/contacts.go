package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"whatsapp-api/store"
)

type contacts struct{ s *Store }

const contactColumns = `id, phone, lid, name, push_name, business_name, same_as, also`

func scanContact(r *row, session string) (store.Contact, error) {
	c := store.Contact{
		SessionID: session, ID: r.text(), Phone: r.text(), LID: r.text(),
		Name: r.text(), PushName: r.text(), BusinessName: r.text(), SameAs: r.text(),
	}
	return c, decode(r.blob(), &c.Also)
}

// decode reads what encode wrote; nothing leaves v as it is.
func decode(raw []byte, v any) error {
	if raw == nil {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%T: %w", v, err)
	}
	return nil
}

// encode writes a record as JSON, and NULL for none.
func encode[T any](v *T) any {
	if v == nil {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil { // records are plain values
		panic(fmt.Sprintf("sqlite: %T: %v", v, err))
	}
	return string(raw)
}

// encodeList is encode for a list, which is NULL when it is empty.
func encodeList(list []string) any {
	if len(list) == 0 {
		return nil
	}
	return encode(&list)
}

// contactOf is the record with this id, or the one that stands for its person. One step is enough:
// whoever joins two records makes all that stood for the one stand for the other.
func contactOf(c *conn, num int64, session, id string) (contact store.Contact, found bool, err error) {
	for range 2 {
		found = false
		err = c.query(func(r *row) (err error) {
			found = true
			contact, err = scanContact(r, session)
			return err
		}, `SELECT `+contactColumns+` FROM contacts WHERE session = ? AND id = ?`, num, id)
		if err != nil || !found || contact.SameAs == "" {
			break
		}
		id = contact.SameAs
	}
	return contact, found, err
}

func (h contacts) Get(ctx context.Context, session string, ids []string) (map[string]store.Contact, error) {
	return h.many(ctx, "get contacts", session, ids, func(c *conn, num int64, id string) (string, bool, error) { return id, true, nil })
}

func (h contacts) Find(ctx context.Context, session string, jids []string) (map[string]store.Contact, error) {
	return h.many(ctx, "find contacts", session, jids, func(c *conn, num int64, jid string) (id string, found bool, err error) {
		found, err = c.one(func(r *row) { id = r.text() }, `SELECT contact FROM aliases WHERE session = ? AND jid = ?`, num, jid)
		return id, found, err
	})
}

// many returns those that which finds the ids of.
func (h contacts) many(ctx context.Context, doing, session string, asked []string,
	which func(c *conn, num int64, asked string) (id string, found bool, err error),
) (map[string]store.Contact, error) {
	many := make(map[string]store.Contact, len(asked))
	err := h.s.r.read(ctx, doing, func(c *conn) error {
		num, found, err := findSession(c, session)
		if err != nil || !found {
			return err
		}
		for _, one := range asked {
			id, found, err := which(c, num, one)
			if err != nil || !found {
				if err != nil {
					return err
				}
				continue
			}
			contact, found, err := contactOf(c, num, session, id)
			if err != nil {
				return err
			}
			if found {
				many[one] = contact
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return many, nil
}

func (h contacts) List(ctx context.Context, session string, p store.Page) (list []store.Contact, next string, err error) {
	after, err := store.AfterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list contacts: %w", err)
	}
	err = h.s.r.read(ctx, "list contacts", func(c *conn) error {
		return c.query(func(r *row) error {
			contact, err := scanContact(r, session)
			list = append(list, contact)
			return err
		}, `SELECT `+contactColumns+` FROM contacts WHERE session = `+sessionNum+` AND id > ? AND same_as = '' ORDER BY id LIMIT ?`,
			session, after, store.OnePast(p))
	})
	list, next = store.Cut(list, p, func(contact store.Contact) any { return store.IDKey{ID: []byte(contact.ID)} })
	return list, next, err
}

func putContacts(c *conn, num int64, updates []store.ContactUpdate) error {
	for _, u := range updates {
		if err := claim(c, num, u); err != nil {
			return err
		}
		_, err := c.exec(`INSERT INTO contacts (session, `+contactColumns+`)
			VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT (session, id) DO UPDATE SET
			phone = CASE ?3 WHEN '' THEN phone ELSE ?3 END, lid = CASE ?4 WHEN '' THEN lid ELSE ?4 END,
			name = CASE ?5 WHEN '' THEN name ELSE ?5 END, push_name = CASE ?6 WHEN '' THEN push_name ELSE ?6 END,
			business_name = CASE ?7 WHEN '' THEN business_name ELSE ?7 END,
			same_as = CASE ?8 WHEN '' THEN same_as ELSE ?8 END, also = ifnull(?9, also)`,
			num, u.ID, u.Phone, u.LID, u.Name, u.PushName, u.BusinessName, u.SameAs, encodeList(u.Also))
		if err != nil {
			return err
		}
	}
	return nil
}

// claim makes the addresses in an update those of its person, and of nobody else.
func claim(c *conn, num int64, u store.ContactUpdate) error {
	for _, a := range []struct{ column, jid string }{{"phone", u.Phone}, {"lid", u.LID}} {
		if a.jid == "" {
			continue
		}
		var owner string
		found, err := c.one(func(r *row) { owner = r.text() }, `SELECT contact FROM aliases WHERE session = ? AND jid = ?`, num, a.jid)
		if err == nil && found && owner != u.ID {
			_, err = c.exec(`UPDATE contacts SET `+a.column+` = '' WHERE session = ? AND id = ? AND `+a.column+` = ?`, num, owner, a.jid)
		}
		if err == nil && (!found || owner != u.ID) {
			_, err = c.exec(`INSERT INTO aliases (session, jid, contact) VALUES (?1,?2,?3)
				ON CONFLICT (session, jid) DO UPDATE SET contact = ?3`, num, a.jid, u.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
