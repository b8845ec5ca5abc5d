package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

func controlServer(t *testing.T) (*Server, string) {
	t.Helper()
	s := openServer(t)
	web := httptest.NewServer(s.Control())
	t.Cleanup(web.Close)
	return s, web.URL
}

func TestControlWholeStory(t *testing.T) {
	s, url := controlServer(t)
	info, err := Fetch(within(t), url)
	require.NoError(t, err)
	require.Equal(t, s.Info(), info)

	var ann, bob phoneOut
	require.Equal(t, 201, call(t, "POST", url+"/sandbox/phones", map[string]string{"phone": "+12025550100", "name": "Ann"}, &ann))
	require.Equal(t, 201, call(t, "POST", url+"/sandbox/phones", map[string]string{"phone": "12025550101"}, &bob))
	require.Equal(t, "+12025550100", ann.Phone)
	require.True(t, strings.HasSuffix(ann.LID, "@lid"))
	require.Equal(t, "+12025550101", bob.Name)

	c := newClient(t, info)
	require.NoError(t, c.Connect())
	qr := waitEvents[*events.QR](c, 1, nil)[0]
	of := func(number, path string) string { return url + "/sandbox/phones/" + number + path }
	var linked struct{ Device int }
	require.Equal(t, 200, call(t, "POST", of("12025550100", "/scan"), map[string]string{"qr": qr.Codes[0]}, &linked))
	require.Equal(t, 1, linked.Device)
	waitEvents[*events.Connected](c, 1, nil)
	var p refused
	require.Equal(t, 409, call(t, "POST", of("12025550100", "/scan"), map[string]string{"qr": qr.Codes[1]}, &p))
	require.Equal(t, "qr_used", p.Code)

	var sent struct{ ID string }
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/messages"), map[string]any{"to": "+12025550100", "text": "hello", "id": "FIXED"}, &sent))
	require.Equal(t, "FIXED", sent.ID)
	require.Equal(t, "FIXED", c.messages(1)[0].Info.ID)
	var many struct{ IDs []string }
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/messages"), map[string]any{"to": "+12025550100", "text": "{n}", "count": 3}, &many))
	require.Len(t, many.IDs, 3)

	answer := c.say(jidOf(mustPhone(t, s, "12025550101")), "answer")
	var got struct{ Data []Received }
	require.Equal(t, 200, call(t, "GET", of("12025550101", "/messages?after=0&wait=30"), nil, &got))
	require.Equal(t, "answer", got.Data[0].Text)
	var none struct{ Data []Received }
	require.Equal(t, 200, call(t, "GET", of("12025550101", "/messages?after=1"), nil, &none))
	require.NotNil(t, none.Data)
	require.Empty(t, none.Data)

	to := map[string]any{"to": "12025550100"}
	with := func(more map[string]any) map[string]any {
		for k, v := range to {
			more[k] = v
		}
		return more
	}
	require.Equal(t, 204, call(t, "POST", of("12025550101", "/read"), with(map[string]any{"ids": []string{answer.ID}}), nil))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/react"), with(map[string]any{"id": answer.ID, "emoji": "👍"}), nil))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/edit"), with(map[string]any{"id": "FIXED", "text": "better"}), nil))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/edit"), with(map[string]any{"id": "FIXED", "text": "best", "secret": true}), nil))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/messages"), with(map[string]any{"id": "POLL", "poll": Poll{Name: "?", Options: []string{"a", "b"}}}), nil))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/vote"), with(map[string]any{"id": "POLL", "options": []string{"a"}}), nil))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/messages"), with(map[string]any{"proto": map[string]any{"conversation": "x"}}), nil))
	require.Equal(t, 204, call(t, "POST", of("12025550101", "/receipts"), with(map[string]any{"type": "read", "ids": []string{"A", "A"}, "attrs": map[string]any{"t": nil}}), nil))
	for route, more := range map[string]map[string]any{"/archive": nil, "/pin": {"on": false}, "/mark-read": {"on": true}, "/mute": {"seconds": 60}} {
		body := map[string]any{"to": "+12025550101"}
		maps.Copy(body, more)
		require.Equal(t, 204, call(t, "POST", of("12025550100", route), body, nil), route)
	}
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/revoke"), with(map[string]any{"id": "FIXED"}), nil))
	require.Equal(t, 204, call(t, "POST", of("12025550101", "/typing"), with(map[string]any{"state": "composing"}), nil))
	require.Equal(t, 204, call(t, "POST", of("12025550101", "/presence"), map[string]any{"available": true}, nil))
	waitEvents[*events.ChatPresence](c, 1, nil)

	var g Group
	require.Equal(t, 201, call(t, "POST", url+"/sandbox/groups", NewGroup{Subject: "Club", Owner: "12025550101", Participants: []string{"+12025550100"}}, &g))
	require.Equal(t, 201, call(t, "POST", of("12025550101", "/messages"), map[string]any{"to": g.ID, "text": "to the group"}, nil))
	require.Equal(t, 200, call(t, "POST", url+"/sandbox/groups/"+g.ID+"/promote", map[string]any{"by": "12025550101", "phones": []string{"12025550100"}}, &g))
	require.Equal(t, RoleAdmin, g.Participants[1].Role)
	require.Equal(t, 200, call(t, "POST", url+"/sandbox/groups/"+g.ID+"/subject", map[string]any{"by": "12025550100", "subject": "Pub"}, &g))
	require.Equal(t, 200, call(t, "POST", url+"/sandbox/groups/"+g.ID+"/leave", map[string]any{"by": "12025550100"}, nil))
	require.Equal(t, 200, call(t, "GET", url+"/sandbox/groups/"+g.ID, nil, &g))
	require.Len(t, g.Participants, 1)
	var groups struct{ Data []Group }
	require.Equal(t, 200, call(t, "GET", url+"/sandbox/groups", nil, &groups))
	require.Equal(t, []Group{g}, groups.Data)

	var receipts struct{ Data []Receipt }
	require.Equal(t, 200, call(t, "GET", of("12025550101", "/receipts?wait=30"), nil, &receipts))
	require.NotEmpty(t, receipts.Data)
	require.Equal(t, 200, call(t, "GET", of("12025550101", "/typing"), nil, nil))

	var stats Stats
	require.Equal(t, 200, call(t, "GET", url+"/sandbox/stats", nil, &stats))
	require.Equal(t, 2, stats.Phones)
	require.Equal(t, 1, stats.Devices)
	require.Positive(t, stats.FramesOut)

	require.Equal(t, 204, call(t, "POST", url+"/sandbox/faults", []Fault{{Kind: FaultRepeat, Count: 2}, {Kind: FaultAckLost}}, nil))
	var faults struct{ Data []Fault }
	require.Equal(t, 200, call(t, "GET", url+"/sandbox/faults", nil, &faults))
	require.Len(t, faults.Data, 2)
	require.Equal(t, 204, call(t, "DELETE", url+"/sandbox/faults", nil, nil))
	require.Equal(t, 204, call(t, "POST", url+"/sandbox/faults", Fault{Kind: FaultCut}, nil))

	require.Equal(t, 204, call(t, "POST", of("12025550100", "/devices/1/logout"), nil, nil))
	waitEvents[*events.LoggedOut](c, 1, nil)
	require.Equal(t, 200, call(t, "GET", of("12025550100", ""), nil, &ann))
	require.Empty(t, ann.Devices)
	var phones struct{ Data []phoneOut }
	require.Equal(t, 200, call(t, "GET", url+"/sandbox/phones", nil, &phones))
	require.Len(t, phones.Data, 2)
}

func mustPhone(t *testing.T, s *Server, number string) *Phone {
	t.Helper()
	p, err := s.Phone(number)
	require.NoError(t, err)
	return p
}

func TestControlRefusals(t *testing.T) {
	s, url := controlServer(t)
	newPhone(t, s, "12025550100", "Ann")
	newPhone(t, s, "12025550101", "Bob")
	for _, row := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "/phones", `{"phone":"12025550100","name":"Again"}`, 409, "phone_taken"},
		{"POST", "/phones", `{"phone":"0123"}`, 422, "phone_invalid"},
		{"POST", "/phones", `{"phone":"call me maybe"}`, 422, "phone_invalid"},
		{"POST", "/phones", `{"phone":"1234567890123456"}`, 422, "phone_invalid"},
		{"POST", "/phones", `{"phone":"12025550102","name":"` + strings.Repeat("x", 101) + `"}`, 422, "invalid"},
		{"POST", "/phones", `{"phone":"12025550102","nmae":"Eve"}`, 400, "bad_body"},
		{"POST", "/phones", `{"phone":12025550102}`, 400, "bad_body"},
		{"POST", "/phones", ``, 400, "bad_body"},
		{"POST", "/phones", `{"phone":"12025550102"} and more`, 400, "bad_body"},
		{"POST", "/phones", `{"phone":"` + strings.Repeat("1", maxBody) + `"}`, 413, "body_too_large"},
		{"GET", "/phones/12025550199", ``, 404, "no_phone"},
		{"GET", "/phones/12025550199/messages", ``, 404, "no_phone"},
		{"GET", "/phones/12025550100/messages?after=x", ``, 422, "invalid"},
		{"GET", "/phones/12025550100/messages?after=-1", ``, 422, "invalid"},
		{"GET", "/phones/12025550100/messages?wait=NaN", ``, 422, "invalid"},
		{"GET", "/phones/12025550100/messages?wait=900", ``, 422, "invalid"},
		{"GET", "/phones/12025550100/messages?limit=1", ``, 422, "invalid"},
		{"POST", "/phones/12025550100/scan", `{"qr":"hello"}`, 422, "qr_invalid"},
		{"POST", "/phones/12025550100/scan", `{"qr":"2@x,` + strings.Repeat("A", 43) + `=,` + strings.Repeat("A", 43) + `=,` + strings.Repeat("A", 43) + `=,1"}`, 410, "qr_stale"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550199","text":"x"}`, 404, "no_phone"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101","text":"x","count":100001}`, 422, "invalid"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101","text":"x","count":-1}`, 422, "invalid"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101","text":"x","count":2,"id":"A"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101","text":"x","type":"hologram"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101","text":"x","addressing":"x"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/read", `{"to":"12025550101","ids":["A"]}`, 404, "no_message"},
		{"POST", "/phones/12025550100/read", `{"to":"12025550101"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/react", `{"to":"12025550101","id":"A","emoji":"x"}`, 404, "no_message"},
		{"POST", "/phones/12025550100/react", `{"to":"12025550101","id":"A","text":"x"}`, 400, "bad_body"},
		{"POST", "/phones/12025550100/edit", `{"to":"12025550101","id":"A","text":"x"}`, 404, "no_message"},
		{"POST", "/phones/12025550100/edit", `{"to":"12025550101","id":"A"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/revoke", `{"to":"12025550101","id":"A"}`, 404, "no_message"},
		{"POST", "/phones/12025550100/typing", `{"to":"12025550101","state":"flying"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/presence", `{}`, 422, "invalid"},
		{"POST", "/phones/12025550100/vote", `{"to":"12025550101","id":"A","options":["x"]}`, 404, "no_message"},
		{"POST", "/phones/12025550100/mute", `{"to":"12025550101","seconds":-2}`, 422, "invalid"},
		{"POST", "/phones/12025550100/pin", `{"to":"12025550101","off":true}`, 400, "bad_body"},
		{"POST", "/phones/12025550100/receipts", `{"to":"12025550101"}`, 422, "invalid"},
		{"POST", "/phones/12025550100/receipts", `{"to":"12025550101","ids":["A"],"attrs":{"from":"1.2.3.4@x@y"}}`, 422, "invalid"},
		{"POST", "/phones/12025550100/messages", `{"to":"12025550101","proto":{"dance":1}}`, 422, "invalid"},
		{"POST", "/phones/12025550100/devices/1/logout", ``, 404, "no_device"},
		{"POST", "/phones/12025550100/devices/x/logout", ``, 404, "no_device"},
		{"POST", "/groups", `{"subject":"","owner":"12025550100"}`, 422, "invalid"},
		{"POST", "/groups", `{"subject":"x","owner":"12025550199"}`, 404, "no_phone"},
		{"POST", "/groups", `{"subject":"x","owner":"12025550100","addressing":"x"}`, 422, "invalid"},
		{"GET", "/groups/1@g.us", ``, 404, "no_group"},
		{"POST", "/groups/1/add", `{"by":"12025550100","phones":["12025550101"]}`, 404, "no_group"},
		{"POST", "/phones/12025550100/messages", `{"to":"1@g.us","text":"x"}`, 404, "no_group"},
		{"POST", "/faults", `{"kind":"earthquake"}`, 422, "invalid"},
		{"POST", "/faults", `[{"kind":"cut"},{"kind":"login_failure","code":413}]`, 422, "invalid"},
		{"POST", "/faults", `{"kind":"cut","what":1}`, 400, "bad_body"},
		{"POST", "/faults", `[`, 400, "bad_body"},
		{"PUT", "/phones", ``, 405, "method_not_allowed"},
		{"DELETE", "", ``, 405, "method_not_allowed"},
		{"GET", "/telephones", ``, 404, "no_route"},
	} {
		t.Run(row.method+row.path, func(t *testing.T) {
			req, err := http.NewRequestWithContext(within(t), row.method, url+"/sandbox"+row.path, strings.NewReader(row.body))
			require.NoError(t, err)
			res := do(t, req)
			defer res.Body.Close()
			raw, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, row.status, res.StatusCode, "%s", raw)
			require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
			var p refused
			require.NoError(t, json.Unmarshal(raw, &p))
			require.Equal(t, row.code, p.Code)
			require.Equal(t, row.status, p.Status)
			require.NotEmpty(t, p.Detail)
		})
	}
}

func do(t *testing.T, req *http.Request) *http.Response {
	t.Helper()
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := web.Do(req)
	require.NoError(t, err)
	return res
}

// Without a key, the control routes must not be reachable through a browser
// that is shown a foreign page, nor from another machine.
func TestControlIsForThisMachine(t *testing.T) {
	s, url := controlServer(t)
	for _, row := range []struct {
		host, header, value string
		method              string
		status              int
	}{
		{"evil.example", "", "", "GET", 403},
		{"evil.example:80", "", "", "POST", 403},
		{"", "Sec-Fetch-Site", "cross-site", "POST", 403},
		{"", "Origin", "https://evil.example", "POST", 403},
		{"localhost", "", "", "GET", 200},
		{"[::1]:1234", "", "", "GET", 200},
		{"", "Sec-Fetch-Site", "same-origin", "GET", 200},
	} {
		path := "/sandbox"
		if row.method == "POST" {
			path = "/sandbox/phones"
		}
		req, err := http.NewRequestWithContext(within(t), row.method, url+path, strings.NewReader(`{"phone":"12025550100"}`))
		require.NoError(t, err)
		req.Host = row.host
		if row.header != "" {
			req.Header.Set(row.header, row.value)
		}
		res := do(t, req)
		require.NoError(t, res.Body.Close())
		require.Equal(t, row.status, res.StatusCode, "%+v", row)
	}
	foreign := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/sandbox", nil)
	foreign.RemoteAddr = "192.0.2.1:1234"
	answer := httptest.NewRecorder()
	s.Control().ServeHTTP(answer, foreign)
	require.Equal(t, 403, answer.Code)
	require.Empty(t, s.Phones())
}

func TestQRGrowsStale(t *testing.T) {
	var ahead atomic.Int64
	s, err := Open(Config{Root: rootKey(), Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	require.NoError(t, err)
	defer s.Close()
	ann := newPhone(t, s, "12025550100", "Ann")
	c := newClient(t, s.Info())
	require.NoError(t, c.Connect())
	qr := waitEvents[*events.QR](c, 1, nil)[0]
	ahead.Store(int64(2 * time.Minute))
	_, err = ann.Scan(within(t), qr.Codes[0])
	require.ErrorIs(t, err, ErrQRStale)
	_, err = ann.Scan(within(t), "https://wa.me/settings/linked_devices#"+strings.Replace(strings.SplitN(qr.Codes[5], "#", 2)[1], ",", ",A", 1))
	require.ErrorIs(t, err, ErrQRInvalid)
	_, err = ann.Scan(within(t), strings.SplitN(qr.Codes[5], "#", 2)[1])
	require.NoError(t, err)
	waitEvents[*events.Connected](c, 1, nil)
	_, err = ann.Scan(within(t), qr.Codes[5])
	require.ErrorIs(t, err, ErrQRUsed)
}

func TestPairRefused(t *testing.T) {
	s := openServer(t)
	ann := newPhone(t, s, "12025550100", "Ann")
	c := newClient(t, s.Info())
	c.PrePairCallback = func(types.JID, string, string) bool { return false }
	require.NoError(t, c.Connect())
	qr := waitEvents[*events.QR](c, 1, nil)[0]
	_, err := ann.Scan(within(t), qr.Codes[0])
	require.ErrorIs(t, err, ErrPairRefused)
	require.Empty(t, ann.Devices())
}

func TestOpenRefuses(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "192.0.2.1:0", ":0", "example.org:0", "nonsense"} {
		_, err := Open(Config{Listen: address})
		require.Error(t, err, address)
	}
	_, err := Open(Config{Root: []byte("short")})
	require.Error(t, err)
	_, err = Open(Config{DataDir: "/dev/null/nowhere"})
	require.Error(t, err)
}

func TestVersionPages(t *testing.T) {
	s := openServer(t)
	web, err := s.Info().HTTPClient()
	require.NoError(t, err)
	defer web.CloseIdleConnections()
	for _, page := range []string{"https://web.whatsapp.com/", "https://web.whatsapp.com/sw.js"} {
		res, err := web.Get(page)
		require.NoError(t, err)
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Contains(t, string(raw), fmt.Sprintf(`"client_revision":%d,`, clientRevision))
	}
}
