package mongo

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

// TestLeasesOfADeadProcess are free at once where it is proven dead, and nowhere else.
func TestLeasesOfADeadProcess(t *testing.T) {
	t.Parallel()
	me := thisOne()
	require.NotNil(t, me)
	uri := mongotest.Lone(t)
	ctx := t.Context()
	child := exec.Command("sleep", "1000")
	require.NoError(t, child.Start())
	start, err := startOf(child.Process.Pid)
	require.NoError(t, err)
	owner := *me
	owner.PID, owner.Start = child.Process.Pid, start

	a := openIdle(t, uri)
	other := func(change func(*processDoc)) processDoc {
		p := owner
		change(&p)
		return p
	}
	owners := map[string]any{
		"child":         owner,
		"another boot":  other(func(p *processDoc) { p.Boot = "another" }),
		"another space": other(func(p *processDoc) { p.Space = "pid:[1]" }),
		"unknown":       nil,
		"alive":         *me,
		"reused number": other(func(p *processDoc) { p.PID, p.Start = me.PID, "1" }),
	}
	for id, p := range owners {
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: id}))
		require.NoError(t, a.Leases().Acquire(ctx, id, nil))
		_, err := a.col.sessions.UpdateByID(ctx, id, bson.D{{Key: "$set", Value: bson.D{{Key: "lease.proc", Value: p}}}})
		require.NoError(t, err)
	}
	_, err = a.Duties().Take(ctx, "d")
	require.NoError(t, err)
	_, err = a.col.duties.UpdateByID(ctx, "d", bson.D{{Key: "$set", Value: bson.D{{Key: "lease.proc", Value: owner}}}})
	require.NoError(t, err)

	free, err := openIdle(t, uri).Leases().Free(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"reused number"}, free)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	b := openIdle(t, uri)
	free, err = b.Leases().Free(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"child", "reused number"}, free)
	require.NoError(t, b.Leases().Acquire(ctx, "child", nil))
	_, err = b.Duties().Take(ctx, "d")
	require.NoError(t, err)
}
