package store_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

func hashes(texts ...string) (all [][]byte) {
	for _, text := range texts {
		sum := sha256.Sum256([]byte(text))
		all = append(all, sum[:])
	}
	return all
}

func TestReactions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		acts    []store.Reaction
		want    []store.Reaction
		changed bool // by the last
	}{
		"first":                   {[]store.Reaction{{By: "a", Emoji: "👍", At: 5}}, []store.Reaction{{By: "a", Emoji: "👍", At: 5}}, true},
		"newer":                   {[]store.Reaction{{By: "a", Emoji: "👍", At: 5}, {By: "a", Emoji: "❤️", At: 6}}, []store.Reaction{{By: "a", Emoji: "❤️", At: 6}}, true},
		"older comes later":       {[]store.Reaction{{By: "a", Emoji: "❤️", At: 6}, {By: "a", Emoji: "👍", At: 5}}, []store.Reaction{{By: "a", Emoji: "❤️", At: 6}}, false},
		"same twice":              {[]store.Reaction{{By: "a", Emoji: "👍", At: 5}, {By: "a", Emoji: "👍", At: 5}}, []store.Reaction{{By: "a", Emoji: "👍", At: 5}}, false},
		"taken back":              {[]store.Reaction{{By: "a", Emoji: "👍", At: 5}, {By: "a", At: 6}}, []store.Reaction{{By: "a", At: 6}}, true},
		"older than the removal":  {[]store.Reaction{{By: "a", At: 6}, {By: "a", Emoji: "👍", At: 5}}, []store.Reaction{{By: "a", At: 6}}, false},
		"two people":              {[]store.Reaction{{By: "a", Emoji: "👍", At: 5}, {By: "b", Emoji: "👍", At: 4}}, []store.Reaction{{By: "a", Emoji: "👍", At: 5}, {By: "b", Emoji: "👍", At: 4}}, true},
		"same moment, other word": {[]store.Reaction{{By: "a", Emoji: "👍", At: 5}, {By: "a", Emoji: "👎", At: 5}}, []store.Reaction{{By: "a", Emoji: "👎", At: 5}}, true},
	} {
		var l store.Live
		changed := false
		for _, r := range c.acts {
			changed = l.React(r)
		}
		require.Equal(t, c.want, l.Reactions, name)
		require.Equal(t, c.changed, changed, name)
	}
}

func TestVotes(t *testing.T) {
	t.Parallel()
	poll := &store.Poll{Options: []store.PollOption{{Text: "A"}, {Text: "B"}, {Text: "A"}, {Text: "odd\ufffd", Hash: []byte("its own")}}}
	var l store.Live
	require.Len(t, poll.All(&l), 3, "two of the same text are one")
	require.True(t, l.Vote(store.Vote{By: "b", Hashes: hashes("A"), At: 1}))
	require.True(t, l.Vote(store.Vote{By: "b", Hashes: hashes("B"), At: 2}))
	require.False(t, l.Vote(store.Vote{By: "b", Hashes: hashes("A"), At: 1}), "the older one came late")
	require.Len(t, l.Votes, 1)
	require.Equal(t, []string{"B"}, poll.Texts(&l, l.Votes[0]))
	require.False(t, l.Vote(store.Vote{By: "b", Sealed: true, At: 2}), "it was read before")
	require.True(t, l.Vote(store.Vote{By: "b", At: 3}), "taken back")
	require.Empty(t, poll.Texts(&l, l.Votes[0]))
	require.True(t, l.Vote(store.Vote{By: "c", Hashes: append(hashes("new", "B"), []byte("its own")), At: 3}))
	require.Equal(t, []string{"B", "odd\ufffd"}, poll.Texts(&l, l.Votes[1]), "what is not an option yet waits")
	require.True(t, l.AddOption(store.PollOption{Text: "new"}))
	require.False(t, l.AddOption(store.PollOption{Text: "new"}))
	twice := store.Vote{Hashes: hashes("A", "A", "no option", "A")}
	require.Equal(t, []string{"A"}, poll.Texts(&l, twice), "an option is chosen once")
	require.Equal(t, []string{"B", "odd\ufffd", "new"}, poll.Texts(&l, l.Votes[1]))
}

func TestOtherActs(t *testing.T) {
	t.Parallel()
	var l store.Live
	require.True(t, l.Empty())
	require.True(t, (*store.Live)(nil).Empty())
	require.True(t, l.Answer(store.Answer{By: "b", Answer: store.AnswerGoing, At: 2}))
	require.False(t, l.Answer(store.Answer{By: "b", Answer: store.AnswerMaybe, At: 1}))
	require.True(t, l.Answer(store.Answer{By: "b", Answer: store.AnswerNotGoing, At: 3}))
	require.Equal(t, []store.Answer{{By: "b", Answer: store.AnswerNotGoing, At: 3}}, l.Answers)
	require.True(t, l.Star(store.Mark{On: true, At: 2}))
	require.False(t, l.Star(store.Mark{At: 1}))
	require.True(t, l.Star(store.Mark{At: 3}))
	require.True(t, l.Keep(store.Mark{On: true, By: "b", At: 2}))
	require.True(t, l.Pin(store.Pin{By: "b", Until: 9, At: 2}))
	require.False(t, l.Pin(store.Pin{By: "b", At: 1}), "taken off before it was put there")
	require.Equal(t, int64(9), l.Pinned.Until)
	require.True(t, l.Move(store.Location{Latitude: 1, Sequence: 2, UpdatedAt: 5}))
	require.False(t, l.Move(store.Location{Latitude: 2, Sequence: 1, UpdatedAt: 6}))
	require.True(t, l.Move(store.Location{Latitude: 3, Sequence: 3, UpdatedAt: 7}))
	require.InDelta(t, 3, l.Location.Latitude, 0)
	require.True(t, l.Replace(store.LiveMedia{ID: "HD", Media: store.Media{Width: 9}, At: 5}))
	require.False(t, l.Replace(store.LiveMedia{ID: "old", At: 4}))
	require.False(t, l.Empty())
	require.True(t, (&store.Content{Links: []store.Link{}}).Empty())
	require.False(t, (&store.Content{ViewOnce: true}).Empty())
}

func TestAPollDoesNotGrowForEver(t *testing.T) {
	t.Parallel()
	var l store.Live
	for i := range 2 * store.MaxPollOptions {
		require.Equal(t, i < store.MaxPollOptions, l.AddOption(store.PollOption{Text: fmt.Sprint(i)}))
	}
}
