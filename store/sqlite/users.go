package sqlite

import (
	"context"
	"fmt"

	"whatsapp-api/store"
)

type users struct{ s *Store }

const userColumns = `id, email, name, role, active, password_hash, created, updated, last_login`

func scanUser(r *row) store.User {
	return store.User{
		ID: r.text(), Email: r.text(), Name: r.text(), Role: r.text(), Active: r.bool(),
		PasswordHash: r.text(), CreatedAt: r.time(), UpdatedAt: r.time(), LastLoginAt: r.time(),
	}
}

func activeAdmin(u store.User) bool { return u.Active && u.Role == store.RoleAdmin }

func (u users) Create(ctx context.Context, user store.User) error {
	return u.s.w.write(ctx, "create user", func(c *conn) error {
		n, err := c.exec(`INSERT INTO users (`+userColumns+`) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			user.ID, user.Email, user.Name, user.Role, user.Active, user.PasswordHash,
			user.CreatedAt, user.UpdatedAt, user.LastLoginAt)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return err
	})
}

func (u users) Get(ctx context.Context, id string) (store.User, error) {
	return u.get(ctx, "get user", `id = ?`, id)
}

func (u users) ByEmail(ctx context.Context, email string) (store.User, error) {
	return u.get(ctx, "get user by email", `email = ?`, email)
}

func (u users) get(ctx context.Context, doing, where, arg string) (user store.User, err error) {
	err = u.s.r.read(ctx, doing, func(c *conn) error {
		user, err = getUser(c, where, arg)
		return err
	})
	return user, err
}

func getUser(c *conn, where, arg string) (user store.User, err error) {
	found, err := c.one(func(r *row) { user = scanUser(r) }, `SELECT `+userColumns+` FROM users WHERE `+where, arg)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return user, err
}

func (u users) List(ctx context.Context, p store.Page) (list []store.User, next string, err error) {
	after, err := store.AfterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	err = u.s.r.read(ctx, "list users", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanUser(r))
			return nil
		}, `SELECT `+userColumns+` FROM users WHERE id > ? ORDER BY id LIMIT ?`, after, store.OnePast(p))
	})
	list, next = store.Cut(list, p, func(u store.User) any { return store.IDKey{ID: []byte(u.ID)} })
	return list, next, err
}

func (u users) CountActiveAdmins(ctx context.Context) (n int, err error) {
	err = u.s.r.read(ctx, "count admins", func(c *conn) error {
		n, err = countAdmins(c)
		return err
	})
	return n, err
}

func countAdmins(c *conn) (int, error) {
	n, _, err := c.number(`SELECT count(*) FROM users WHERE role = ? AND active = 1`, store.RoleAdmin)
	return int(n), err
}

// keepAdmin fails when no active admin is left after one was taken away.
func keepAdmin(c *conn) error {
	n, err := countAdmins(c)
	if err == nil && n == 0 {
		err = store.ErrLastAdmin
	}
	return err
}

func (u users) Update(ctx context.Context, id string, change func(*store.User) error) (user store.User, err error) {
	err = u.s.w.write(ctx, "update user", func(c *conn) error {
		user, err = updateUser(c, id, change)
		return err
	})
	if err != nil {
		return store.User{}, err
	}
	return user, nil
}

func updateUser(c *conn, id string, change func(*store.User) error) (store.User, error) {
	user, err := getUser(c, `id = ?`, id)
	if err != nil {
		return user, err
	}
	wasAdmin := activeAdmin(user)
	if err := change(&user); err != nil {
		return user, err
	}
	user.ID = id
	n, err := c.exec(`UPDATE OR IGNORE users SET email=?, name=?, role=?, active=?, password_hash=?,
		created=?, updated=?, last_login=? WHERE id=?`,
		user.Email, user.Name, user.Role, user.Active, user.PasswordHash,
		user.CreatedAt, user.UpdatedAt, user.LastLoginAt, id)
	if err == nil && n == 0 {
		err = store.ErrExists
	}
	if err == nil && wasAdmin && !activeAdmin(user) {
		err = keepAdmin(c)
	}
	if err != nil {
		return user, err
	}
	return getUser(c, `id = ?`, id)
}

func (u users) Delete(ctx context.Context, id string) error {
	var hooks []string
	err := u.s.w.write(ctx, "delete user", func(c *conn) error {
		user, err := getUser(c, `id = ?`, id)
		if err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM users WHERE id = ?`, id); err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM tokens WHERE user = ?`, id); err != nil {
			return err
		}
		if hooks, err = dropWebhooks(c, "owner", id); err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM files WHERE owner = ?`, id); err != nil {
			return err
		}
		if activeAdmin(user) {
			return keepAdmin(c)
		}
		return nil
	})
	for _, hook := range hooks {
		if err == nil {
			err = u.s.dropDeliveries(ctx, hook)
		}
	}
	return err
}
