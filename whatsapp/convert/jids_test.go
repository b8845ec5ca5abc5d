package convert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"34600112233":                    "34600112233@s.whatsapp.net",
		"+34 600 11 22 33":               "34600112233@s.whatsapp.net",
		"+34-600-11-22-33":               "34600112233@s.whatsapp.net",
		"0034600112233":                  "34600112233@s.whatsapp.net",
		"+44 (0)20 7946 0958":            "442079460958@s.whatsapp.net",
		"\u202a+34\u00a0600112233\u202c": "34600112233@s.whatsapp.net",
		"34600112233@s.whatsapp.net":     "34600112233@s.whatsapp.net",
		"34600112233@c.us":               "34600112233@s.whatsapp.net",
		"34600112233:7@s.whatsapp.net":   "34600112233@s.whatsapp.net",
		"200000000000101@lid":            "200000000000101@lid",
		"200000000000101:3@LID":          "200000000000101@lid",
		"120363000000000000@g.us":        "120363000000000000@g.us",
		"34600112233-1500000000@g.us":    "34600112233-1500000000@g.us",
		"120363000000000000@newsletter":  "120363000000000000@newsletter",
		"status@broadcast":               "status@broadcast",
		"  34600112233  ":                "34600112233@s.whatsapp.net",
	} {
		got, err := ParseAddress(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.String(), text)
	}
	for _, text := range []string{
		"", " ", "hello", "+", "0600112233", "123", "1234567890123456", "+34 600 abc", "@s.whatsapp.net", "x@lid", "1@example.com",
		"34600112233@", "../../etc@g.us", "34600112233@g.us@g.us", "news@broadcast", strings.Repeat("1", 1000), "34600\x00112233", "٣٤٦٠٠١١٢٢٣٣",
	} {
		_, err := ParseAddress(text)
		require.ErrorIs(t, err, ErrAddress, "%q", text)
	}
}

func TestPersonIn(t *testing.T) {
	for text, want := range map[string]string{
		"34600000001@s.whatsapp.net": "34600000001@s.whatsapp.net", "34600000001:7@s.whatsapp.net": "34600000001@s.whatsapp.net", "1@c.us": "1@s.whatsapp.net",
		"200000000000101:3@lid": "200000000000101@lid", "1@hosted": "1@s.whatsapp.net", "1@hosted.lid": "1@lid",
	} {
		jid, ok := PersonIn(text)
		require.True(t, ok, text)
		require.Equal(t, want, jid.String())
	}
	for _, text := range []string{"", "@lid", "x@lid", "1\x00@lid", "\xff@s.whatsapp.net", "1@g.us", "status@broadcast", "1@bot", strings.Repeat("1", 200) + "@lid"} {
		_, ok := PersonIn(text)
		require.False(t, ok, text)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"+34 600 11 22 33", "1@lid", "1-2@g.us", "status@broadcast", "00", "@", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		jid, err := ParseAddress(text)
		if err != nil {
			require.ErrorIs(t, err, ErrAddress)
			return
		}
		again, err := ParseAddress(jid.String())
		require.NoError(t, err, "%q became %q", text, jid)
		require.Equal(t, jid, again)
		require.Zero(t, jid.Device)
	})
}

func TestKinds(t *testing.T) {
	for text, want := range map[string]string{
		"34600112233@s.whatsapp.net": store.ChatPerson, "1@lid": store.ChatPerson, "1@g.us": store.ChatGroup,
		"1@newsletter": store.ChatChannel, "status@broadcast": store.ChatStatus, "1@broadcast": store.ChatBroadcast,
	} {
		jid, err := types.ParseJID(text)
		require.NoError(t, err)
		require.Equal(t, want, KindOf(jid), text)
	}
	require.Equal(t, "1@lid", Plain(types.JID{User: "1", Device: 4, Server: types.HostedLIDServer}).String())
	require.Equal(t, "1@s.whatsapp.net", Plain(types.JID{User: "1", Device: 4, Server: types.HostedServer}).String())
	require.Equal(t, "+34600112233", PhoneOf("34600112233@s.whatsapp.net"))
	require.Empty(t, PhoneOf("34600112233@lid"))
}
