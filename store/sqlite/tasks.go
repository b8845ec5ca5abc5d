package sqlite

import (
	"context"

	"whatsapp-api/store"
)

type tasks struct{ s *Store }

const taskColumns = `id, kind, payload, due, attempt`

func scanTask(r *row) store.Task {
	return store.Task{ID: r.text(), Kind: r.text(), Payload: r.blob(), Due: r.time(), Attempt: r.int()}
}

const firstTasks = `SELECT ` + taskColumns + ` FROM tasks WHERE session = ` + sessionNum + ` AND kind = ? ORDER BY due, id LIMIT ?`

func (h tasks) List(ctx context.Context, session, kind string, limit int) (list []store.Task, err error) {
	err = h.s.r.read(ctx, "list tasks", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanTask(r))
			return nil
		}, firstTasks, session, kind, max(limit, 0))
	})
	return list, err
}

func (h tasks) Get(ctx context.Context, session string, ids []string) (map[string]store.Task, error) {
	found := make(map[string]store.Task, len(ids))
	err := h.s.r.read(ctx, "get tasks", func(c *conn) error {
		for _, id := range ids {
			_, err := c.one(func(r *row) { found[id] = scanTask(r) },
				`SELECT `+taskColumns+` FROM tasks WHERE session = `+sessionNum+` AND id = ?`, session, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func putTasks(c *conn, num int64, changes []store.TaskChange) error {
	for _, ch := range changes {
		var err error
		t := ch.Task
		if ch.Done {
			_, err = c.exec(`DELETE FROM tasks WHERE session = ? AND id = ?`, num, t.ID)
		} else {
			_, err = c.exec(`INSERT INTO tasks (session, `+taskColumns+`) VALUES (?1,?2,?3,?4,?5,?6)
				ON CONFLICT (session, id) DO UPDATE SET kind = ?3, payload = ?4, due = ?5, attempt = ?6`,
				num, t.ID, t.Kind, store.Some(t.Payload), t.Due, t.Attempt)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
