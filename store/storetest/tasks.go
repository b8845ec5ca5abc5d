package storetest

import (
	"fmt"

	"whatsapp-api/store"
)

func (k *kit) putTasks(session string, changes ...store.TaskChange) {
	k.Helper()
	k.commit(store.Unit{Session: session, Tasks: changes})
}

// todo keeps a task without a payload.
func todo(id, kind string, due int) store.TaskChange {
	return store.TaskChange{Task: store.Task{ID: id, Kind: kind, Due: at(due)}}
}

func (k *kit) taskIDs(session, kind string, limit int) (ids []string) {
	k.Helper()
	list, err := k.st.Tasks().List(k.ctx, session, kind, limit)
	k.NoError(err)
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	return ids
}

var taskCases = []testCase{
	{"missing", func(k *kit) {
		for _, session := range []string{"none", k.session("s")} {
			k.Empty(k.taskIDs(session, "fetch", 5))
			found, err := k.st.Tasks().Get(k.ctx, session, []string{"a", ""})
			k.NoError(err)
			k.Empty(found)
		}
		k.putTasks("s", store.TaskChange{Task: store.Task{ID: "a"}, Done: true}) // nothing to strike off
		k.Empty(k.taskIDs("s", "", 5))
	}},
	{"comes back as it was, and is replaced", func(k *kit) {
		k.session("s")
		k.session("other")
		want := store.Task{ID: "a", Kind: "fetch", Payload: []byte{0, 1, 255}, Due: at(3), Attempt: 2}
		k.putTasks("s", store.TaskChange{Task: want})
		found, err := k.st.Tasks().Get(k.ctx, "s", []string{"a", "b"})
		k.NoError(err)
		k.Equal(map[string]store.Task{"a": want}, found)
		want = store.Task{ID: "a", Kind: "other", Due: at(1)}
		k.putTasks("s", store.TaskChange{Task: want})
		list, err := k.st.Tasks().List(k.ctx, "s", "other", 9)
		k.NoError(err)
		k.Equal([]store.Task{want}, list)
		k.Empty(k.taskIDs("s", "fetch", 9))
		k.Empty(k.taskIDs("other", "other", 9))
	}},
	{"the next due comes first", func(k *kit) {
		k.session("s")
		k.putTasks("s", todo("c", "x", 5), todo("a", "x", 5), todo("z", "x", 1), todo("b", "y", 0), todo("m", "x", 9))
		k.Equal([]string{"z", "a", "c", "m"}, k.taskIDs("s", "x", 9))
		k.Equal([]string{"z", "a"}, k.taskIDs("s", "x", 2))
		k.Empty(k.taskIDs("s", "x", 0))
	}},
	{"kept and struck off with what made them so", func(k *kit) {
		k.session("s")
		m := text("c", "p", "m", at(1), "hello")
		k.commit(store.Unit{Session: "s", Messages: []store.Message{m}, Tasks: []store.TaskChange{todo("a", "x", 1)}})
		_, err := k.st.Log().Commit(k.ctx, store.Unit{
			Session: "s", Messages: []store.Message{m},
			Tasks: []store.TaskChange{{Task: store.Task{ID: "a"}, Done: true}, todo("b", "x", 1)},
		})
		k.ErrorIs(err, store.ErrExists)
		k.Equal([]string{"a"}, k.taskIDs("s", "x", 9))
		k.reopen()
		k.NoError(k.st.Log().Recover(k.ctx, "s"))
		k.Equal([]string{"a"}, k.taskIDs("s", "x", 9))
		k.putTasks("s", todo("a", "x", 4), store.TaskChange{Task: store.Task{ID: "a"}, Done: true})
		k.Empty(k.taskIDs("s", "x", 9), "in order")
		k.putTasks("s", store.TaskChange{Task: store.Task{ID: "a"}, Done: true}, todo("a", "x", 4))
		k.Equal([]string{"a"}, k.taskIDs("s", "x", 9))
	}},
	{"they go with their session", func(k *kit) {
		k.session("s")
		k.session("t")
		for i := range 700 {
			k.putTasks("s", todo(fmt.Sprint(i), "x", i))
		}
		k.putTasks("t", todo("a", "x", 1))
		k.NoError(k.st.Sessions().Delete(k.ctx, "s"))
		k.session("s")
		k.Empty(k.taskIDs("s", "x", 9))
		k.Equal([]string{"a"}, k.taskIDs("t", "x", 9))
	}},
}
