package sandbox

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// FuzzNode feeds the parser of client input: it may refuse, but not panic, and
// what it accepts can be written again.
func FuzzNode(f *testing.F) {
	f.Add(mustEncode(el("iq", attrs{"id": "1", "to": serverJID(), "xmlns": "w:p"}, el("ping", nil))))
	f.Add(mustEncode(el("message", attrs{"id": "2"}, el("participants", nil, leaf("enc", attrs{"v": "2"}, []byte{1, 2, 3})))))
	f.Add([]byte{2, 0x78, 0x9c})
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := decodeNode(data)
		if err != nil {
			return
		}
		_ = attrString(n, "id")
		_, _ = attrJID(n, "to")
		_ = contentBytes(n)
		_ = receiptIDs(n)
		_ = keysOf(n)
	})
}

// FuzzFrames cuts the same bytes whole and in two: the frames must not differ.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("WA\x06\x03\x00\x00\x02ab\x00\x00\x01c"), 5)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		if at < 0 || at > len(data) {
			return
		}
		whole, parts := &frameBuffer{}, &frameBuffer{}
		whole.push(bytes.Clone(data))
		want, wantErr := allFrames(whole)
		parts.push(bytes.Clone(data[:at]))
		got, gotErr := allFrames(parts)
		if gotErr == nil {
			parts.push(bytes.Clone(data[at:]))
			var more [][]byte
			more, gotErr = allFrames(parts)
			got = append(got, more...)
		}
		if (wantErr == nil) != (gotErr == nil) || wantErr == nil && !bytes.Equal(bytes.Join(want, []byte{'|'}), bytes.Join(got, []byte{'|'})) {
			t.Fatalf("%q %v, in two parts %q %v", want, wantErr, got, gotErr)
		}
	})
}

func allFrames(b *frameBuffer) (list [][]byte, err error) {
	for {
		frame, err := b.next()
		if frame == nil || err != nil {
			return list, err
		}
		list = append(list, frame)
	}
}

func FuzzFaults(f *testing.F) {
	f.Add([]byte(`[{"kind":"cut","phone":"12025550100"}]`))
	f.Add([]byte(`{"kind":"ack_delay","delayMs":5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var list someFaults
		if err := decode(body, &list); err != nil {
			return
		}
		for i := range list {
			_ = list[i].check()
		}
	})
}

func FuzzQR(f *testing.F) {
	f.Add("https://wa.me/settings/linked_devices#2@x,AAAA,BBBB,CCCC,1")
	f.Fuzz(func(t *testing.T, text string) {
		if code, err := parseQR(text); err == nil && (len(code.noise) != 32 || len(code.identity) != 32 || len(code.secret) != 32) {
			t.Fatal("incomplete code accepted")
		}
	})
}

// FuzzControl feeds the control routes: whatever comes, it is answered, and never as a fault of the
// server.
func FuzzControl(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "phones", `{"phone":"12025550100","name":"Ann"}`},
		{"POST", "phones/12025550100/messages", `{"to":"12025550100","text":"x","count":-1}`},
		{"POST", "phones/12025550100/scan", `{"qr":"2@"}`},
		{"POST", "faults", `[{"kind":"cut"}]`},
		{"GET", "phones/../x", ""},
		{"POST", "phones/1/pair-code", `{"code":null}`},
		{"DELETE", "", "{"},
	} {
		f.Add(seed[0], seed[1], []byte(seed[2]))
	}
	s, err := Open(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	control := s.Control()
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1/sandbox/"+url.PathEscape(path), bytes.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path, r.URL.RawPath = "/sandbox/"+path, ""
		w := httptest.NewRecorder()
		control.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %q: %d %s", method, path, w.Code, w.Body)
		}
	})
}
