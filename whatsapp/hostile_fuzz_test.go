package whatsapp_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// choices is a source whose every number is one byte of an input, so that a change of a byte changes
// one choice. What comes after them follows from all of them.
type choices struct {
	left []byte
	rest *rand.PCG
}

func newChoices(input []byte) *choices {
	return &choices{input, rand.NewPCG(uint64(crc32.ChecksumIEEE(input)), uint64(len(input)))}
}

// Uint64 implements rand.Source.
func (c *choices) Uint64() uint64 {
	n := c.rest.Uint64()
	if len(c.left) > 0 {
		n = uint64(c.left[0])<<56 | n>>8
		c.left = c.left[1:]
	}
	return n
}

// FuzzStanzas hands a session stanzas of every tag that does not by itself end a connection. Nothing
// panics, nothing that comes is given up, the session stays connected, and an ordinary message arrives
// afterwards.
func FuzzStanzas(f *testing.F) {
	r := run(f, quick())
	s, p := r.link("shop")
	bob := phone(f)
	base := grammar{ids: []string{"3EB0UNKNOWN", ""}}
	var err error
	base.other, err = types.ParseJID(bob.LID())
	require.NoError(f, err)
	base.own, err = types.ParseJID(p.LID())
	require.NoError(f, err)
	for i := range 2 {
		m, err := s.Send(f.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text(fmt.Sprint("hello ", i))})
		require.NoError(f, err)
		base.ids = append(base.ids, m.ID)
	}
	for seed := range uint64(32) {
		g, input := rand.New(rand.NewPCG(seed, 3)), make([]byte, 64)
		for i := range input {
			input[i] = byte(g.IntN(256))
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		g := base
		from := newChoices(input)
		g.Rand = rand.New(from)
		for first := true; first || len(from.left) > 0; first = false {
			_ = s.Stanza(t.Context(), g.stanza()) // some have no binary form
		}
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "after"})
		require.NoError(t, err)
		r.arrives(t, bob.LID(), ids[0])
		require.Equal(t, whatsapp.Connected, s.Snapshot().State)
		require.Zero(t, s.Health().GivenUp, "something was given up")
	})
}

// arrives waits for a message. It may be called inside a fuzz target, where the rig's own test may not
// be used.
func (r *rig) arrives(t *testing.T, address, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		found, err := r.store.Contacts().Find(t.Context(), "shop", []string{address})
		if err != nil {
			return false
		}
		p := found[address]
		m, err := r.store.Messages().Find(t.Context(), "shop", p.Keys(), id)
		return err == nil && m.Text == "after"
	}, 20*time.Second, time.Millisecond)
}
