package app

import (
	"encoding/base64"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// placeIn is the seq in a cursor over one session: behind version, kind, and the session's key.
func placeIn(t *testing.T, cursor string) int64 {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	seq, n := binary.Uvarint(raw[13:])
	require.Equal(t, len(raw[13:]), n)
	return int64(seq)
}

// TestAPlaceDoesNotGrowOld has clients follow what does not happen, while other events go by that
// are no longer kept when the clients come back: they have missed nothing, and are let in.
func TestAPlaceDoesNotGrowOld(t *testing.T) {
	node := startNode(t)
	r := start(t, place{dataDir: t.TempDir()})
	ana, bob := r.link("shop"), phone(t, "Bob")
	before := r.call("GET", "/api/v1/sessions/shop", nil, 200).num("lastSeq")
	wanted := []string{"session_disconnected"}
	ask := object{"type": "subscribe", "events": wanted, "after": object{"shop": before}}
	auth := object{"token": r.token, "events": wanted, "after": object{"shop": before}}
	ws := r.stream(ask)
	ws.until(func(o object) bool { return o.str("type") == "subscribed" })
	io := node.connect(r, "early", ways["websocket"], auth, nil)
	io.until(is("connect"))
	sse := r.sse("?events=session_disconnected", "")
	old := sse.last

	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "goes by"})
	require.NoError(t, err)
	r.awaitEvent("shop", before, named("new_messages"))
	_, err = r.app.store.Log().Prune(t.Context(), "shop", time.Now().Add(time.Hour))
	require.NoError(t, err)
	oldest, _, err := r.app.store.Log().Bounds(t.Context(), "shop")
	require.NoError(t, err)
	require.Less(t, before, oldest-1)
	reached := func(o object) bool { return o.obj("after").num("shop") >= oldest-1 }
	at := ws.until(func(o object) bool { return o.str("type") == "position" && reached(o) })["after"]
	data := io.until(func(o object) bool { return event("position")(o) && reached(o.obj("data")) }).obj("data")
	for placeIn(t, sse.last) < oldest-1 {
		fields, ok := sse.next()
		require.True(t, ok)
		require.NotContains(t, fields, "data")
	}

	require.Equal(t, "cursor_expired", r.call("GET", "/api/v1/events", nil, 410, "Last-Event-ID", old).str("code"))
	require.Equal(t, "cursor_expired", r.stream(ask).until(func(o object) bool { return o.str("type") != "subscribed" }).str("code"))
	refused := node.connect(r, "refused", ways["websocket"], auth, nil).until(is("connect_error"))
	require.Equal(t, "cursor_expired", refused.obj("data").str("code"))

	r.call("POST", "/api/v1/sessions/shop/stop", nil, 200)
	ask["after"], auth["after"] = at, data["after"]
	sse = r.sse("?events=session_disconnected", sse.last)
	ws = r.stream(ask)
	io = node.connect(r, "again", ways["websocket"], auth, nil)
	require.Equal(t, "session_disconnected", sse.event().str("event"))
	ws.until(named("session_disconnected"))
	io.until(event("session_disconnected"))
}
