package sandbox

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// readEvents follows /sandbox/events and hands each event on, until the test ends.
func readEvents(t *testing.T, url string) (next func(kind string) Happening, res *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url+"/sandbox/events", nil)
	require.NoError(t, err)
	res = do(t, req)
	t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := bufio.NewScanner(res.Body)
	require.True(t, lines.Scan()) // the first comment: from here on nothing is missed
	return func(kind string) Happening {
		t.Helper()
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var h Happening
			require.NoError(t, json.Unmarshal([]byte(data), &h))
			if h.Kind == kind {
				return h
			}
		}
		t.Fatalf("the stream ended before %s: %v", kind, lines.Err())
		return Happening{}
	}, res
}

// All that happens can be followed, and what is about a person can be done over the routes.
func TestControlEvents(t *testing.T) {
	_, url := controlServer(t)
	next, _ := readEvents(t, url)
	of := func(number, path string) string { return url + "/sandbox/phones/" + number + path }
	require.Equal(t, 201, call(t, "POST", url+"/sandbox/phones", map[string]string{"phone": "12025550100", "name": "Ann"}, nil))
	require.Equal(t, "+12025550100", next(PhoneCreated).Phone)
	require.Equal(t, 201, call(t, "POST", url+"/sandbox/phones", map[string]string{"phone": "12025550101", "name": "Bob"}, nil))
	require.Equal(t, 201, call(t, "POST", of("12025550100", "/messages"), map[string]string{"to": "12025550101", "text": "hi", "id": "M1"}, nil))
	sent := next(MessageSent)
	require.Equal(t, "M1", sent.Data.(map[string]any)["id"])
	got := next(MessageGot)
	require.Equal(t, []any{"+12025550101", "hi", sent.N + 1}, []any{got.Phone, got.Data.(map[string]any)["text"], got.N})
	require.Equal(t, "delivered", next(ReceiptGot).Data.(map[string]any)["type"])

	var phone phoneOut
	require.Equal(t, 200, call(t, "POST", of("12025550101", "/rename"), map[string]string{"name": "Robert"}, &phone))
	require.Equal(t, "Robert", phone.Name)
	require.Equal(t, "Robert", next(PhoneChanged).Data.(map[string]any)["name"])
	require.Equal(t, 200, call(t, "POST", of("12025550101", "/read-receipts"), map[string]bool{"on": false}, &phone))
	require.False(t, phone.ReadReceipts)
	require.Equal(t, false, next(PhoneChanged).Data.(map[string]any)["readReceipts"])
	require.Equal(t, 200, call(t, "POST", of("12025550101", "/power"), map[string]bool{"on": false}, &phone))
	require.False(t, phone.On)
	require.Equal(t, false, next(PhoneChanged).Data.(map[string]any)["on"])
	var p refused
	require.Equal(t, 409, call(t, "POST", of("12025550101", "/messages"), map[string]string{"to": "12025550100", "text": "x"}, &p))
	require.Equal(t, "phone_off", p.Code)
	require.Equal(t, 422, call(t, "POST", of("12025550101", "/power"), map[string]string{}, nil))

	var listed struct{ Data []Sent }
	require.Equal(t, 200, call(t, "GET", of("12025550100", "/sent?after=0&wait=30"), nil, &listed))
	require.Equal(t, "M1", listed.Data[0].ID)
	var chats struct{ Data []Chat }
	require.Equal(t, 200, call(t, "GET", of("12025550100", "/chats"), nil, &chats))
	require.Equal(t, "Robert", chats.Data[0].Title)
	var g Group
	require.Equal(t, 201, call(t, "POST", url+"/sandbox/groups", NewGroup{Subject: "Club", Owner: "12025550100", Participants: []string{"12025550101"}}, &g))
	require.Equal(t, g.ID, next(GroupCreated).Data.(map[string]any)["id"])
	require.Equal(t, 204, call(t, "DELETE", of("12025550101", ""), nil, nil))
	require.Len(t, next(GroupChanged).Data.(map[string]any)["participants"], 1)
	require.Equal(t, "+12025550101", next(PhoneDeleted).Phone)
	require.Equal(t, 404, call(t, "DELETE", of("12025550101", ""), nil, nil))
	require.Equal(t, 204, call(t, "DELETE", url+"/sandbox/phones", nil, nil))
	next(PhoneDeleted)
}

// Who does not read what he follows is cut; whoever leaves, or the server's end, ends it.
func TestFollowersEnd(t *testing.T) {
	s, url := controlServer(t)
	slow, stop := s.Follow()
	ann := newPhone(t, s, "12025550100", "Ann")
	for range followed {
		s.happened(TypingSeen, ann.account, nil)
	}
	for range followed {
		<-slow
	}
	_, ok := <-slow
	require.False(t, ok, "it has missed something")
	stop()
	head, err := http.NewRequestWithContext(within(t), http.MethodHead, url+"/sandbox/events", nil)
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", do(t, head).Header.Get("Content-Type"))
	_, res := readEvents(t, url)
	require.NoError(t, res.Body.Close())
	require.Eventually(t, func() bool {
		s.happened(TypingSeen, ann.account, nil)
		return s.happenings.count.Load() == 0
	}, patience, 5*time.Millisecond)

	readEvents(t, url)
	require.NoError(t, s.Close())
	require.Eventually(t, func() bool { return s.happenings.count.Load() == 0 }, patience, 5*time.Millisecond)
}
