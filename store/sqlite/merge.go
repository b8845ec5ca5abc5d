package sqlite

import "whatsapp-api/store"

// merge moves chat m.From into chat m.To.
func merge(c *conn, session int64, m store.ChatMerge) error {
	if m.From == m.To {
		return nil
	}
	if err := mergeMessages(c, session, m); err != nil {
		return err
	}
	if err := mergeReceipts(c, session, m); err != nil {
		return err
	}
	if err := mergeChat(c, session, m); err != nil {
		return err
	}
	return mergeContact(c, session, m)
}

// mergeMessages moves the messages; one that To has already is dropped.
func mergeMessages(c *conn, session int64, m store.ChatMerge) error {
	err := deleteMessagesOnly(c, `SELECT old.num FROM messages old WHERE old.session = ?1 AND old.chat = ?2
		AND EXISTS (SELECT 1 FROM messages new WHERE new.session = ?1 AND new.chat = ?3 AND new.id = old.id
			AND new.sender = CASE old.sender WHEN ?2 THEN ?3 ELSE old.sender END)`, session, m.From, m.To)
	if err != nil {
		return err
	}
	// From may hold the same id from From and from To, which become one: the newer goes.
	err = deleteMessagesOnly(c, `SELECT max(num) FROM messages WHERE session = ?1 AND chat = ?2
		AND sender IN (?2, ?3) GROUP BY id HAVING count(*) > 1`, session, m.From, m.To)
	if err != nil {
		return err
	}
	type text struct {
		num  int64
		text string
	}
	var moved []text
	err = c.query(func(r *row) error {
		moved = append(moved, text{r.int64(), r.text()})
		return nil
	}, `SELECT num, text FROM messages WHERE session = ? AND chat = ?`, session, m.From)
	if err != nil {
		return err
	}
	for _, t := range moved {
		_, err := c.exec(`UPDATE messages SET chat = ?2, sender = CASE sender WHEN ?1 THEN ?2 ELSE sender END,
			quoted_sender = CASE quoted_sender WHEN ?1 THEN ?2 ELSE quoted_sender END WHERE num = ?3`, m.From, m.To, t.num)
		if err != nil {
			return err
		}
		if err := unindexText(c, t.num); err != nil {
			return err
		}
		if err := indexText(c, t.num, session, m.To, t.text); err != nil {
			return err
		}
	}
	return nil
}

// deleteMessagesOnly deletes the found messages and leaves their receipts to be moved.
func deleteMessagesOnly(c *conn, find string, args ...any) error {
	var nums []int64
	err := c.query(func(r *row) error {
		nums = append(nums, r.int64())
		return nil
	}, find, args...)
	for _, num := range nums {
		if err == nil {
			err = unindexText(c, num)
		}
		if err == nil {
			_, err = c.exec(`DELETE FROM messages WHERE num = ?`, num)
		}
	}
	return err
}

// mergeReceipts moves the receipts; one that is there already is dropped.
func mergeReceipts(c *conn, session int64, m store.ChatMerge) error {
	_, err := c.exec(`UPDATE OR IGNORE receipts SET chat = ?3,
		sender = CASE sender WHEN ?2 THEN ?3 ELSE sender END, person = CASE person WHEN ?2 THEN ?3 ELSE person END
		WHERE session = ?1 AND chat = ?2`, session, m.From, m.To)
	if err == nil {
		_, err = c.exec(`DELETE FROM receipts WHERE session = ? AND chat = ?`, session, m.From)
	}
	return err
}

// mergeChat makes one chat of two. What To does not say is taken from From; a flag
// always says something.
func mergeChat(c *conn, session int64, m store.ChatMerge) error {
	_, err := c.exec(`INSERT INTO chats (session, id, kind, name, words, unread, archived, pinned, muted_until, activity)
		SELECT session, ?3, ifnull(nullif(?4, ''), kind), name, words, unread, archived, pinned, muted_until, activity
		FROM chats WHERE session = ?1 AND id = ?2
		ON CONFLICT (session, id) DO UPDATE SET
		kind = CASE ?4 WHEN '' THEN kind ELSE ?4 END,
		name = CASE name WHEN '' THEN excluded.name ELSE name END,
		words = CASE name WHEN '' THEN excluded.words ELSE words END,
		unread = unread + excluded.unread,
		muted_until = CASE muted_until WHEN ?5 THEN excluded.muted_until ELSE muted_until END,
		activity = max(activity, excluded.activity)`, session, m.From, m.To, m.Kind, never)
	if err == nil {
		_, err = c.exec(`DELETE FROM chats WHERE session = ? AND id = ?`, session, m.From)
	}
	return err
}

func mergeContact(c *conn, session int64, m store.ChatMerge) error {
	var from store.Contact
	found, err := c.one(func(r *row) { from = scanContact(r, "") },
		`SELECT `+contactColumns+` FROM contacts WHERE session = ? AND id = ?`, session, m.From)
	if err != nil || !found {
		return err
	}
	// From goes first: its phone and LID must be free before To can have them.
	if _, err := c.exec(`DELETE FROM contacts WHERE session = ? AND id = ?`, session, m.From); err != nil {
		return err
	}
	_, err = c.exec(`INSERT INTO contacts (session, id, phone, lid, name, push_name, business_name) VALUES (?1,?2,?3,?4,?5,?6,?7)
		ON CONFLICT (session, id) DO UPDATE SET
		phone = CASE phone WHEN '' THEN ?3 ELSE phone END, lid = CASE lid WHEN '' THEN ?4 ELSE lid END,
		name = CASE name WHEN '' THEN ?5 ELSE name END, push_name = CASE push_name WHEN '' THEN ?6 ELSE push_name END,
		business_name = CASE business_name WHEN '' THEN ?7 ELSE business_name END`,
		session, m.To, from.Phone, from.LID, from.Name, from.PushName, from.BusinessName)
	return err
}
