package sandbox

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// dataOf makes a folder with the data that a program of an older version has kept: Ann with one
// linked client that is away, Bob, and a group of both that Bob made.
func dataOf(t *testing.T, version int) string {
	t.Helper()
	dir := t.TempDir()
	raw, err := os.ReadFile(fmt.Sprintf("testdata/version-%d.db", version))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), raw, 0o600))
	return dir
}

// alter changes the data in a folder by hand.
func alter(t *testing.T, dir, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, dataFile))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Exec(statement, args...)
	require.NoError(t, err)
}

func openData(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t)})
	require.NoError(t, err)
	return s
}

// Data of each older version are all there after an upgrade, and what was begun goes on.
func TestOlderData(t *testing.T) {
	for version := 1; version < dataVersion; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			dir := dataOf(t, version)
			for range 2 { // the second time they are of the newest version
				s := openData(t, dir)
				olderDataIsThere(t, s)
				require.NoError(t, s.Close())
			}
		})
	}
}

func olderDataIsThere(t *testing.T, s *Server) {
	t.Helper()
	ann, bob := mustPhone(t, s, "12025550100"), mustPhone(t, s, "12025550101")
	require.Equal(t, []int{1}, ann.Devices())
	require.Equal(t, "Ann", ann.Name())
	require.Len(t, s.Groups(), 1)
	club := s.Groups()[0].ID
	chats := map[string]string{}
	for _, m := range ann.Messages(0)[:4] {
		chats[m.ID] = m.Chat
	}
	require.Equal(t, map[string]string{"BOB1": bob.Number(), "BOB2": bob.Number(), "BOB3": club, "BOB5": bob.Number()}, chats)
	require.GreaterOrEqual(t, ann.Waiting(), 1, "what waits for the client that is away")
	waitReceipt(t, bob, func(r Receipt) bool { return r.Type == "read" && r.IDs[0] == "BOB1" })

	// What was sent and received before is still what things can be about.
	ctx := within(t)
	for to, id := range map[string]string{ann.Number(): "BOB1", club: "BOB3", bob.Number(): "BOB4"} {
		done, err := bob.Edit(ctx, to, id, "edited after the upgrade")
		require.NoError(t, err)
		if to != bob.Number() {
			require.Equal(t, id, waitMessage(t, ann, func(m Received) bool { return m.ID == done }).TargetID)
		}
	}
	_, err := bob.React(ctx, ann.Number(), "ANN1", "👍")
	require.NoError(t, err)
	_, err = ann.React(ctx, club, "BOB3", "👍")
	require.NoError(t, err)
	sent := map[string]string{}
	for i, m := range bob.Sent(0) {
		require.Equal(t, i+1, m.N)
		sent[m.ID] = m.Chat + ": " + m.Text
	}
	require.Equal(t, ann.Number()+": to Ann", sent["BOB1"])
	require.Equal(t, club+": to the club", sent["BOB3"])
	require.Equal(t, bob.Number()+": to myself", sent["BOB4"])
}

// Data that cannot be read stay as they are, and the error says where they are and what to do.
func TestDataThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"newer": func(t *testing.T, dir string) {
			alter(t, dir, `INSERT INTO kv (k, v) VALUES ('version', ?)`, []byte(fmt.Sprint(dataVersion+1)))
		},
		"version of no kind": func(t *testing.T, dir string) {
			alter(t, dir, `INSERT INTO kv (k, v) VALUES ('version', ?)`, []byte("new"))
		},
		"no database": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), []byte("this is a text, and a long one, so that it is no empty database"), 0o600))
		},
		"phone without keys": func(t *testing.T, dir string) {
			alter(t, dir, `UPDATE kv SET v = ? WHERE k LIKE 'phone/%'`, []byte("{}"))
		},
		"phone without its record": func(t *testing.T, dir string) { alter(t, dir, `DELETE FROM kv WHERE k LIKE 'phone/%'`) },
		"record that is no JSON": func(t *testing.T, dir string) {
			alter(t, dir, `UPDATE kv SET v = ? WHERE k LIKE 'sent/%'`, []byte("{"))
		},
		"server keys of some sort": func(t *testing.T, dir string) { alter(t, dir, `UPDATE kv SET v = ? WHERE k = 'server'`, []byte("1")) },
		"message that is no object": func(t *testing.T, dir string) {
			alter(t, dir, `UPDATE kv SET v = ? WHERE k LIKE 'received/%'`, []byte("7"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := dataOf(t, 1)
			spoil(t, dir)
			_, err := Open(Config{Root: rootKey(), DataDir: dir})
			require.ErrorIs(t, err, ErrData)
			require.ErrorContains(t, err, dir)
			require.ErrorContains(t, err, "begin anew")
			_, err = Open(Config{Root: rootKey(), DataDir: dir})
			require.ErrorIs(t, err, ErrData, "nothing was made of it meanwhile")

			require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o600))
			s, err := Open(Config{Root: rootKey(), DataDir: dir, Fresh: true})
			require.NoError(t, err)
			require.Empty(t, s.Phones())
			require.NoError(t, s.Close())
			require.FileExists(t, filepath.Join(dir, "mine.txt"))
		})
	}
}
